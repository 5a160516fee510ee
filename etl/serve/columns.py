"""The columns of metric views as texts ready to be sent, a text for each day.

Invariants:
- A text is a plain decimal without exponent or needless zeros: amounts and counts exact, doubles at
  most 18 digits after the point, rounded from the shortest decimal that stands for the double.
- A column has a value for every day of its calendar, null where the view has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from etl.warehouse.catalogue import Metric
from etl.warehouse.models import LONG_COLUMN

if TYPE_CHECKING:
    import duckdb

_FLOATS = ("DOUBLE", "FLOAT")
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Calendar:
    """The final days of a published file, one after the other."""

    first: int
    """days since 1970-01-01"""
    count: int

    def day(self, index: int) -> date:
        """The date of a position."""
        return _EPOCH + timedelta(days=self.first + index)


DAY = "day"
Columns = dict[tuple[str | None, str], "pa.StringArray"]
"""By profile (None: the same for all) and metric, a text per day of the calendar. Under DAY stands the day
itself, where the view has a row."""


def read_calendar(con: duckdb.DuckDBPyConnection) -> Calendar:
    """The final days that metrics have."""
    first, last = con.execute("SELECT min(day), max(day) FROM calendar").fetchall()[0]
    if first is None:
        return Calendar(0, 0)
    return Calendar((first - _EPOCH).days, (last - first).days + 1)


def read_columns(
    con: duckdb.DuckDBPyConnection, metrics: Sequence[Metric], calendar: Calendar, rows: Mapping[str, str]
) -> Columns:
    """The columns of metrics of one view; `rows` says which values of its other keys are wanted."""
    view = metrics[0].view
    types = column_types(con, view)
    by_profile = "profile" if "profile" in types else "NULL AS profile"
    chosen = [key for key in rows if key in types]
    where = " AND ".join(f"{key} = ?" for key in chosen) or "true"
    values = [rows[key] for key in chosen]
    if metrics[0].column_name == LONG_COLUMN:
        wanted = [metric.id for metric in metrics]
        table = con.sql(
            f"SELECT {by_profile}, metric, day, {text_sql(LONG_COLUMN, types)} AS text FROM {view} "
            f"WHERE {where} AND metric IN (SELECT unnest(?)) ORDER BY profile, metric, day",
            params=[*values, wanted],
        ).to_arrow_table()
        return dict(_long(table, calendar))
    texts = ", ".join(f'{text_sql(m.column_name, types)} AS "{m.id}"' for m in metrics)
    table = con.sql(
        f"SELECT {by_profile}, day, {texts} FROM {view} WHERE {where} ORDER BY profile, day", params=values
    ).to_arrow_table()
    return dict(_wide(table, [metric.id for metric in metrics], calendar))


def read_prices(con: duckdb.DuckDBPyConnection, calendar: Calendar) -> Any:
    """The price of 1 BTC at the end of each day, in US dollars."""
    text = text_sql("price_usd", column_types(con, "prices"))
    table = con.sql(f"SELECT date AS day, {text} AS text FROM prices").to_arrow_table()
    return _by_day(table, table.column("text"), calendar)


def column_types(con: duckdb.DuckDBPyConnection, view: str) -> dict[str, str]:
    """DuckDB's name of the type of each column."""
    return {name: kind for name, kind, *_ in con.execute(f"DESCRIBE {view}").fetchall()}


def text_sql(column: str, types: Mapping[str, str], table: str = "") -> str:
    """SQL for a column's values as texts; `table` is what stands before its name."""
    kind, named = types[column], table + column
    if kind in _FLOATS:
        # A number too large for 18 decimal places is a whole one.
        fixed = f"TRY_CAST(CAST({named} AS VARCHAR) AS DECIMAL(38, 18))"
        return f"coalesce({_stripped(fixed)}, CAST(TRY_CAST({named} AS HUGEINT) AS VARCHAR))"
    return _stripped(named) if kind.startswith("DECIMAL") else f"CAST({named} AS VARCHAR)"


def _stripped(decimal: str) -> str:
    return f"rtrim(rtrim(CAST({decimal} AS VARCHAR), '0'), '.')"


def _long(table: pa.Table, calendar: Calendar) -> Iterator[tuple[tuple[str | None, str], Any]]:
    """Columns of rows sorted by profile and metric."""
    keys = [table.column(name).combine_chunks().dictionary_encode() for name in ("profile", "metric")]
    codes = [np.asarray(key.indices.fill_null(-1)) for key in keys]
    for start, stop in _runs(*codes):
        part = table.slice(start, stop - start)
        profile, metric = part.column("profile")[0].as_py(), part.column("metric")[0].as_py()
        yield (profile, metric), _by_day(part, part.column("text"), calendar)
        yield (profile, DAY), _by_day(part, part.column("day").cast(pa.string()), calendar)


def _wide(
    table: pa.Table, names: list[str], calendar: Calendar
) -> Iterator[tuple[tuple[str | None, str], Any]]:
    """Columns of rows sorted by profile."""
    code = table.column("profile").combine_chunks().dictionary_encode().indices.fill_null(-1)
    for start, stop in _runs(np.asarray(code)):
        part = table.slice(start, stop - start)
        profile = part.column("profile")[0].as_py()
        for name in names:
            yield (profile, name), _by_day(part, part.column(name), calendar)
        yield (profile, DAY), _by_day(part, part.column("day").cast(pa.string()), calendar)


def _runs(*codes: np.ndarray[Any, Any]) -> list[tuple[int, int]]:
    """Where neighbours are alike: (start, stop) of each run."""
    changes = np.zeros(len(codes[0]), bool)
    for code in codes:
        changes[1:] |= code[1:] != code[:-1]
    bounds = [0, *np.flatnonzero(changes).tolist(), len(changes)]
    return [(start, stop) for start, stop in zip(bounds, bounds[1:], strict=False) if stop > start]


def _by_day(part: pa.Table, text: pa.ChunkedArray, calendar: Calendar) -> Any:
    """A column of the rows of `part`, with a place for each day of the calendar."""
    days = np.asarray(part.column("day").cast(pa.int32())) - calendar.first
    text = text.combine_chunks()
    places = np.full(calendar.count, -1)
    inside = (days >= 0) & (days < calendar.count)
    places[days[inside]] = np.flatnonzero(inside)
    return text.take(pa.array(places, mask=places < 0))


def by_view(metrics: Sequence[Metric]) -> list[list[Metric]]:
    """Metrics grouped by the view that has them."""
    ordered = sorted(metrics, key=lambda metric: metric.view)
    return [list(group) for _, group in groupby(ordered, key=lambda metric: metric.view)]
