"""`minerflow verify`."""

from __future__ import annotations

from typing import Any

import click

from etl.cli.common import Command, job_of, source_options

_MARKS = {True: "sound", False: "WRONG", None: "-"}


@click.command(cls=Command, example="minerflow verify --deep --data-dir /srv/minerflow")
@source_options
@click.option("--deep", is_flag=True, help="Check the lake and compare with the node, too.")
def command(deep: bool, **options: Any) -> None:
    """Run every check on what is published; exits 1 where something is wrong.

    --deep also reads the lake's checksums, reads a sample of blocks again from the source, and compares
    what is unspent with the node's gettxoutsetinfo.
    """
    job = job_of(options)
    from etl.cli.progress import open_progress
    from etl.jobs.verify import verify

    with open_progress() as progress:
        verdicts = list(verify(job, deep=deep, progress=progress))
    for verdict in verdicts:
        click.echo(f"{_MARKS[verdict.is_sound]:6} {verdict.subject}: {verdict.what}")
    if any(verdict.is_sound is False for verdict in verdicts):
        raise SystemExit(1)
