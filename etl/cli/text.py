"""How the commands write fields, sizes and tables for people."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from io import StringIO

import click

_WIDE = 100_000


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
        click.echo(f"{name:<{width}}  {value}")


def print_table(columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str | None]]) -> None:
    """A table on stdout; columns are (name, whether to align right), None is an empty cell.

    On a terminal long cells are folded; elsewhere lines are as long as they must be.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for name, is_right in columns:
        table.add_column(Text(name), justify="right" if is_right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell or "") for cell in row))
    if sys.stdout.isatty():
        Console(file=sys.stdout).print(table)
        return
    console = Console(file=StringIO(), width=_WIDE)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
