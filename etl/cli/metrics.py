"""`minerflow metrics`: list, show, get, sql."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from etl.cli.common import Command, opened
from etl.cli.output import TABLE, output_options, print_latest, taken_output
from etl.cli.text import Heading, print_fields, print_table

if TYPE_CHECKING:
    import duckdb

    from etl.results.metrics import Choice
    from etl.warehouse.catalogue import Metric

MOST_TABLE_ROWS = 1_000

_Function = TypeVar("_Function", bound=Callable[..., None])
_DAY = click.DateTime(["%Y-%m-%d"])

_NARROW = ("id", "name", "unit")
_WIDE = (*_NARROW, "interval", "category", "vendor", "description")
_LIST_EXAMPLE = 'minerflow metrics list --search "exchange puell"'
_GET_EXAMPLE = """\
minerflow metrics get FlowMinerOut1HopAllNtv MRI1HopAll30d --start 2024-01-01
minerflow metrics get MinerOutflowTop10Ntv --miner AntPool --interval hour --format csv"""


@click.group(epilog="\b\nExample:\n  minerflow metrics get RevNtv MPI")
def command() -> None:
    """List the metrics, see what each is, get their values and their SQL.

    Each takes --data-dir, --config and -v, --verbose.
    """


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
@click.option("--wide", is_flag=True, help="All that is known of each; a terminal may lack the room.")
@click.option("--json", "as_json", is_flag=True, help="Print all that is known of each as JSON.")
def list_metrics(search: str, wide: bool, as_json: bool, **options: Any) -> None:
    """List the metrics; `metrics show ID` says more of one."""
    from etl.results.metrics import Catalogue

    with opened(options).reading() as con:
        found = Catalogue(con).search(search)
    if as_json:
        click.echo(json.dumps([asdict(metric) for metric in found], indent=1))
        return
    per = intervals(found)
    metrics = [metric for metric in found if metric.interval == per[metric.id][0]]
    names = _WIDE if wide else _NARROW
    rows = [[value for name, value in _facts(metric, per[metric.id]) if name in names] for metric in metrics]
    print_table([Heading(name, folds=name != "id") for name in names], rows)


def intervals(metrics: Iterable[Metric]) -> dict[str, list[str]]:
    """The intervals of each id, the longest first."""
    found: dict[str, list[str]] = {}
    for metric in metrics:
        found.setdefault(metric.id, []).append(metric.interval)
    return found


def _facts(metric: Metric, per: list[str]) -> list[tuple[str, str]]:
    return [
        ("id", metric.id),
        ("name", metric.name),
        ("unit", metric.unit),
        ("interval", ", ".join(per)),
        ("category", metric.category),
        ("vendor", metric.vendor),
        ("description", metric.description),
        ("view", f"{metric.view}, column {metric.column_name}"),
        ("a row per", metric.grain),
        ("from", metric.source),
        ("since", metric.since),
    ]


@command.command("show", cls=Command, example="minerflow metrics show PuellMulRev")
@click.argument("name", metavar="ID")
def show(name: str, **options: Any) -> None:
    """Print what a metric is, in which unit, and where it stands."""
    from etl.results.metrics import Catalogue

    with opened(options).reading() as con:
        catalogue = Catalogue(con)
    metric = catalogue.find(name)
    print_fields(dict(_facts(metric, intervals(catalogue.metrics)[metric.id])))


@command.command("get", cls=Command, example=_GET_EXAMPLE)
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@span_options
@choice_options
@click.option("--interval", type=click.Choice(["day", "hour", "block"]), help="[default: the longest it has]")
@output_options
def get(ids: tuple[str, ...], interval: str | None, provisional: bool, **options: Any) -> None:
    """Print the values of metrics, a row for each day (or hour, or block) and a column for each.

    A table shows the latest rows, from where something is known on; the other formats have all.
    """
    from etl.results.questions import metric_answer

    output, choice = taken_output(options), choice_of(options)
    with opened(options, provisional=provisional).reading() as con:
        answer = metric_answer(con, ids, choice, interval)
        if output.form == TABLE:
            print_latest(answer, MOST_TABLE_ROWS, from_known=choice.start is None)
        else:
            output.write(answer)
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
    """Print the query behind a metric, and the published view that it asks."""
    from etl.results.metrics import Catalogue, definition_sql, values_sql

    choice = choice_of(options)
    with opened(options).reading() as con:
        metric = Catalogue(con).find(name, interval)
        definition = definition_sql(con, metric)
    if provisional:
        click.echo("SET VARIABLE provisional = true;\n")
    click.echo(f"{values_sql([metric], choice)};\n\n{definition}")
