"""`minerflow export`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from etl.cli.common import Command, opened


@click.command(cls=Command, example="minerflow export ./minerflow-export --format csv --since 2024-01-01")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(["parquet", "csv", "csv-for-spreadsheets"]),
    default="parquet",
    show_default=True,
    help="csv-for-spreadsheets is CSV in which no text begins like a formula.",
)
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Leave the files of years before this day's as they are.",
)
def command(directory: Path, form: str, since: datetime | None, **options: Any) -> None:
    """Write all tables and daily metrics into files by profile and year, with a data dictionary.

    A second export to the same directory writes only the files whose rows have changed.
    """
    from etl.results.export import export

    with opened(options).reading() as con:
        done = export(con, directory, form, since.date() if since else None)
    click.echo(
        f"{directory}: {done.written:,} files written ({done.written_rows:,} rows), "
        f"{done.unchanged:,} unchanged, {done.deleted:,} deleted"
    )
