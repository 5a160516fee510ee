"""The rows of a query as a table for people, or as CSV, JSON or Parquet in a file or on stdout."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from etl.cli.text import Heading, print_table
from etl.errors import UsageError

if TYPE_CHECKING:
    from etl.results.answers import Answer

TABLE = "table"
FORMATS = (TABLE, "csv", "csv-for-spreadsheets", "json", "parquet")

_Function = TypeVar("_Function", bound=Callable[..., None])


@dataclass(frozen=True)
class Output:
    """Where an answer goes, and in which form."""

    form: str
    file: Path | None

    def write(self, answer: Answer) -> None:
        """Write an answer whole, in any form but a table."""
        from etl.results.answers import WRITERS, write_file

        writer = WRITERS[self.form]
        if self.file:
            write_file(answer, self.file, writer)
            return
        with tempfile.TemporaryDirectory(prefix="minerflow-") as folder:
            path = Path(folder) / "rows"
            write_file(answer, path, writer)
            with path.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)


def output_options(function: _Function) -> _Function:
    """--format and -o, which `taken_output` takes out of a command's options."""
    for option in (
        click.option(
            "-o", "--output", type=click.Path(path_type=Path),
            help="Write to this file, not to stdout.",
        ),
        click.option(
            "--format", "form", type=click.Choice(FORMATS),
            help="[default: by the file's ending, else table]  csv-for-spreadsheets is CSV in which "
            "no text begins like a formula.",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def taken_output(options: dict[str, Any]) -> Output:
    """What --format and -o say. Raises UsageError for a format that does not go where it should."""
    form, file = options.pop("form"), options.pop("output")
    if form is None:
        form = _by_ending(file) if file else TABLE
    if file and form == TABLE:
        raise UsageError("a table is for reading, not for a file", "give --format csv, json or parquet")
    if not file and form == "parquet" and sys.stdout.isatty():
        raise UsageError("Parquet is no text for a terminal", "name a file with -o FILE")
    return Output(form, file)


def _by_ending(file: Path) -> str:
    form = file.suffix[1:].lower()
    if form not in ("csv", "json", "parquet"):
        raise UsageError(
            f"the name {file.name} does not say what to write",
            "end it with .csv, .json or .parquet, or add --format csv, json or parquet",
        )
    return form


def print_first(answer: Answer, most_rows: int) -> None:
    """The first rows of an answer as a table."""
    rows = answer.texts(most_rows + 1)
    print_rows(answer, rows[:most_rows])
    if len(rows) > most_rows:
        _say_shortened("first", most_rows)


def print_latest(answer: Answer, most_rows: int, *, from_known: bool) -> None:
    """The last rows of an answer as a table; `from_known` leaves out those before anything is known.

    The first column tells the rows apart; known is what is neither NULL nor 0.
    """
    rows = answer.latest_texts(most_rows + 1)
    shown = rows[-most_rows:]
    first = next((at for at, row in enumerate(shown) if any(map(_is_known, row[1:]))), 0)
    if not from_known:
        first = 0
    print_rows(answer, shown[first:])
    if first:
        text = (
            f"nothing is known before {shown[first][0]}; --start shows the {answer.columns[0].name}s before"
        )
        click.echo(text, err=True)
    elif len(rows) > most_rows:
        _say_shortened("latest", most_rows)


def print_rows(answer: Answer, rows: Sequence[Sequence[str | None]]) -> None:
    """Rows of an answer as a table."""
    headings = [
        Heading(column.name, column.is_number, folds=column.kind == "varchar") for column in answer.columns
    ]
    shortened = [
        [
            _shortened(cell) if column.is_number else cell
            for cell, column in zip(row, answer.columns, strict=True)
        ]
        for row in rows
    ]
    print_table(headings, shortened)


def _say_shortened(which: str, most_rows: int) -> None:
    click.echo(f"these are the {which} {most_rows:,} rows; --format csv, json or parquet gives all", err=True)


def _is_known(cell: str | None) -> bool:
    return cell is not None and cell.strip("0.") != ""


def _shortened(number: str | None) -> str | None:
    """A number without zeros that say nothing."""
    if number is None or "." not in number or "e" in number:
        return number
    return number.rstrip("0").rstrip(".")
