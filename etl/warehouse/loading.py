"""From a finished tracking run to the tables of the work database.

Invariants: everything from a height on is replaced in one transaction, which commits only if every check
passes; rows enter from Parquet files or Arrow tables alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from datetime import date
from decimal import Decimal

import duckdb
import pyarrow as pa

from clustering.attributes import CodeBook
from clustering.labels import Label
from clustering.profiles import Profile
from etl.chain.networks import Network
from etl.errors import CheckFailed
from etl.lake.lake import Lake
from etl.tracking.inputs import Inputs
from etl.tracking.run import Tracked, TrackingPlan
from etl.warehouse.addresses import load_texts
from etl.warehouse.catalogue import build_catalogue
from etl.warehouse.day_spans import WHOLE, stretch_from
from etl.warehouse.models import apply_views, build_tables, run_checks, run_loading_checks, sql_digest

_BLOCK_COLUMNS = [
    "height", "hash", "prev_hash", "time", "mediantime", "bits", "tx_count", "input_count",
    "output_count", "spent_sat", "created_sat", "coinbase_sat", "overspending_txs",
]  # fmt: skip
_BY_HEIGHT = (
    "blocks", "transfer_facts", "supply", "refused_joins", "coinjoins", "chain_stats", "pool_supply",
    "exchange_supply",
)  # fmt: skip
_BY_RUN = ("quiet_flow_runs", "exchange_flow_runs")
_BY_DAY_END = ("pool_supply", "exchange_supply")
_SPELLED = "* REPLACE (list_extract($names, profile + 1) AS profile)"
"""Rows of results, which name their profile by its number."""
_RESULTS = {
    "transfer_facts": ("facts", _SPELLED),
    "quiet_flow_runs": ("quiet", _SPELLED),
    "exchange_flow_runs": ("exchange_flows", _SPELLED),
    "supply": ("supply", _SPELLED),
    "pool_supply": ("pool_supply", _SPELLED),
    "exchange_supply": ("exchange_supply", _SPELLED),
    "address_changes": ("changes", f"{_SPELLED} RENAME (height AS since_height)"),
    "refused_joins": ("conflicts", _SPELLED),
    "coinjoins": ("coinjoins", "* REPLACE (lower(hex(txid)) AS txid)"),
    "chain_stats": ("chain_stats", "*"),
    "active_addresses": ("active_addresses", "*"),
}
"""Tables of the database: which of the tracker's results fill them, and how."""
_DAY_END = "WHERE height IN (SELECT max(height) FROM blocks WHERE height >= $from - 1 GROUP BY day)"
"""The tracker gives the ends of its batches too, and of the block before the first."""

Prices = Sequence[tuple[date, Decimal]]
"""US dollars at the end of each day, in order."""


def load(
    con: duckdb.DuckDBPyConnection, lake: Lake, plan: TrackingPlan, tracked: Tracked, inputs: Inputs
) -> None:
    """Replace everything from the plan's `from_height` on by what was tracked; part of a transaction.

    `name_addresses` comes before.
    """
    from_height = 0 if plan.base is None else plan.from_height
    _forget(con, from_height)
    _load_rules(con, inputs.profiles)
    _load_codes(con, tracked.codes)
    _load_blocks(con, lake, plan.network, plan.from_height, tracked)
    _load_results(con, tracked, inputs.profiles, from_height)
    load_texts(con, tracked, from_height)
    _load_chain(con, plan, inputs)


def _load_chain(con: duckdb.DuckDBPyConnection, plan: TrackingPlan, inputs: Inputs) -> None:
    network = plan.network
    con.execute("DELETE FROM chain")
    con.execute(
        "INSERT INTO chain VALUES (?, ?, ?, ?, ?)",
        [network.name, network.genesis_hash, network.halving_interval, plan.first_height, inputs.digest],
    )


def derive_and_check(con: duckdb.DuckDBPyConnection, from_height: int) -> None:
    """Derive and check what rests on loaded tables that changed from a height on. Raises CheckFailed.

    Everything, and views and the catalogue too, where another version's SQL made what is held.
    """
    version = sql_digest()
    is_derived = con.execute("SELECT sql_sha256 FROM derived").fetchall() == [(version,)]
    stretch = stretch_from(con, from_height) if is_derived else WHOLE
    build_tables(con, stretch)
    if not is_derived:
        apply_views(con)
        build_catalogue(con)
        con.execute("DELETE FROM derived")
        con.execute("INSERT INTO derived VALUES (?)", [version])
    failures = [*run_loading_checks(con, stretch), *run_checks(con, stretch)]
    if failures:
        listed = "\n  ".join(f"{f.name}: {f.meaning} ({f.example})" for f in failures)
        raise CheckFailed(
            f"the results contradict themselves:\n  {listed}",
            "nothing was published; please report this with the lines above",
        )


def _forget(con: duckdb.DuckDBPyConnection, from_height: int) -> None:
    # The tracker counts the day anew in which it begins.
    con.execute(
        "DELETE FROM active_addresses WHERE day >= coalesce("
        "(SELECT max(day) FROM blocks WHERE height < ?), DATE '0001-01-01')",
        [from_height],
    )
    for table in _BY_HEIGHT:
        con.execute(f"DELETE FROM {table} WHERE height >= ?", [from_height])
    for table in _BY_DAY_END:
        con.execute(f"DELETE FROM {table} WHERE height = ? - 1", [from_height])
    for table in _BY_RUN:
        con.execute(f"DELETE FROM {table} WHERE first_height >= ?", [from_height])
    con.execute("DELETE FROM address_changes WHERE since_height >= ?", [from_height])
    con.execute("DELETE FROM chunks")


def _load_rules(con: duckdb.DuckDBPyConnection, profiles: Sequence[Profile]) -> None:
    con.execute("DELETE FROM profile_rules")
    for profile in profiles:
        con.execute("INSERT INTO profile_rules VALUES (?, ?, ?, ?, ?)", list(astuple(profile)))


def _load_codes(con: duckdb.DuckDBPyConnection, codes: CodeBook) -> None:
    numbers = list(codes.codes())
    hops, pools, exchanges = zip(*map(codes.spell, numbers), strict=True)
    con.execute("DELETE FROM attributes")
    con.register(
        "codes",
        pa.table(
            {
                "code": pa.array(numbers, pa.int32()),
                "hop": pa.array(hops, pa.int8()),
                "pool": pa.array(pools, pa.string()),
                "exchange": pa.array(exchanges, pa.string()),
            }
        ),
    )
    con.execute("INSERT INTO attributes SELECT * FROM codes")
    con.unregister("codes")


def _load_blocks(
    con: duckdb.DuckDBPyConnection, lake: Lake, network: Network, from_height: int, tracked: Tracked
) -> None:
    chunks = lake.chunks()
    new = [chunk for chunk in chunks if chunk.last_height >= from_height]
    con.register("lake_blocks", pa.concat_tables(lake.read(c, "blocks", _BLOCK_COLUMNS) for c in new))
    con.execute(
        """
        INSERT INTO blocks
        SELECT
            lake.height, lower(hex(lake.hash)), lower(hex(lake.prev_hash)), lake.time,
            lake.mediantime, CAST(to_timestamp(lake.mediantime) AT TIME ZONE 'UTC' AS DATE),
            lake.tx_count, pools.pool, lake.bits, lake.input_count, lake.output_count,
            lake.spent_sat, lake.created_sat, lake.coinbase_sat,
            CASE WHEN lake.height // $halving >= 64 THEN 0
                 ELSE CAST(5000000000 AS BIGINT) >> CAST(lake.height // $halving AS INTEGER) END,
            lake.overspending_txs
        FROM lake_blocks AS lake
        JOIN read_parquet($pools) AS pools ON pools.height = lake.height
        WHERE lake.height >= $from
        ORDER BY lake.height
        """,
        {
            "pools": str(tracked.path("block_pools")),
            "halving": network.halving_interval,
            "from": from_height,
        },
    )
    con.unregister("lake_blocks")
    rows = [
        (c.first_height, c.last_height, *(c.files[t].rows for t in ("txs", "inputs", "outputs")))
        for c in chunks
    ]
    names = ("first_height", "last_height", "txs", "inputs", "outputs")
    con.register("lake_chunks", pa.table(dict(zip(names, zip(*rows, strict=True), strict=True))))
    con.execute("INSERT INTO chunks SELECT * FROM lake_chunks")
    con.unregister("lake_chunks")


def _load_results(
    con: duckdb.DuckDBPyConnection, tracked: Tracked, profiles: Sequence[Profile], from_height: int
) -> None:
    names = [profile.name for profile in profiles]
    for table, (given, columns) in _RESULTS.items():
        where = _DAY_END if table in _BY_DAY_END else ""
        sql = f"INSERT INTO {table} BY NAME SELECT {columns} FROM read_parquet($rows) {where}"
        values = {"names": names, "rows": str(tracked.path(given)), "from": from_height}
        con.execute(sql, {name: value for name, value in values.items() if f"${name}" in sql})


def load_labels(con: duckdb.DuckDBPyConnection, labels: list[Label]) -> None:
    """Replace the labels."""
    con.execute("DELETE FROM labels")
    columns = {
        name: pa.array([getattr(label, name) for label in labels], pa.string())
        for name in ("address", "exchange", "source")
    }
    con.register("given_labels", pa.table(columns))
    con.execute("INSERT INTO labels SELECT * FROM given_labels")
    con.unregister("given_labels")


def load_prices(con: duckdb.DuckDBPyConnection, prices: Prices) -> None:
    """Replace the prices."""
    con.execute("DELETE FROM prices")
    columns = {
        "date": pa.array([day for day, _ in prices], pa.date32()),
        "price_usd": pa.array([float(price) for _, price in prices], pa.float64()),
    }
    con.register("given_prices", pa.table(columns))
    con.execute("INSERT INTO prices SELECT * FROM given_prices")
    con.unregister("given_prices")


def holds_prices(con: duckdb.DuckDBPyConnection, prices: Prices) -> bool:
    """Whether the prices in the database are those in force."""
    held = con.execute("SELECT date, price_usd FROM prices ORDER BY date").fetchall()
    return held == sorted((day, float(price)) for day, price in prices)
