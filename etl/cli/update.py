"""`minerflow update`."""

from __future__ import annotations

from typing import Any

import click

from etl import api
from etl.cli.common import Command, given, job_options

_EXAMPLE = "minerflow update --data-dir /srv/minerflow"


@click.command(cls=Command, example=_EXAMPLE)
@job_options
@click.option("--json", "as_json", is_flag=True, help="Print the run's report as JSON.")
def command(as_json: bool, **options: Any) -> None:
    """Go on from the last indexed block to the tip, and publish.

    Made for cron and systemd timers: exits 0 also where there was nothing new, and 4 while another job
    works on the data directory.
    """
    from etl.cli.backfill import summary
    from etl.cli.progress import open_progress

    with open_progress() as progress:
        report = api.update(progress=progress, **given(options))
    if as_json:
        click.echo(report.to_json())
    elif report.is_current:
        click.echo(f"nothing new: block {report.last_height:,} is the last one and published")
    else:
        click.echo(summary(report))
