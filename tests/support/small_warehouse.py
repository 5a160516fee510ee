"""Warehouses of a few rows, made by hand from the migrations, for tests of the SQL.

Attributes of the codes used throughout: see `ATTRIBUTES`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from datetime import date, timedelta

import duckdb

from etl.resources import config_dir, sql_dir
from etl.tracking.inputs import METHODOLOGY
from etl.tracking.profile_file import load_profiles
from etl.warehouse.models import apply_views, build_tables

BTC = 100_000_000
PROFILES = ("coinmetrics", "entity")
SHIPPED_RULES = load_profiles(config_dir() / METHODOLOGY)

_BATCH = 500

NOBODY, POOL_A, NEAR_A, POOL_B, BINANCE, NEAR_B_AT_BINANCE = range(6)
ATTRIBUTES = [
    (NOBODY, None, None, None),
    (POOL_A, 0, "A", None),
    (NEAR_A, 1, "A", None),
    (POOL_B, 0, "B", None),
    (BINANCE, None, None, "Binance"),
    (NEAR_B_AT_BINANCE, 1, "B", "Binance"),
]

Transfer = tuple[int, int, int | None, int, int]
"""Height, position in the block, source code, destination code, satoshis."""


def day(number: int) -> date:
    """Days of a test, from 1 on."""
    return date(2020, 1, 1) + timedelta(days=number - 1)


def insert(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[object]]) -> None:
    """Add rows to a table; none are fine."""
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        marks = ", ".join([f"({', '.join('?' * len(rows[0]))})"] * len(batch))
        con.execute(f"INSERT INTO {table} VALUES {marks}", [value for row in batch for value in row])


def empty_warehouse(path: str = ":memory:") -> duckdb.DuckDBPyConnection:
    """In memory or in a new file, migrated, with attributes and the rules of the shipped profiles alone."""
    con = duckdb.connect(path)
    for migration in sorted(sql_dir().glob("migrations/*.sql")):
        con.execute(migration.read_text(encoding="utf-8"))
    insert(con, "attributes", ATTRIBUTES)
    insert(con, "profile_rules", [astuple(rules) for rules in SHIPPED_RULES])
    return con


def insert_blocks(con: duckdb.DuckDBPyConnection, days: Iterable[date]) -> None:
    """One block per entry, heights from 0; nothing in it that metrics ask for but its day."""
    rows = [(height, "", "", 0, 0, on, 1, "Unknown", *[0] * 8) for height, on in enumerate(days)]
    insert(con, "blocks", rows)


def insert_transfers(
    con: duckdb.DuckDBPyConnection, transfers: Iterable[Transfer], profile: str = "entity"
) -> None:
    """Rows of transfer_facts on the days of their blocks; position 0 is the coinbase."""
    days = dict(con.execute("SELECT height, day FROM blocks").fetchall())
    rows = [
        (profile, height, position, bytes(32), days[height], position == 0, src, dst, value_sat)
        for height, position, src, dst, value_sat in transfers
    ]
    insert(con, "transfer_facts", rows)


def insert_supply(
    con: duckdb.DuckDBPyConnection,
    balances: Iterable[tuple[int | None, int | None]],
    profile: str = "entity",
) -> None:
    """One row per block from height 0: satoshis in hop 0, and in hops 0 and 1."""
    rows = [(profile, height, *balance) for height, balance in enumerate(balances)]
    insert(con, "supply", rows)


def built(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The warehouse with its derived tables and views."""
    build_tables(con)
    apply_views(con)
    return con
