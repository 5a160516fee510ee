"""Building a derived table span by span of days, and only where what it is made from has changed.

Invariants: a span holds so few transfers that what DuckDB groups fits into memory; `built_days` says
from which transfers a table was last built, and changes in the same transaction as the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_MOST_ROWS = 2_000_000

_CHANGED = """
    WITH now AS (SELECT day, row_count, print, profile FROM transfer_days),
    before AS (
        SELECT day, row_count, print, profile FROM built_days WHERE name = ? AND version = ?
    ),
    changed AS ((FROM now EXCEPT FROM before) UNION (FROM before EXCEPT FROM now))
    SELECT day, CAST(max(row_count) * count(*) AS BIGINT) FROM changed GROUP BY day ORDER BY day
"""


def build_by_days(con: duckdb.DuckDBPyConnection, name: str, sql: str, version: str) -> None:
    """Run the SQL of a table for every span of days whose transfers have changed.

    It reads the days, both included, from the variables first_day and last_day. Another version
    than that of the last time means all days.
    """
    con.execute(
        "CREATE TABLE IF NOT EXISTS built_days (name VARCHAR, version VARCHAR, "
        "profile VARCHAR, day DATE, row_count BIGINT, print UBIGINT)"
    )
    _run(con, sql, None, None)  # makes the table where there is none
    for first, last in _spans(con.execute(_CHANGED, [name, version]).fetchall()):
        _run(con, sql, first, last)
    con.execute("DELETE FROM built_days WHERE name = ?", [name])
    con.execute(
        "INSERT INTO built_days SELECT ?, ?, profile, day, row_count, print FROM transfer_days",
        [name, version],
    )


def _run(con: duckdb.DuckDBPyConnection, sql: str, first: date | None, last: date | None) -> None:
    for variable, day in (("first_day", first), ("last_day", last)):
        con.execute(f"SET VARIABLE {variable} = CAST(? AS DATE)", [day])
    con.execute(sql)


def _spans(days: Iterable[tuple[date, int]]) -> Iterator[tuple[date, date]]:
    """Runs of consecutive days (with their rows) that hold few rows, or are one day."""
    first: date | None = None
    last, rows = date.min, 0
    for day, count in days:
        if first is not None and day == last + timedelta(days=1) and rows + count <= _MOST_ROWS:
            last, rows = day, rows + count
            continue
        if first is not None:
            yield first, last
        first, last, rows = day, day, count
    if first is not None:
        yield first, last
