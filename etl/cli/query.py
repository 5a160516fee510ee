"""`minerflow query`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etl.cli.common import Command, settings_of
from etl.cli.text import print_table
from etl.errors import UsageError

if TYPE_CHECKING:
    from etl.results.answers import Answer

MOST_TABLE_ROWS = 1_000

_EXAMPLE = """\
minerflow query "SELECT day, value FROM metrics WHERE profile = 'entity'
                 AND metric = 'FlowMinerOut1HopAllExNtv' ORDER BY day" --format csv -o out.csv"""


@click.command(cls=Command, example=_EXAMPLE)
@click.argument("sql")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    default="table",
    show_default=True,
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file, not to stdout.")
def command(sql: str, format_name: str, output: Path | None, **options: Any) -> None:
    """Ask the published results a question in SQL (DuckDB's dialect)."""
    from etl.disk.datadir import DataDirectory
    from etl.results.answers import WRITERS, ask, write_file
    from etl.results.published import open_published

    if output and format_name == "table":
        raise UsageError("a table is for reading, not for a file", "add --format csv, json or parquet")
    if not output and format_name == "parquet" and sys.stdout.isatty():
        raise UsageError("Parquet is no text for a terminal", "name a file with -o FILE")
    with open_published(DataDirectory(settings_of(options).data_dir)) as con:
        answer = ask(con, sql)
        if output:
            write_file(answer, output, WRITERS[format_name])
        elif format_name == "table":
            _print(answer)
        else:
            _copy_to_stdout(answer, format_name)


def _print(answer: Answer) -> None:
    rows = answer.texts(MOST_TABLE_ROWS + 1)
    columns = [(column.name, column.is_number) for column in answer.columns]
    print_table(columns, rows[:MOST_TABLE_ROWS])
    if len(rows) > MOST_TABLE_ROWS:
        click.echo(
            f"these are the first {MOST_TABLE_ROWS:,} rows; --format csv, json or parquet gives all",
            err=True,
        )


def _copy_to_stdout(answer: Answer, format_name: str) -> None:
    from etl.results.answers import WRITERS, write_file

    with tempfile.TemporaryDirectory(prefix="minerflow-") as folder:
        path = Path(folder) / "rows"
        write_file(answer, path, WRITERS[format_name])
        with path.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
