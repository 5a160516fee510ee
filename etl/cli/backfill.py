"""`minerflow backfill`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from etl import api
from etl.cli.common import Command, given, job_of, job_options, settings_of
from etl.cli.text import printable
from etl.disk.datadir import DataDirectory

if TYPE_CHECKING:
    from etl.jobs.report import RunReport
    from etl.options import JobOptions

_FROM_THE_END = re.compile(r"-\d[^:]*:.*")

_EXAMPLE = """\
minerflow backfill 0:499999 --source blockfiles --blocks-dir ~/.bitcoin/blocks
minerflow backfill -1000: --rpc-url http://127.0.0.1:8332 --dry-run"""


class _RangeCommand(Command):
    """Takes a range such as -1000: for an argument, not for an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        spaced = [f" {arg}" if _FROM_THE_END.fullmatch(arg) else arg for arg in args]
        return super().parse_args(ctx, spaced)


@click.command(cls=_RangeCommand, example=_EXAMPLE)
@click.argument("wanted", metavar="[RANGE]", required=False)
@job_options
@click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
def command(wanted: str | None, dry_run: bool, **options: Any) -> None:
    """Index blocks and publish the results; a run that was stopped continues.

    RANGE is FIRST:LAST with both ends, :LAST, FIRST:, FIRST:+COUNT, +COUNT (so many more than are
    indexed) or -COUNT: (the last ones); 500k and 1.2M are understood. Without it: everything.
    """
    wanted = wanted.strip() if wanted else None
    if dry_run:
        _print_plan(job_of(options), wanted)
        return
    from etl.cli.progress import open_progress

    with open_progress() as progress:
        report = api.backfill(blocks=wanted, progress=progress, **given(options))
    click.echo(summary(report))
    click.echo(f"published: {DataDirectory(settings_of(options).data_dir).published}")


def _print_plan(job: JobOptions, wanted: str | None) -> None:
    from etl.cli.progress import open_progress
    from etl.compiled.notice import compiling_told
    from etl.jobs.plan import plan_backfill

    with open_progress() as progress, compiling_told(progress.message):
        plan = plan_backfill(job, wanted, progress)
    for line in plan.lines():
        click.echo(printable(line))


def summary(report: RunReport) -> str:
    """What a run did, in a line, and its warnings."""
    seconds = sum(report.seconds.values())
    line = (
        f"{report.network}: blocks {report.first_height:,} to {report.last_height:,} are indexed; "
        f"new: {report.blocks:,} blocks, {report.transactions:,} transactions, "
        f"{len(report.days_newly_final):,} final days, in {seconds:,.1f} s"
    )
    return "\n".join([line, *(f"warning: {printable(warning)}" for warning in report.warnings)])
