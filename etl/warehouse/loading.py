"""From a finished tracking run to the tables of the work database.

Invariants: everything from a height on is replaced in one transaction, which commits only if every check
passes; rows enter from Parquet files or Arrow tables alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from clustering.attributes import CodeBook
from clustering.labels import Label
from clustering.profiles import Profile
from etl.chain.networks import Network
from etl.errors import CheckFailed
from etl.lake.lake import Lake
from etl.tracking.inputs import Inputs
from etl.tracking.run import Tracked, TrackingPlan
from etl.warehouse.catalogue import build_catalogue
from etl.warehouse.models import apply_views, build_tables, run_checks, run_loading_checks

_BLOCK_COLUMNS = [
    "height", "hash", "prev_hash", "time", "mediantime", "bits", "tx_count", "input_count",
    "output_count", "spent_sat", "created_sat", "coinbase_sat", "overspending_txs",
]  # fmt: skip
_BY_HEIGHT = (
    "blocks", "transfer_facts", "supply", "conflicts", "coinjoins", "chain_stats", "pool_supply",
    "exchange_supply",
)  # fmt: skip
_BY_RUN = ("quiet_flow_runs", "exchange_flow_runs")
_BY_DAY_END = ("pool_supply", "exchange_supply")
_RESULTS_BY_PROFILE = {
    "transfer_facts": "facts", "quiet_flow_runs": "quiet", "exchange_flow_runs": "exchange_flows",
    "supply": "supply", "pool_supply": "pool_supply", "exchange_supply": "exchange_supply",
}  # fmt: skip
"""Tables of the database by those of the tracker's results that fill them."""
_RESULTS = {
    "coinjoins": "height, lower(hex(txid)) AS txid, rule", "chain_stats": "*", "active_addresses": "*",
}  # fmt: skip
_PROFILE_NAME = "list_extract($names, profile + 1)"
"""Of the number by which a row of the results names its profile."""

Prices = Sequence[tuple[date, Decimal]]
"""US dollars at the end of each day, in order."""


def load(
    con: duckdb.DuckDBPyConnection, lake: Lake, plan: TrackingPlan, tracked: Tracked, inputs: Inputs
) -> None:
    """Replace everything from the plan's `from_height` on by what was tracked; part of a transaction."""
    _forget(con, 0 if plan.base is None else plan.from_height)
    _load_codes(con, tracked.codes)
    _load_blocks(con, lake, plan.network, plan.from_height, tracked)
    _load_results(con, tracked, inputs.profiles)
    _load_chain(con, plan, inputs)


def _load_chain(con: duckdb.DuckDBPyConnection, plan: TrackingPlan, inputs: Inputs) -> None:
    network = plan.network
    con.execute("DELETE FROM chain")
    con.execute(
        "INSERT INTO chain VALUES (?, ?, ?, ?, ?)",
        [network.name, network.genesis_hash, network.halving_interval, plan.first_height, inputs.digest],
    )


def derive_and_check(con: duckdb.DuckDBPyConnection) -> None:
    """Rebuild derived tables, views and the catalogue, then run the checks. Raises CheckFailed."""
    build_tables(con)
    apply_views(con)
    build_catalogue(con)
    failures = [*run_loading_checks(con), *run_checks(con)]
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
    for table in _BY_RUN:
        con.execute(f"DELETE FROM {table} WHERE first_height >= ?", [from_height])
    con.execute("DELETE FROM addresses WHERE since_height >= ?", [from_height])
    con.execute("DELETE FROM chunks")


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


def _load_results(con: duckdb.DuckDBPyConnection, tracked: Tracked, profiles: Sequence[Profile]) -> None:
    names = [profile.name for profile in profiles]
    for table, given in _RESULTS_BY_PROFILE.items():
        con.execute(
            f"INSERT INTO {table} SELECT * REPLACE ({_PROFILE_NAME} AS profile) FROM read_parquet($rows)",
            {"names": names, "rows": str(tracked.path(given))},
        )
    for table, columns in _RESULTS.items():
        con.execute(
            f"INSERT INTO {table} BY NAME SELECT {columns} FROM read_parquet(?)", [str(tracked.path(table))]
        )
    for table in _BY_DAY_END:  # the tracker gives the ends of its batches too
        con.execute(f"DELETE FROM {table} WHERE height NOT IN (SELECT max(height) FROM blocks GROUP BY day)")
    con.execute(
        f"""
        INSERT INTO addresses
        SELECT {_PROFILE_NAME}, texts.address, a.hop, a.pool, a.exchange, changes.height
        FROM read_parquet($changes) AS changes
        JOIN read_parquet($texts) AS texts ON texts.address_id = changes.address_id
        JOIN attributes AS a ON a.code = changes.code
        ORDER BY changes.height
        """,
        {
            "names": names, "changes": str(tracked.path("changes")), "texts": str(tracked.path("texts")),
        },
    )  # fmt: skip
    con.execute(
        f"""
        INSERT INTO conflicts
        SELECT {_PROFILE_NAME}, found.height, lower(hex(found.txid)), first.address, refused.address
        FROM read_parquet($conflicts) AS found
        JOIN read_parquet($texts) AS first ON first.address_id = found.a
        JOIN read_parquet($texts) AS refused ON refused.address_id = found.b
        ORDER BY found.profile, found.height
        """,
        {
            "names": names, "conflicts": str(tracked.path("conflicts")), "texts": str(tracked.path("texts")),
        },
    )  # fmt: skip


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


def tracked_ids(con: duckdb.DuckDBPyConnection, tracked: Tracked) -> npt.NDArray[np.uint64]:
    """Ids of all addresses that the results name, sorted."""
    rows = con.execute(
        """
        SELECT DISTINCT id FROM (
            SELECT address_id AS id FROM read_parquet($changes)
            UNION ALL SELECT a FROM read_parquet($conflicts)
            UNION ALL SELECT b FROM read_parquet($conflicts)
        ) ORDER BY id
        """,
        {"changes": str(tracked.path("changes")), "conflicts": str(tracked.path("conflicts"))},
    ).fetchnumpy()
    return np.asarray(rows["id"])
