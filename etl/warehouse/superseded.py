"""Values that were published and are others now: what a day's number was, until when.

Invariants: the published file says what was superseded before it, so that a job that was stopped leaves
nothing behind; a value is superseded by another one or by none, never by a day that was not final before.
Doubles that differ in their last digits, as sums in another order do, are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from etl.warehouse.catalogue import Metric, read_catalogue
from etl.warehouse.models import LONG_COLUMN
from etl.warehouse.sqltext import literal

if TYPE_CHECKING:
    import duckdb

TABLE = "superseded_values"
KEYS = ("profile", "miner", "counterparty")
"""The columns that tell values of one metric and day apart, where it has them."""

_PUBLISHED = "published"
"""The name that the published file has beside the database that is about to take its place."""
_NOISE = "1e-12"
"""How much of a double may be another without its being one."""

_KEEP = f"""
    INSERT INTO {TABLE}
    SELECT old.metric, old.day, old.profile, old.miner, old.counterparty, old.value, $now
    FROM ({{before}}) AS old
    LEFT JOIN ({{after}}) AS new
        ON new.metric = old.metric AND new.day = old.day
        AND new.profile IS NOT DISTINCT FROM old.profile
        AND new.miner IS NOT DISTINCT FROM old.miner
        AND new.counterparty IS NOT DISTINCT FROM old.counterparty
    WHERE old.value IS NOT NULL AND (
        new.value IS NULL
        OR abs(new.value - old.value) > CASE WHEN old.is_exact THEN 0 ELSE {_NOISE} * abs(old.value) END
    )
    ORDER BY ALL
"""
_CHANGED_PRICE = f"""
    SELECT min(before.date)
    FROM {_PUBLISHED}.prices AS before
    LEFT JOIN prices ON prices.date = before.date
    WHERE before.price_usd IS DISTINCT FROM prices.price_usd
"""
_COLUMNS = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = {}"

Types = dict[str, dict[str, str]]
"""By table or view, the type of each of its columns."""


@contextmanager
def published_beside(con: duckdb.DuckDBPyConnection, path: Path) -> Iterator[None]:
    """Have the published file beside the database of a connection, for the functions below."""
    con.execute(f"ATTACH {literal(str(path))} AS {_PUBLISHED} (READ_ONLY)")
    try:
        yield
    finally:
        con.execute(f"DETACH {_PUBLISHED}")


def first_changed_price(con: duckdb.DuckDBPyConnection) -> date | None:
    """The first day whose published price is another now, None where none is."""
    first: date | None = con.execute(_CHANGED_PRICE).fetchall()[0][0]
    return first


def keep_superseded(con: duckdb.DuckDBPyConnection, since: date | None, now: datetime) -> None:
    """Note, in the database that is about to be published, what it supersedes of the one that is.

    `since` is the first day of which anything may be another, None where nothing is; `now` is UTC.
    """
    before, after = _types(con, literal(_PUBLISHED)), _types(con, "current_database()")
    con.execute(f"DELETE FROM {TABLE}")
    if TABLE in before:
        con.execute(f"INSERT INTO {TABLE} FROM {_PUBLISHED}.{TABLE}")
    if since is None:
        return
    for view, metrics in _by_view(read_catalogue(con)):
        kept = [metric for metric in metrics if metric.column_name in before.get(view, {})]
        if kept:
            old = _values_sql(f"{_PUBLISHED}.{view}", before[view], kept)
            sql = _KEEP.format(before=old, after=_values_sql(view, after[view], kept))
            con.execute(sql, {"since": since, "now": now})


def _types(con: duckdb.DuckDBPyConnection, database: str) -> Types:
    found: Types = {}
    for table, column, kind in con.execute(_COLUMNS.format(database)).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def _by_view(metrics: list[Metric]) -> Iterator[tuple[str, list[Metric]]]:
    """The daily metrics that are numbers, by their view."""
    daily = [metric for metric in metrics if metric.interval == "day" and metric.unit != "name"]
    for view, group in groupby(sorted(daily, key=lambda metric: metric.view), key=lambda metric: metric.view):
        yield view, list(group)


def _values_sql(view: str, types: Mapping[str, str], metrics: list[Metric]) -> str:
    """SELECT of the values of a view in rows: metric, day, KEYS, value and whether that is exact."""
    keys = ", ".join(key if key in types else f"CAST(NULL AS VARCHAR) AS {key}" for key in KEYS)
    if metrics[0].column_name == LONG_COLUMN:
        value = f"TRY_CAST({LONG_COLUMN} AS DECIMAL(38, 18)) AS value"
        exact = f"{types[LONG_COLUMN] != 'DOUBLE'} AS is_exact"
        return f"SELECT metric, day, {keys}, {value}, {exact} FROM {view} WHERE day >= $since"
    parts = ", ".join(
        f"{{'metric': {literal(m.id)}, 'value': TRY_CAST({m.column_name} AS DECIMAL(38, 18)), "
        f"'is_exact': {types[m.column_name] != 'DOUBLE'}}}"
        for m in metrics
    )
    return (
        f"SELECT one.metric, day, {', '.join(KEYS)}, one.value, one.is_exact FROM ("
        f"SELECT day, {keys}, unnest([{parts}]) AS one FROM {view} WHERE day >= $since)"
    )
