"""`minerflow drill`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etl.cli.common import Command
from etl.cli.metrics import choice_of, choice_options, metric_of_day, published_metrics
from etl.cli.output import check_output, output_options, write_answer

if TYPE_CHECKING:
    from datetime import date

    import duckdb

    from etl.results.metrics import Choice
    from etl.warehouse.catalogue import Metric

MOST_TABLE_ROWS = 100


@click.command(cls=Command, example="minerflow drill MinerOutflowTotalNtv 2024-04-20 --miner F2Pool")
@click.argument("name", metavar="ID")
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
@choice_options
@output_options
def command(
    name: str, day: datetime, provisional: bool, format_name: str, output: Path | None,
    **options: Any,
) -> None:  # fmt: skip
    """Show the transactions behind a day's number, largest first.

    DAY is written like 2024-04-20. The amounts are those that count for the metric; what leaves in
    a difference of two is negative.
    """
    from etl.results.answers import ask
    from etl.results.drill import check_day, drill_sql
    from etl.results.metrics import check_choice

    check_output(format_name, output)
    choice = choice_of(options)
    with published_metrics(options, provisional) as (con, catalogue):
        metric = metric_of_day(catalogue, name)
        sql = drill_sql(catalogue, metric, day.date(), choice)
        check_day(con, day.date())
        check_choice(con, metric, choice)
        write_answer(ask(con, sql), format_name, output, MOST_TABLE_ROWS)
        if format_name == "table":
            _sum_up(con, sql, metric, day.date(), choice)


def _sum_up(con: duckdb.DuckDBPyConnection, sql: str, metric: Metric, day: date, choice: Choice) -> None:
    from dataclasses import replace

    from etl.results.metrics import values_sql

    count, total = con.execute(
        f"SELECT count(*), CAST(coalesce(sum(btc), 0) AS DECIMAL(20, 8)) FROM ({sql})"
    ).fetchall()[0]
    own = con.execute(values_sql([metric], replace(choice, start=day, end=day))).fetchall()
    value = own[0][1] if own else None
    known = "not known" if value is None else f"{value} {metric.unit}"
    click.echo(f"{count:,} transactions, {total} BTC together; {metric.id} of {day}: {known}")
