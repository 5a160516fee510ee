"""Daily prices in CSV files: the price of a day is the one at its end (00:00 UTC of the next day).

Invariants: every row read is a day that a block can have and a price that can be one; every fault is reported
with its line. A file without rows, with a header line or without, holds no prices.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

from etl.disk.files import read_text
from etl.errors import PriceFileError

REQUIRED_COLUMNS = ("date", "price_usd")
OPTIONAL_COLUMNS = ("source",)

FIRST_DAY = date(2009, 1, 3)
"""of the genesis block"""
LAST_DAY = date(2106, 2, 7)
"""the last that a block's time, 32 bits of seconds, can tell"""
LEAST_USD = Decimal("0.000001")
MOST_USD = Decimal("1000000000")

_LONGEST_NUMBER = 40
"""characters: more digits are no price"""
_MOST_SHOWN = 40


class PriceRow(NamedTuple):
    """A day's price in US dollars, and who says so."""

    day: date
    price: Decimal
    source: str


def is_price(amount: Decimal) -> bool:
    """Whether a number can be the price of a bitcoin in US dollars."""
    return amount.is_finite() and LEAST_USD <= amount <= MOST_USD


def read_price_rows(path: Path) -> list[PriceRow]:
    """The rows of a prices file in its order; days may come in any order, more than once and with gaps.

    Raises PriceFileError.
    """
    return [row for _, row in _numbered_rows(path)]


def load_prices(path: Path) -> list[tuple[date, Decimal]]:
    """(day, price in US dollars) of a prices file: every day from the first to the last once, in order.

    Raises PriceFileError.
    """
    prices: list[tuple[date, Decimal]] = []
    for line, row in _numbered_rows(path):
        if prices:
            _check_order(path, line, prices[-1][0], row.day)
        prices.append((row.day, row.price))
    return prices


def prices_text(rows: list[PriceRow]) -> str:
    """The text of a prices file."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS])
    writer.writerows((row.day, f"{row.price:f}", row.source) for row in rows)
    return written.getvalue()


def _numbered_rows(path: Path) -> Iterator[tuple[int, PriceRow]]:
    """The rows with the lines that they end on."""
    reader = csv.DictReader(io.StringIO(read_text(path, PriceFileError), newline=""), strict=True)
    try:
        if reader.fieldnames:
            _check_columns(path, list(reader.fieldnames))
        for row in reader:
            yield reader.line_num, _row(path, reader.line_num, row)
    except csv.Error as error:
        line = reader.reader.line_num
        raise PriceFileError(f"{path}, line {line}: {error}", "correct the line") from error


def _check_columns(path: Path, columns: list[str]) -> None:
    unknown = [column for column in columns if column not in {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS}]
    missing = [column for column in REQUIRED_COLUMNS if column not in columns]
    if unknown:
        reason = f"unknown column {_shown(unknown[0])}"
    elif missing:
        reason = f"no column {missing[0]!r}"
    elif len(set(columns)) < len(columns):
        reason = "a column stands there twice"
    else:
        return
    raise PriceFileError(
        f"{path}, line 1: {reason}", "use the columns date, price_usd and, if wanted, source"
    )


def _row(path: Path, line: int, row: dict[str | None, str | None]) -> PriceRow:
    day, price, source = (row.get(name) or "" for name in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS))
    if None in row:
        raise PriceFileError(f"{path}, line {line}: too many fields", "write prices with a decimal point")
    try:
        if len(price) > _LONGEST_NUMBER:
            raise ValueError("too long")
        found = PriceRow(date.fromisoformat(day), Decimal(price), source)
    except (ValueError, InvalidOperation) as error:
        raise PriceFileError(
            f"{path}, line {line}: {_shown(day)}, {_shown(price)} is no date and price",
            "write dates as 2024-12-31 and prices as plain numbers",
        ) from error
    _check_bounds(path, line, found)
    return found


def _check_bounds(path: Path, line: int, row: PriceRow) -> None:
    if not FIRST_DAY <= row.day <= LAST_DAY:
        reason = f"no block can be of {row.day} ({FIRST_DAY} to {LAST_DAY})"
    elif not is_price(row.price):
        reason = f"{row.price} is no price of a bitcoin ({LEAST_USD} to {MOST_USD} US dollars)"
    else:
        return
    raise PriceFileError(f"{path}, line {line}: {reason}", "correct or remove the line")


def _check_order(path: Path, line: int, before: date, day: date) -> None:
    wanted = before + timedelta(days=1)
    if day == wanted:
        return
    if day == before:
        reason = f"a second price for {day}"
    elif day < before:
        reason = f"{day} comes after {before}"
    else:
        reason = f"a gap: no price for {wanted} ({(day - wanted).days} days are missing)"
    raise PriceFileError(
        f"{path}, line {line}: {reason}", "give every day from the first to the last once, in order"
    )


def _shown(text: str) -> str:
    """A text of the file for a message: on one line, without control characters, cut short."""
    return repr(text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…")
