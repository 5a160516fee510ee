"""A warehouse of 900 days with prices, pools and flows, published in a data directory for charts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np

from etl.disk.datadir import DataDirectory
from etl.warehouse.catalogue import build_catalogue
from tests.support.small_warehouse import (
    BTC,
    NOBODY,
    POOL_A,
    built,
    day,
    empty_warehouse,
    insert,
)

DAYS = 900
POOLS = ("A", "B", "C", "Unknown")


def publish_charted(path: Path, days: int = DAYS) -> DataDirectory:
    """Make the published database of a data directory, with so many final days."""
    data_dir = DataDirectory(path)
    data_dir.create()
    with empty_warehouse(str(data_dir.published)) as con:
        random = np.random.default_rng(7)
        bursts = 1 + (np.arange(days) % 97 == 96) * 4
        totals = (random.gamma(2, 40, days) * bursts * BTC).astype(int)
        walk = 30_000 * np.exp(random.normal(0, 0.03, days).cumsum())
        con.execute("CREATE TABLE schema_version AS SELECT 1 AS version")
        con.execute(
            "INSERT INTO chain (network, genesis_hash, halving_interval, first_height, label_digest) "
            "VALUES ('regtest', '', 150, 0, '')"
        )
        insert(con, "blocks", [_block(number) for number in range(days + 1)])
        sent = [
            ("entity", n, 1, bytes(32), day(n + 1), False, POOL_A, NOBODY, int(totals[n]))
            for n in range(days)
        ]
        insert(con, "transfer_facts", sent)
        insert(con, "supply", [("entity", n, n * BTC, 2 * n * BTC) for n in range(days + 1)])
        insert(con, "prices", [(day(n + 1), round(float(walk[n]), 2)) for n in range(days)])
        build_catalogue(built(con))
    return data_dir


def _block(number: int) -> tuple[object, ...]:
    on = day(1) + timedelta(days=number)
    pool = POOLS[number * number % 7 % len(POOLS)]
    difficulty_1, sums = 0x1D00FFFF, (10 * BTC, 9 * BTC, 51 * BTC, 50 * BTC)
    return (number, f"{number:064x}", "0", 0, 0, on, 2, pool, difficulty_1, 1, 2, *sums, 0)
