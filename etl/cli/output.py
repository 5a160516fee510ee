"""The rows of a query as a table for people, or as CSV, JSON or Parquet in a file or on stdout."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from etl.cli.text import print_table
from etl.errors import UsageError

if TYPE_CHECKING:
    from etl.results.answers import Answer

FORMATS = ("table", "csv", "csv-for-spreadsheets", "json", "parquet")

_Function = TypeVar("_Function", bound=Callable[..., None])


def output_options(function: _Function) -> _Function:
    """--format and -o."""
    for option in (
        click.option(
            "-o", "--output", type=click.Path(path_type=Path),
            help="Write to this file, not to stdout.",
        ),
        click.option(
            "--format", "format_name", type=click.Choice(FORMATS), default="table",
            show_default=True,
            help="csv-for-spreadsheets is CSV in which no text begins like a formula.",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def check_output(format_name: str, output: Path | None) -> None:
    """Raise UsageError for a format that does not go where it should."""
    if output and format_name == "table":
        raise UsageError("a table is for reading, not for a file", "add --format csv, json or parquet")
    if not output and format_name == "parquet" and sys.stdout.isatty():
        raise UsageError("Parquet is no text for a terminal", "name a file with -o FILE")


def write_answer(answer: Answer, format_name: str, output: Path | None, most_rows: int) -> None:
    """Write an answer where `check_output` has let it go; a table shows `most_rows` at most."""
    if format_name == "table":
        _print(answer, most_rows)
        return
    from etl.results.answers import WRITERS, write_file

    writer = WRITERS[format_name]
    if output:
        write_file(answer, output, writer)
        return
    with tempfile.TemporaryDirectory(prefix="minerflow-") as folder:
        path = Path(folder) / "rows"
        write_file(answer, path, writer)
        with path.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)


def _print(answer: Answer, most_rows: int) -> None:
    rows = answer.texts(most_rows + 1)
    columns = [(column.name, column.is_number) for column in answer.columns]
    shortened = [
        [
            _shortened(cell) if column.is_number else cell
            for cell, column in zip(row, answer.columns, strict=True)
        ]
        for row in rows[:most_rows]
    ]
    print_table(columns, shortened)
    if len(rows) > most_rows:
        click.echo(
            f"these are the first {most_rows:,} rows; --format csv, json or parquet gives all",
            err=True,
        )


def _shortened(number: str | None) -> str | None:
    """A number without zeros that say nothing."""
    if number is None or "." not in number or "e" in number:
        return number
    return number.rstrip("0").rstrip(".")
