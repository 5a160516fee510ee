"""The stretch of the chain that a job has changed, and the spans of days that it is derived anew by.

Invariants: everything below a stretch is as an earlier job derived and checked it. Spans follow each other
without a gap from the stretch's first day to the end of time, so that no row of a day that is gone stays; a
span holds so few transfers that what DuckDB groups fits into memory, or is one day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import duckdb

_MOST_ROWS = 2_000_000

_COUNTS = "SELECT day, count(*) FROM transfer_facts WHERE day >= ? GROUP BY day ORDER BY day"


class Stretch(NamedTuple):
    """Everything from a height on."""

    height: int
    day: date
    """of the block before, so the first one of which anything may be another"""


WHOLE = Stretch(0, date.min)


def stretch_from(con: duckdb.DuckDBPyConnection, height: int) -> Stretch:
    """The stretch from a height on."""
    before = con.execute("SELECT day FROM blocks WHERE height = ?", [height - 1]).fetchall()
    return Stretch(height, before[0][0]) if before else WHOLE


def limit_to(con: duckdb.DuckDBPyConnection, stretch: Stretch) -> None:
    """Have checks look at a stretch: they read it from the variables since_height and since_day."""
    con.execute("SET VARIABLE since_height = CAST(? AS INTEGER)", [stretch.height])
    con.execute("SET VARIABLE since_day = CAST(? AS DATE)", [stretch.day])


def build_by_days(con: duckdb.DuckDBPyConnection, sql: str, spans: list[tuple[date, date]]) -> None:
    """Run the SQL of a table for each span, whose ends it reads from the variables first_day and last_day."""
    for span in spans:
        for variable, day in zip(("first_day", "last_day"), span, strict=True):
            con.execute(f"SET VARIABLE {variable} = CAST(? AS DATE)", [day])
        con.execute(sql)


def day_spans(con: duckdb.DuckDBPyConnection, stretch: Stretch) -> list[tuple[date, date]]:
    """The spans of a stretch, first and last day of each."""
    starts = [stretch.day, *_starts(con.execute(_COUNTS, [stretch.day]).fetchall())]
    ends = [start - timedelta(days=1) for start in starts[1:]]
    return list(zip(starts, [*ends, date.max], strict=True))


def _starts(days: list[tuple[date, int]]) -> Iterator[date]:
    """Where spans but the first begin, of days with their rows."""
    rows = 0
    for day, count in days:
        if rows and rows + count > _MOST_ROWS:
            yield day
            rows = 0
        rows += count
