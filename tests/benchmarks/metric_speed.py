"""How fast the metrics answer over ten years of days and fifty million transfers.

    python -m tests.benchmarks.metric_speed DIR [--transfers 50000000] [--days 3653]

Makes a synthetic warehouse in DIR (1 GB for the default; kept, and used again), derives its tables and
views as a job does, and prints the time of every query. Invariant: what is timed is what the commands and
readers ask: the published file, opened for reading.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import duckdb

from etl.disk.datadir import DataDirectory
from etl.results.metrics import Catalogue, Choice, values_sql
from etl.results.published import open_published
from etl.warehouse import database as warehouse
from etl.warehouse.catalogue import build_catalogue
from etl.warehouse.models import apply_views, build_tables

POOLS, EXCHANGES, BLOCKS_A_DAY = 20, 21, 144
_MEMORY_LIMIT = "4GB"

_FILL = """
INSERT INTO chain VALUES ('mainnet', '', 210000, 0, '');
INSERT INTO attributes
SELECT 0, NULL, NULL, NULL
UNION ALL SELECT 1 + hop * $pools + pool, hop, 'Pool ' || pool, NULL
FROM range(2) AS hops (hop), range($pools) AS pools (pool)
UNION ALL SELECT 1 + 2 * $pools + row_number() OVER (ORDER BY code), NULL, NULL, exchange
FROM listed_exchanges;
INSERT INTO blocks
SELECT
    height, '', '', seconds, seconds, to_timestamp(seconds) AT TIME ZONE 'UTC', 2000,
    'Pool ' || hash(height) % $pools, 486604799, 4000, 5000, 400000000000, 399990000000,
    625000000 + 10000000, 625000000, 0
FROM (SELECT h AS height, 1420070400 + h * (86400 // $a_day) AS seconds FROM range($blocks) AS heights (h));
INSERT INTO supply
SELECT profile, height, height * 1000, height * 3000
FROM blocks CROSS JOIN (VALUES ('coinmetrics'), ('entity')) AS profiles (profile);
INSERT INTO chain_stats SELECT height, 3000, 390000000000, 625000000 FROM blocks;
INSERT INTO active_addresses SELECT DISTINCT day, 700000 FROM blocks;
INSERT INTO prices SELECT day, 20000 + hash(day) % 10000 FROM active_addresses;
INSERT INTO exchange_flow_runs
SELECT profile, height, day, exchange, hash(height) % 1000000000000, hash(day) % 1000000000000
FROM blocks CROSS JOIN (VALUES ('coinmetrics'), ('entity')) AS profiles (profile)
CROSS JOIN (SELECT exchange FROM listed_exchanges UNION ALL SELECT 'all_exchange') AS names
WHERE height % $a_day = 0;
INSERT INTO pool_supply
SELECT profile, height, 'Pool ' || number, height * 50, height * 150
FROM blocks CROSS JOIN (VALUES ('coinmetrics'), ('entity')) AS profiles (profile)
CROSS JOIN range($pools) AS listed (number) WHERE height % $a_day = $a_day - 1;
INSERT INTO exchange_supply
SELECT profile, height, exchange, height * 700
FROM blocks CROSS JOIN (VALUES ('coinmetrics'), ('entity')) AS profiles (profile)
CROSS JOIN listed_exchanges WHERE height % $a_day = $a_day - 1;
"""

# A transaction has two rows. Of 20 rows one is of a coinbase; hop 0 pays hop 1, and both pay exchanges
# and others; now and then an exchange pays them.
_TRANSFERS = """
INSERT INTO transfer_facts
WITH drawn AS (
    SELECT
        r, r * $blocks // $rows AS height, hash(r) AS a, hash(r, 1) AS b, hash(r, 2) AS c
    FROM range($first, $last) AS numbers (r)
)
SELECT
    profile, drawn.height, r // 2 % 4000, unhex(sha256(CAST(r // 2 AS VARCHAR))), blocks.day, a % 20 = 0,
    CASE WHEN a % 20 = 0 THEN NULL WHEN a % 20 < 19 THEN 1 + b % (2 * $pools)
         ELSE 1 + 2 * $pools + b % $exchanges END,
    CASE WHEN a % 20 = 0 THEN 1 + c % $pools
         WHEN a % 20 < 8 OR a % 20 = 19 THEN 1 + $pools + c % $pools
         WHEN a % 20 < 12 THEN 1 + 2 * $pools + c % $exchanges ELSE 0 END,
    CAST(1000 + c % 100000 * (c % 100000) AS BIGINT)
FROM drawn
JOIN blocks ON blocks.height = drawn.height
CROSS JOIN (VALUES ('coinmetrics'), ('entity')) AS profiles (profile)
ORDER BY drawn.height, r
"""
_STEP = 2_000_000

QUERIES = {
    "metrics: one metric, all days": "SELECT day, value FROM metrics WHERE profile = 'entity' "
    "AND metric = 'FlowMinerOut1HopAllUSD'",
    "metrics: ten metrics, all days": "SELECT day, metric, value FROM metrics WHERE profile = 'entity' "
    "AND metric IN ('FlowMinerOut0HopAllNtv', 'FlowMinerIn1HopAllUSD', 'FlowMinerNet1HopAllNtv', "
    "'FlowMinerOut1HopAllBNBNtv', 'SplyMiner1HopAllUSD', 'MRI1HopAll30d', 'PuellMultiple', "
    "'HashRibbon60d', 'FlowInExUSD', 'AdrActCnt')",
    "metrics: every metric, the last day": "SELECT metric, value FROM metrics WHERE profile = 'entity' "
    "AND day = (SELECT max(day) - 1 FROM days)",
    "metrics: everything": "SELECT count(value), sum(value) FROM metrics",
    "miner_outflow: all miners, all days": "SELECT sum(mpi), sum(mean_ma7_btc), sum(total_usd) "
    "FROM miner_outflow",
    "miner_outflow: MPI of everyone": "SELECT day, mpi FROM miner_outflow WHERE profile = 'entity' "
    "AND miner = 'all_miner'",
}


def make(folder: Path, days: int, transfers: int) -> float:
    """Fill and derive a warehouse of so many days and rows of transfer_facts; the time to derive."""
    data_dir = DataDirectory(folder)
    data_dir.create()
    with duckdb.connect(str(data_dir.published)) as con:
        con.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
        con.execute("SET preserve_insertion_order = false")
        con.execute("SET enable_progress_bar = false")
        warehouse.migrate(con)
        _name_exchanges(con)
        blocks = days * BLOCKS_A_DAY
        sizes = {"pools": POOLS, "exchanges": EXCHANGES, "blocks": blocks, "a_day": BLOCKS_A_DAY}
        for statement in _FILL.split(";\n"):
            _run(con, statement, sizes)
        rows = transfers // 2  # of each profile
        for first in range(0, rows, _STEP):
            last = min(first + _STEP, rows)
            _run(con, _TRANSFERS, {**sizes, "rows": rows, "first": first, "last": last})
        seconds = _timed(lambda: _derive(con))
        con.execute("CHECKPOINT")
    return seconds


def _name_exchanges(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TEMP TABLE listed_exchanges (code VARCHAR, exchange VARCHAR)")
    names = [(f"X{number:02}", f"Exchange {number}") for number in range(EXCHANGES - 1)]
    con.executemany("INSERT INTO listed_exchanges VALUES (?, ?)", [("BNB", "Binance"), *names])


def _run(con: duckdb.DuckDBPyConnection, sql: str, sizes: dict[str, int]) -> None:
    if sql.strip():
        con.execute(sql, {name: size for name, size in sizes.items() if f"${name}" in sql})


def _derive(con: duckdb.DuckDBPyConnection) -> None:
    build_tables(con)
    apply_views(con)
    build_catalogue(con)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """(seconds by metric, seconds by query) of a warehouse that `make` made."""
    with open_published(DataDirectory(folder)) as con:
        metrics = [metric for metric in Catalogue(con).metrics if metric.interval == "day"]
        by_metric = {m.id: _answer(con, values_sql([m], Choice())) for m in metrics}
        return by_metric, {name: _answer(con, sql) for name, sql in QUERIES.items()}


def _answer(con: duckdb.DuckDBPyConnection, sql: str) -> float:
    """Seconds to have all rows of a query."""
    return _timed(lambda: con.execute(sql).fetchall())


def main() -> None:
    """Make what is missing, measure, and say it."""
    parser = argparse.ArgumentParser(description="Measure how fast metrics answer.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--transfers", type=int, default=50_000_000)
    parser.add_argument("--days", type=int, default=3653)
    given = parser.parse_args()
    if not DataDirectory(given.folder).published.exists():
        _say(make(given.folder, given.days, given.transfers), "deriving what is materialised, anew")
    by_metric, by_query = measure(given.folder)
    slowest = max(by_metric, key=lambda name: by_metric[name])
    _say(median(by_metric.values()), f"median of {len(by_metric)} metrics, one by one, all days")
    _say(by_metric[slowest], f"{slowest}, the slowest of them")
    for name, seconds in by_query.items():
        _say(seconds, name)


def _say(seconds: float, what: str) -> None:
    sys.stdout.write(f"{seconds:8.3f} s  {what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
