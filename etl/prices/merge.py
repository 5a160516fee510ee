"""Adding daily prices to those held, with everything odd about them found first.

Invariants: a price held is never overwritten unless that is asked for; what results has every day
from the first to the last once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from etl.errors import PriceFileError
from etl.prices.price_file import PriceRow

JUMP = Decimal("1.5")
"""A day's price over the one before, or the other way round, from which on it is reported."""

_MOST_LISTED = 5


@dataclass(frozen=True)
class Merged:
    """Prices after an addition, and what is worth telling about it."""

    rows: list[PriceRow]
    """by day"""
    added: int
    replaced: list[tuple[PriceRow, PriceRow]]
    """held and given"""
    repeated: list[date]
    """days given more than once, each time with the same price"""
    jumps: list[tuple[PriceRow, PriceRow]]
    """given days whose price is far from the day before: that day's and theirs"""

    @property
    def is_changed(self) -> bool:
        """Whether any price is new or another."""
        return bool(self.added or self.replaced)

    def lines(self) -> list[str]:
        """The findings for people."""
        found = [
            *_listed("given more than once", [str(day) for day in self.repeated]),
            *_listed("replaced", [f"{a.day}: {a.price} by {b.price}" for a, b in self.replaced]),
            *_listed("jumps", [f"{b.day}: {a.price} to {b.price}" for a, b in self.jumps]),
        ]
        span = f"{self.rows[0].day} to {self.rows[-1].day}" if self.rows else "none"
        return [*found, f"new prices: {self.added:,}; held now: {len(self.rows):,} ({span})"]


def merge(held: Iterable[PriceRow], given: Iterable[PriceRow], *, replace: bool) -> Merged:
    """Add prices to those held. Raises PriceFileError for gaps and for prices that contradict.

    A price that is held as well counts as given only if it differs.
    """
    by_day = {row.day: row for row in held}
    new, repeated = _without_repetition(given)
    replaced = [
        (by_day[day], row) for day, row in new.items() if day in by_day and by_day[day].price != row.price
    ]
    if replaced and not replace:
        listed = _listed("differ", [f"{a.day}: {a.price} held, {b.price} given" for a, b in replaced])
        raise PriceFileError(
            f"{len(replaced):,} days have another price already ({listed[0]})",
            "give --replace to overwrite them; nothing was changed",
        )
    changed = {row.day: row for _, row in replaced}
    added = {day: row for day, row in new.items() if day not in by_day}
    rows = sorted((by_day | changed | added).values())
    _refuse_gaps(rows)
    return Merged(rows, len(added), replaced, repeated, _jumps(rows, changed.keys() | added.keys()))


def _without_repetition(given: Iterable[PriceRow]) -> tuple[dict[date, PriceRow], list[date]]:
    new: dict[date, PriceRow] = {}
    repeated: list[date] = []
    for row in given:
        if row.day not in new:
            new[row.day] = row
            continue
        other = new[row.day]
        if other.price != row.price:
            raise PriceFileError(
                f"two prices are given for {row.day}: {other.price} and {row.price}",
                "remove the wrong one",
            )
        repeated.append(row.day)
    return new, repeated


def _refuse_gaps(rows: list[PriceRow]) -> None:
    gaps = [
        (a.day + timedelta(days=1), b.day - timedelta(days=1))
        for a, b in zip(rows, rows[1:], strict=False)
        if b.day - a.day > timedelta(days=1)
    ]
    if gaps:
        listed = _listed("gaps", [f"{first} to {last}" for first, last in gaps])
        raise PriceFileError(
            f"days without price would lie between others ({listed[0]})",
            "fill them first, from a file or another provider; nothing was changed",
        )


def _jumps(rows: list[PriceRow], days: set[date]) -> list[tuple[PriceRow, PriceRow]]:
    return [
        (before, row)
        for before, row in zip(rows, rows[1:], strict=False)
        if (row.day in days or before.day in days)
        and max(row.price / before.price, before.price / row.price) >= JUMP
    ]


def _listed(title: str, items: list[str]) -> list[str]:
    """One line for some items, none for none."""
    if not items:
        return []
    more = f" and {len(items) - _MOST_LISTED:,} more" if len(items) > _MOST_LISTED else ""
    return [f"{title}: {', '.join(items[:_MOST_LISTED])}{more}"]
