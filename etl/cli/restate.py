"""`minerflow restate`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from etl import api
from etl.cli.common import Command, given, input_options

if TYPE_CHECKING:
    from etl.jobs.report import RunReport

_EXAMPLE = "minerflow restate --exchanges labels.csv --data-dir /srv/minerflow"
_SHOWN_DAYS = 20


@click.command(cls=Command, example=_EXAMPLE)
@input_options
@click.option(
    "--from-day", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY",
    help="Report changes from this day on only.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the run's report as JSON.")
def command(from_day: Any, as_json: bool, **options: Any) -> None:
    """Track everything anew from the lake, without asking the node, and publish.

    After new labels or a new method, and to let the coinmetrics profile's exchanges own retroactively what
    was learnt since. What is published stays until the new results are complete.
    """
    from etl.cli.backfill import summary
    from etl.cli.progress import open_progress

    with open_progress() as progress:
        report = api.restate(progress=progress, **given(options))
    report.days_changed = _since(report, from_day.date() if from_day else None)
    click.echo(report.to_json() if as_json else "\n".join([summary(report), *_changes(report)]))


def _since(report: RunReport, first: date | None) -> list[dict[str, object]]:
    return [row for row in report.days_changed if first is None or str(row["day"]) >= str(first)]


def _changes(report: RunReport) -> list[str]:
    rows = report.days_changed
    lines = [
        f"  {row['day']} {row['profile']}: {row['value_sat']:+,} sat, {row['tx_count']:+,} transactions"
        for row in rows[:_SHOWN_DAYS]
    ]
    if len(rows) > _SHOWN_DAYS:
        lines.append(f"  and {len(rows) - _SHOWN_DAYS} more, see the report in logs/")
    return [f"{len(rows)} days and profiles changed", *lines]
