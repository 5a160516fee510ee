"""`minerflow plot`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etl.cli.common import Command, opened
from etl.cli.metrics import choice_of, choice_options, span_options
from etl.errors import UsageError

if TYPE_CHECKING:
    import duckdb

    from etl.results.charts.chart import Chart
    from etl.results.metrics import Choice

POOLS = "pools"
ENDINGS = (".png", ".svg", ".html")

_EXAMPLE = """\
minerflow plot FlowMinerOut1HopAllNtv --average 7 --average 30 -o outflow.png
minerflow plot MPI --bollinger -o mpi.html
minerflow plot pools --start 2024-01-01 -o pools.svg"""


@click.command(cls=Command, example=_EXAMPLE)
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@span_options
@choice_options
@click.option(
    "--average",
    "averages",
    type=click.IntRange(min=2),
    multiple=True,
    metavar="DAYS",
    help="Add a moving average; may be given several times.",
)
@click.option("--bollinger", is_flag=True, help="Add Bollinger bands, and mark the days above.")
@click.option("--price/--no-price", "with_price", default=True, help="Add the price of bitcoin.")
@click.option("--log/--linear", "is_log", default=None, help="The axis.  [default: what fits]")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write to this .png, .svg or .html file, not as text to stdout.",
)
def command(
    ids: tuple[str, ...], averages: tuple[int, ...], bollinger: bool, with_price: bool,
    is_log: bool | None, provisional: bool, output: Path | None, **options: Any,
) -> None:  # fmt: skip
    """Draw metrics over time; `pools` draws the pools' shares of the blocks.

    An HTML file works offline by itself. PNG and SVG need Matplotlib: pip install 'minerflow[plot]'.
    """
    if output and output.suffix not in ENDINGS:
        raise UsageError(f"{output} is no chart file", f"end its name with {' or '.join(ENDINGS)}")
    choice = choice_of(options)
    how = {"averages": averages, "with_price": with_price, "with_bands": bollinger, "is_log": is_log}
    with opened(options, provisional=provisional).reading() as con:
        chart = _chart(con, ids, choice, how)
    if output:
        _write(chart, output)
        return
    from etl.results.charts.spark import spark_text

    click.echo(spark_text(chart, shutil.get_terminal_size().columns))


def _chart(
    con: duckdb.DuckDBPyConnection, ids: tuple[str, ...], choice: Choice, how: dict[str, Any]
) -> Chart:  # fmt: skip
    from etl.results.charts.data import metric_chart, pools_chart
    from etl.results.metrics import Catalogue, check_choice

    if ids == (POOLS,):
        return pools_chart(con, choice.start, choice.end)
    catalogue = Catalogue(con)
    metrics = [catalogue.find_daily(name) for name in dict.fromkeys(ids)]
    for metric in metrics:
        check_choice(con, metric, choice)
    return metric_chart(con, metrics, choice, **how)


def _write(chart: Chart, output: Path) -> None:
    if output.suffix == ".html":
        from etl.results.charts.page import write_page

        write_page(chart, output)
    else:
        from etl.results.charts.picture import write_picture

        write_picture(chart, output)
    click.echo(output)
