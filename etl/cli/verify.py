"""`minerflow verify`."""

from __future__ import annotations

from typing import Any

import click

from etl import api
from etl.cli.common import Command, given, source_options
from etl.cli.text import printable

_MARKS = {True: "sound", False: "WRONG", None: "-"}


@click.command(cls=Command, example="minerflow verify --deep --data-dir /srv/minerflow")
@source_options
@click.option("--deep", is_flag=True, help="Check the lake and compare with the node, too.")
def command(deep: bool, **options: Any) -> None:
    """Run every check on what is published; exits 1 where something is wrong.

    --deep also reads the lake's checksums, reads a sample of blocks again from the source, and compares
    what is unspent with the node's gettxoutsetinfo.
    """
    from etl.cli.progress import open_progress

    with open_progress() as progress:
        verdicts = api.verify(deep=deep, progress=progress, **given(options))
    for verdict in verdicts:
        click.echo(f"{_MARKS[verdict.is_sound]:6} {verdict.subject}: {printable(verdict.what)}")
    if any(verdict.is_sound is False for verdict in verdicts):
        raise SystemExit(1)
