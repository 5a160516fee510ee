"""Price files whose days may come in any order, more than once and with gaps, and how they are written.

Invariant: every row read is a day and a price that a job may use; every fault is reported with its line.
"""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

from etl.disk.files import read_text
from etl.errors import PriceFileError
from etl.prices.price_file import OPTIONAL_COLUMNS, REQUIRED_COLUMNS


class PriceRow(NamedTuple):
    """A day's price in US dollars, and who says so."""

    day: date
    price: Decimal
    source: str


def read_price_rows(path: Path) -> list[PriceRow]:
    """The rows of a prices file (CSV) in its order. Raises PriceFileError."""
    text = read_text(path, PriceFileError)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = list(reader.fieldnames or ())
        if set(REQUIRED_COLUMNS) - set(columns) or set(columns) - {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS}:
            raise PriceFileError(
                f"{path}, line 1: the columns are {', '.join(columns) or 'missing'}",
                "use the columns date, price_usd and, if wanted, source",
            )
        return [_row(path, reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise PriceFileError(f"{path}, line {reader.line_num}: {error}", "correct the line") from error


def _row(path: Path, line: int, row: dict[str | None, str | None]) -> PriceRow:
    day, price, source = (row.get(name) or "" for name in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS))
    try:
        if None in row:
            raise ValueError("too many fields")
        found = PriceRow(date.fromisoformat(day), Decimal(price), source)
        if not 0 < float(found.price) < float("inf"):
            raise ValueError("no price")
    except (ValueError, InvalidOperation) as error:
        raise PriceFileError(
            f"{path}, line {line}: {day!r}, {price!r} is no date and price",
            "write dates as 2024-12-31 and prices as plain numbers",
        ) from error
    return found


def prices_text(rows: list[PriceRow]) -> str:
    """The text of a prices file."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS])
    writer.writerows((row.day, f"{row.price:f}", row.source) for row in rows)
    return written.getvalue()
