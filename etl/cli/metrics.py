"""`minerflow metrics`: list, get, sql."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from etl.cli.common import Command, settings_of
from etl.cli.output import check_output, output_options, write_answer
from etl.cli.text import print_table
from etl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

    from etl.results.metrics import Catalogue, Choice
    from etl.warehouse.catalogue import Metric

MOST_TABLE_ROWS = 1_000

_Function = TypeVar("_Function", bound=Callable[..., None])
_DAY = click.DateTime(["%Y-%m-%d"])

_LIST_EXAMPLE = 'minerflow metrics list --search "exchange puell"'
_GET_EXAMPLE = """\
minerflow metrics get FlowMinerOut1HopAllNtv MRI1HopAll30d --start 2024-01-01
minerflow metrics get MinerOutflowTop10Ntv --miner AntPool --interval hour --format csv"""


@click.group(epilog="\b\nExample:\n  minerflow metrics get RevNtv MPI")
def command() -> None:
    """List the metrics, get their values, see their SQL.

    Each takes --data-dir, --config and -v, --verbose.
    """


@contextmanager
def published_metrics(
    options: dict[str, Any], provisional: bool = False
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Catalogue]]:
    """The published database of these options and its catalogue."""
    from etl.disk.datadir import DataDirectory
    from etl.results.metrics import Catalogue, show_running_day
    from etl.results.published import open_published

    with open_published(DataDirectory(settings_of(options).data_dir)) as con:
        if provisional:
            show_running_day(con)
        yield con, Catalogue(con)


def choice_options(function: _Function) -> _Function:
    """Options that tell whose numbers are asked for."""
    for option in (
        click.option(
            "--provisional", is_flag=True,
            help="Include the running day, which more blocks may change.",
        ),
        click.option(
            "--counterparty", metavar="NAME",
            help="The exchange or other miner of a pair.  [default: all of them]",
        ),
        click.option("--miner", default="all_miner", show_default=True, help="A pool."),
        click.option("--profile", default="entity", show_default=True, help="Who is a miner."),
    ):  # fmt: skip
        function = option(function)
    return function


def span_options(function: _Function) -> _Function:
    """--start and --end."""
    for option in (
        click.option("--end", type=_DAY, help="The last day."),
        click.option("--start", type=_DAY, help="The first day."),
    ):
        function = option(function)
    return function


def choice_of(options: dict[str, Any]) -> Choice:
    """Take the options of `choice_options` and `span_options` out of a command's."""
    from etl.results.metrics import Choice

    return Choice(
        profile=options.pop("profile"),
        miner=options.pop("miner"),
        counterparty=options.pop("counterparty"),
        start=_date(options.pop("start", None)),
        end=_date(options.pop("end", None)),
    )


def _date(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


@command.command("list", cls=Command, example=_LIST_EXAMPLE)
@click.option("--search", metavar="WORDS", default="", help="Only those that have all these words.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_metrics(search: str, as_json: bool, **options: Any) -> None:
    """List the metrics, with whose metric each corresponds to."""
    with published_metrics(options) as (_, catalogue):
        found = catalogue.search(search)
    if as_json:
        click.echo(json.dumps([asdict(metric) for metric in found], indent=1))
        return
    names = ("id", "name", "unit", "interval", "category", "vendor", "description")
    rows = [_row(metric, found) for metric in found if metric.interval == _longest(metric, found)]
    print_table([(name, False) for name in names], rows)


def _row(metric: Metric, found: list[Metric]) -> tuple[str, ...]:
    intervals = ", ".join(_intervals(metric, found))
    return (
        metric.id, metric.name, metric.unit, intervals, metric.category, metric.vendor,
        metric.description,
    )  # fmt: skip


def _intervals(metric: Metric, found: list[Metric]) -> list[str]:
    return [other.interval for other in found if other.id == metric.id]


def _longest(metric: Metric, found: list[Metric]) -> str:
    return _intervals(metric, found)[0]


@command.command("get", cls=Command, example=_GET_EXAMPLE)
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@span_options
@choice_options
@click.option("--interval", type=click.Choice(["day", "hour", "block"]), help="[default: the longest it has]")
@output_options
def get(
    ids: tuple[str, ...], interval: str | None, provisional: bool, format_name: str,
    output: Path | None, **options: Any,
) -> None:  # fmt: skip
    """Print the values of metrics, a row for each day (or hour, or block) and a column for each."""
    from etl.results.answers import ask
    from etl.results.metrics import check_choice, values_sql

    check_output(format_name, output)
    choice = choice_of(options)
    with published_metrics(options, provisional) as (con, catalogue):
        metrics = [catalogue.find(name, interval) for name in dict.fromkeys(ids)]
        for metric in metrics:
            check_choice(con, metric, choice)
        answer = ask(con, values_sql(metrics, choice))
        write_answer(answer, format_name, output, MOST_TABLE_ROWS)
        if provisional:
            _say_which_day_runs(con)


def _say_which_day_runs(con: duckdb.DuckDBPyConnection) -> None:
    for (day,) in con.execute("SELECT day FROM days WHERE NOT final").fetchall():
        click.echo(f"{day} is not final yet: more blocks may change it", err=True)


@command.command("sql", cls=Command, example="minerflow metrics sql MPI")
@click.argument("name", metavar="ID")
@span_options
@choice_options
@click.option("--interval", type=click.Choice(["day", "hour", "block"]), help="[default: the longest it has]")
def sql(name: str, interval: str | None, provisional: bool, **options: Any) -> None:
    """Print the query behind a metric, and the view that it asks."""
    from etl.results.metrics import definition_sql, values_sql

    choice = choice_of(options)
    with published_metrics(options) as (_, catalogue):
        metric = catalogue.find(name, interval)
    if provisional:
        click.echo("SET VARIABLE provisional = true;\n")
    click.echo(f"{values_sql([metric], choice)};\n\n{definition_sql(metric).rstrip()}")


def metric_of_day(catalogue: Catalogue, name: str) -> Metric:
    """The metric of that id per day. Raises UsageError."""
    metric = catalogue.find(name)
    if metric.interval != "day":
        raise UsageError(f"{metric.id} is no number of a day", "name a metric that has one")
    return metric
