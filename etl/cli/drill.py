"""`minerflow drill`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from etl.cli.common import Command, opened
from etl.cli.metrics import choice_of, choice_options
from etl.cli.output import TABLE, output_options, print_first, taken_output

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
def command(name: str, day: datetime, provisional: bool, **options: Any) -> None:
    """Show the transactions behind a day's number, largest first.

    DAY is written like 2024-04-20. The amounts are those that count for the metric; what leaves in
    a difference of two is negative.
    """
    from etl.results.metrics import Catalogue
    from etl.results.questions import drill_answer

    output, choice = taken_output(options), choice_of(options)
    with opened(options, provisional=provisional).reading() as con:
        answer = drill_answer(con, name, day.date(), choice)
        if output.form == TABLE:
            print_first(answer, MOST_TABLE_ROWS)
            _sum_up(con, answer.sql, Catalogue(con).find_daily(name), day.date(), choice)
        else:
            output.write(answer)


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
