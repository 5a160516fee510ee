"""Results are the same to the last digit whatever the way to them and whatever DuckDB makes of a query."""

from __future__ import annotations

import random
from datetime import date

import duckdb
import pytest

from tests.sql.model import cases, warehouse
from tests.support.small_warehouse import built, empty_warehouse, insert

BITS = (0x1D00FFFF, 0x1B0404CB, 0x1A44B9F2, 0x170B98AB)
"""Compact targets; the last digits of their difficulties differ."""


def _difficulty_sum(order: list[int]) -> str:
    con = empty_warehouse()
    rows = [
        (height, "", "", 0, 0, date(2020, 1, 1), 1, "Unknown", BITS[height % len(BITS)], *[0] * 7)
        for height in order
    ]
    insert(con, "blocks", rows)
    ((found,),) = built(con).execute("SELECT difficulty_sum FROM chain_days").fetchall()
    return float(found).hex()


def test_a_difficulty_has_the_same_digits_in_every_order_of_blocks() -> None:
    heights = list(range(1, 200))
    found = {_difficulty_sum(random.Random(seed).sample(heights, len(heights))) for seed in range(5)}
    assert len(found) == 1


@pytest.mark.parametrize("case", [given for _, given in cases()[:6]])
def test_a_reader_needs_no_setting(case: dict[str, dict[str, object]]) -> None:
    """An optimizer may not change a result, also where many tables are empty, as here."""
    con = warehouse(case["given"])
    names = con.execute("SELECT table_name FROM information_schema.tables ORDER BY 1").fetchall()
    default = {name: _digest(con, name) for (name,) in names}
    con.execute("PRAGMA disable_optimizer")
    assert {name: _digest(con, name) for (name,) in names} == default


def _digest(con: duckdb.DuckDBPyConnection, name: str) -> object:
    sql = f"SELECT count(*), sum(CAST(hash(rows) AS HUGEINT)), bit_xor(hash(rows)) FROM {name} AS rows"
    return con.execute(sql).fetchall()
