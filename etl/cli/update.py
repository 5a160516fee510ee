"""`minerflow update`."""

from __future__ import annotations

from typing import Any

import click

from etl.cli.common import Command, job_of, job_options, say_compiling

_EXAMPLE = "minerflow update --data-dir /srv/minerflow"


@click.command(cls=Command, example=_EXAMPLE)
@job_options
@click.option("--json", "as_json", is_flag=True, help="Print the run's report as JSON.")
def command(as_json: bool, **options: Any) -> None:
    """Go on from the last indexed block to the tip, and publish.

    Made for cron and systemd timers: exits 0 also where there was nothing new, and 4 while another job
    works on the data directory.
    """
    job = job_of(options)
    say_compiling()
    from etl.cli.backfill import summary
    from etl.cli.progress import open_progress
    from etl.jobs.pipeline import run_update

    with open_progress() as progress:
        report = run_update(job, progress)
    if as_json:
        click.echo(report.to_json())
    elif report.is_current:
        click.echo(f"nothing new: block {report.last_height:,} is the last one and published")
    else:
        click.echo(summary(report))
