"""Values that were published and are others now: what a day's number was, until when.

Invariants: the published file says what was superseded before it, so that a job that was stopped leaves
nothing behind; a value is superseded by another one or by none, never by a day that was not final before.
Doubles that differ in their last digits, as sums in another order do, are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from etl.warehouse.catalogue import Metric, read_catalogue
from etl.warehouse.models import LONG_COLUMN

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

TABLE = "superseded_values"
KEYS = ("profile", "miner", "counterparty")
"""The columns that tell values of one metric and day apart, where it has them."""

_NOISE = "1e-12"
"""How much of a double may be another without its being one."""

_KEEP = f"""
    INSERT INTO {TABLE}
    SELECT old.metric, old.day, old.profile, old.miner, old.counterparty, old.value, $now
    FROM values_before AS old
    LEFT JOIN ({{values}}) AS new
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


def keep_superseded(
    con: duckdb.DuckDBPyConnection, published: duckdb.DuckDBPyConnection, since: date | None, now: datetime
) -> None:
    """Note, in the database that is about to be published, what it supersedes of the one that is.

    `since` is the first day of which anything may be another, None where nothing is; `now` is UTC.
    """
    _carry_over(con, published)
    if since is None:
        return
    known = {metric.id for metric in read_catalogue(con)}
    for metrics in _by_view(read_catalogue(published)):
        view = metrics[0].view
        if not {metric.id for metric in metrics} <= known:
            continue
        sql = _values_sql(published, view, metrics)
        before = published.sql(sql, params={"since": since}).to_arrow_table()
        con.register("values_before", before)
        con.execute(_KEEP.format(values=_values_sql(con, view, metrics)), {"since": since, "now": now})
        con.unregister("values_before")


def changed_prices_since(con: duckdb.DuckDBPyConnection, published: duckdb.DuckDBPyConnection) -> date | None:
    """The first day whose price is another than what was published, None where none is."""
    con.register("prices_before", published.sql("SELECT date, price_usd FROM prices").to_arrow_table())
    row = con.execute(
        "SELECT min(before.date) FROM prices_before AS before LEFT JOIN prices ON prices.date = before.date "
        "WHERE before.price_usd IS DISTINCT FROM prices.price_usd"
    ).fetchall()
    con.unregister("prices_before")
    first: date | None = row[0][0]
    return first


def _carry_over(con: duckdb.DuckDBPyConnection, published: duckdb.DuckDBPyConnection) -> None:
    has_some = published.execute(
        f"SELECT count(*) FROM duckdb_tables() WHERE table_name = '{TABLE}'"
    ).fetchall()[0][0]
    con.execute(f"DELETE FROM {TABLE}")
    if has_some:
        held: pa.Table = published.sql(f"FROM {TABLE}").to_arrow_table()
        con.register("superseded_before", held)
        con.execute(f"INSERT INTO {TABLE} FROM superseded_before")
        con.unregister("superseded_before")


def _by_view(metrics: Sequence[Metric]) -> Iterator[list[Metric]]:
    """The daily metrics that are numbers, by their view."""
    daily = [metric for metric in metrics if metric.interval == "day" and metric.unit != "name"]
    for _, group in groupby(sorted(daily, key=lambda metric: metric.view), key=lambda metric: metric.view):
        yield list(group)


def _values_sql(con: duckdb.DuckDBPyConnection, view: str, metrics: Sequence[Metric]) -> str:
    """SELECT of the values of a view in rows: metric, day, KEYS, value and whether that is exact."""
    types = {name: kind for name, kind, *_ in con.execute(f"DESCRIBE {view}").fetchall()}
    keys = ", ".join(key if key in types else f"CAST(NULL AS VARCHAR) AS {key}" for key in KEYS)
    if metrics[0].column_name == LONG_COLUMN:
        value = f"TRY_CAST({LONG_COLUMN} AS DECIMAL(38, 18)) AS value"
        exact = f"{types[LONG_COLUMN] != 'DOUBLE'} AS is_exact"
        return f"SELECT metric, day, {keys}, {value}, {exact} FROM {view} WHERE day >= $since"
    parts = ", ".join(
        f"{{'metric': '{m.id}', 'value': TRY_CAST({m.column_name} AS DECIMAL(38, 18)), "
        f"'is_exact': {types[m.column_name] != 'DOUBLE'}}}"
        for m in metrics
    )
    return (
        f"SELECT one.metric, day, {', '.join(KEYS)}, one.value, one.is_exact FROM ("
        f"SELECT day, {keys}, unnest([{parts}]) AS one FROM {view} WHERE day >= $since)"
    )
