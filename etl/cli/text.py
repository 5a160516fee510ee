"""How the commands write fields, sizes and tables for people.

Invariants: a number, a day or a list is never cut or broken over lines; text that is not ours shows no
control characters.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

import click

from etl.foreign_text import escaped

_WIDE = 100_000
_LEAST_TEXT = 16
"""Columns of characters to which text may be folded."""
_AROUND = 3
"""Columns of characters that a table takes beside the contents of a column."""

Cells = Sequence[str | None]
"""A row; None is an empty cell."""


@dataclass(frozen=True)
class Heading:
    """A column of a table."""

    name: str
    is_number: bool = False
    """stands at the right"""
    folds: bool = True
    """may be broken over lines"""


def printable(text: str) -> str:
    """Text of several lines, each without what a terminal acts on."""
    return "\n".join(escaped(line, _WIDE) for line in text.split("\n"))


def size_text(count: float) -> str:
    """Bytes as text with a decimal unit, such as 1.2 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def print_fields(fields: Mapping[str, str]) -> None:
    """A line per field, values below each other."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        click.echo(f"{name:<{width}}  {printable(value)}")


def print_table(headings: Sequence[Heading], rows: Sequence[Cells]) -> None:
    """A table on stdout, as wide as the terminal; elsewhere lines are as long as they must be.

    Columns at the end that a terminal has no room for are left out, with a note on stderr; where not even two
    have room, each row is a list of its columns.
    """
    names = [escaped(heading.name) for heading in headings]
    cells = [[escaped(cell or "", _WIDE) for cell in row] for row in rows]
    terminal_width = _terminal_width()
    if terminal_width is None:
        _draw(headings, names, cells, [None] * len(names), _WIDE)
        return
    widths = fitted(headings, names, cells, terminal_width)
    if len(widths) < min(2, len(names)):
        _print_records(names, cells)
        return
    _draw(headings, names, cells, widths, terminal_width)
    if len(widths) < len(names):
        left_out = ", ".join(names[len(widths) :])
        click.echo(f"no room for {left_out}: a wider terminal or --format csv shows all", err=True)


def fitted(
    headings: Sequence[Heading], names: Sequence[str], cells: Sequence[Sequence[str]], width: int
) -> list[int]:
    """Widths of as many columns, from the first on, as a table of `width` characters has room for."""
    from rich.cells import cell_len

    longest = [max((cell_len(row[at]) for row in cells), default=0) for at in range(len(names))]
    wanted = [max(cell_len(name), least) for name, least in zip(names, longest, strict=True)]
    widths = [
        min(full, _LEAST_TEXT if heading.folds else max(least, min(full, _LEAST_TEXT)))
        for heading, full, least in zip(headings, wanted, longest, strict=True)
    ]
    while widths and sum(widths) + _AROUND * len(widths) + 1 > width:
        widths.pop()
    spare = width - sum(widths) - _AROUND * len(widths) - 1
    for at, taken in enumerate(widths):
        more = min(spare, wanted[at] - taken)
        widths[at] += more
        spare -= more
    return widths


def _draw(
    headings: Sequence[Heading], names: Sequence[str], cells: Sequence[Sequence[str]],
    widths: Sequence[int | None], terminal_width: int,
) -> None:  # fmt: skip
    """Draw the first columns, one for each of `widths`."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for heading, name, width in zip(headings, names, widths, strict=False):
        justify = "right" if heading.is_number else "left"
        table.add_column(Text(name), justify=justify, overflow="fold", width=width)  # type: ignore[arg-type]
    for row in cells:
        table.add_row(*(Text(cell) for cell in row[: len(widths)]))
    console = Console(file=StringIO(), width=terminal_width)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def _print_records(names: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    for row in cells:
        click.echo("")
        for name, cell in zip(names, row, strict=True):
            click.echo(f"{name}  {cell}".rstrip())


def _terminal_width() -> int | None:
    """In characters; None where stdout is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
