"""A published file of a few months made by hand in both profiles, and a server over it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn

from etl.disk.datadir import DataDirectory
from etl.serve.listening import ServeOptions, make_server
from etl.warehouse.catalogue import build_catalogue
from tests.support.small_warehouse import (
    BINANCE,
    BTC,
    NEAR_A,
    NEAR_B_AT_BINANCE,
    NOBODY,
    POOL_A,
    POOL_B,
    PROFILES,
    built,
    day,
    empty_warehouse,
    insert,
    insert_supply,
    insert_transfers,
)

DAYS = 400
"""Final days; there is one block a day, and one of the running day."""
POOLS = ("A", "B", "Unknown", "A")
BLOCK_TIME = datetime(2020, 1, 1, 12, tzinfo=UTC)
"""Of the header of block 0; each is a day later than the one before."""


def publish_served(path: Path, days: int = DAYS, extra_sat: int = 0) -> DataDirectory:
    """Publish in a data directory, by one rename, a file of so many final days.

    `extra_sat` is added to what pool A pays out each day, so that a file can be told from another.
    """
    data_dir = DataDirectory(path)
    data_dir.create()
    unfinished = data_dir.path / "unfinished.duckdb"
    unfinished.unlink(missing_ok=True)
    with empty_warehouse(str(unfinished)) as con:
        insert(con, "chain", [("regtest", "0" * 64, 150, 0, "")])
        insert(con, "blocks", [_block(height) for height in range(days + 1)])
        transfers = [
            transfer
            for height in range(days + 1)
            for transfer in (
                (height, 0, None, POOL_A, 50 * BTC),
                (height, 1, POOL_A, NOBODY, (height + 1) * BTC + extra_sat),
                (height, 2, NEAR_A, BINANCE, 123_456_789),
                (height, 3, POOL_A, NEAR_B_AT_BINANCE, 2 * BTC),
                (height, 4, BINANCE, POOL_B, BTC // 2),
            )
        ]
        for profile in PROFILES:
            insert_transfers(con, transfers, profile)
            insert_supply(con, [(n * BTC, 2 * n * BTC) for n in range(days + 1)], profile)
        insert(con, "prices", [(day(n + 1), 10_000.25 + n) for n in range(days // 2)])
        build_catalogue(built(con))
    unfinished.replace(data_dir.published)
    return data_dir


def _block(height: int) -> tuple[object, ...]:
    on = day(1) + timedelta(days=height)
    moment = int((BLOCK_TIME + timedelta(days=height)).timestamp())
    sums = (10 * BTC, 9 * BTC, 51 * BTC, 50 * BTC)
    parent = block_hash(height - 1) if height else "0" * 64
    pool = POOLS[height % len(POOLS)]
    return (height, block_hash(height), parent, moment, moment, on, 2, pool, 0x1D00FFFF, 1, 2, *sums, 0)


def block_hash(height: int) -> str:
    """The hash of a block of these files."""
    return f"{height + 0xABC:064x}"


@contextmanager
def serving(data_dir: DataDirectory, **options: object) -> Iterator[str]:
    """A server over a data directory that is loaded; gives its host and port."""
    given: dict[str, Any] = {"host": "127.0.0.1", "port": 0, "keys": None, "most_requests": None}
    server = make_server(ServeOptions(data_dir.path, **(given | options)), lambda _: None)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield _address(server, thread)
    finally:
        server.should_exit = True
        thread.join(timeout=20)


def _address(server: uvicorn.Server, thread: threading.Thread) -> str:
    """Where a server listens, once its first file is loaded."""
    import httpx

    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and thread.is_alive():
        if server.started:
            port = server.servers[0].sockets[0].getsockname()[1]
            if httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200:
                return f"127.0.0.1:{port}"
        time.sleep(0.05)
    raise AssertionError("the server did not come up")


def touch(data_dir: DataDirectory, seconds: int) -> None:
    """Give the published file another time of change."""
    moment = data_dir.published.stat().st_mtime + seconds
    os.utime(data_dir.published, (moment, moment))
