"""Daily prices: the price of a day is the one at its end (00:00 UTC of the next day).

Invariant: dates follow each other without gap or duplicate; every fault is reported with its line.
"""

from __future__ import annotations

import csv
import io
import math
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from etl.disk.files import read_text
from etl.errors import PriceFileError

REQUIRED_COLUMNS = ("date", "price_usd")
OPTIONAL_COLUMNS = ("source",)


def load_prices(path: Path) -> list[tuple[date, Decimal]]:
    """Read a prices file (CSV): (date, price in US dollars) in order. Raises PriceFileError."""
    reader = csv.DictReader(io.StringIO(read_text(path, PriceFileError), newline=""), strict=True)
    if not reader.fieldnames:
        return []
    _check_columns(path, list(reader.fieldnames))
    prices: list[tuple[date, Decimal]] = []
    try:
        for row in reader:
            price = _price(path, reader.line_num, row)
            if prices:
                _check_order(path, reader.line_num, prices[-1][0], price[0])
            prices.append(price)
    except csv.Error as error:
        line = reader.reader.line_num
        raise PriceFileError(f"{path}, line {line}: {error}", "correct the line") from error
    return prices


def _check_columns(path: Path, columns: list[str]) -> None:
    unknown = [c for c in columns if c not in {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS}]
    missing = [c for c in REQUIRED_COLUMNS if c not in columns]
    if unknown or missing:
        reason = f"unknown column {unknown[0]!r}" if unknown else f"no column {missing[0]!r}"
        raise PriceFileError(
            f"{path}, line 1: {reason}", "use the columns date, price_usd and, if wanted, source"
        )


def _price(path: Path, line: int, row: dict[str, str | None]) -> tuple[date, Decimal]:
    if None in row:
        raise PriceFileError(f"{path}, line {line}: too many fields", "write prices with a decimal point")
    try:
        day = date.fromisoformat(row["date"] or "")
        price = Decimal(row["price_usd"] or "")
    except (ValueError, InvalidOperation) as error:
        raise PriceFileError(
            f"{path}, line {line}: {row['date']!r}, {row['price_usd']!r} is no date and price",
            "write dates as 2024-12-31 and prices as plain numbers",
        ) from error
    if not math.isfinite(float(price)) or price <= 0:
        raise PriceFileError(f"{path}, line {line}: {price} is no price", "correct or remove the line")
    return day, price


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
