"""Derived tables are built anew from the first day on that has changed, and are as if built at once."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

import etl.warehouse.day_spans
from etl.warehouse.day_spans import WHOLE, Stretch, day_spans, stretch_from
from etl.warehouse.models import build_tables, tables
from tests.support.small_warehouse import (
    BTC,
    NOBODY,
    POOL_A,
    POOL_B,
    built,
    day,
    empty_warehouse,
    insert_blocks,
    insert_supply,
    insert_transfers,
)

CUT_AT_2 = [
    f"DELETE FROM {table} WHERE height >= 2"
    for table in ("blocks", "transfer_facts", "supply", "chain_stats")
]


def _warehouse() -> duckdb.DuckDBPyConnection:
    con = empty_warehouse()
    insert_blocks(con, [day(n) for n in (1, 2, 3, 6, 7)])
    insert_supply(con, [(0, 0)] * 5)
    insert_transfers(con, [(h, 1, POOL_A, NOBODY, (h + 1) * BTC) for h in range(5)])
    return con


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    return built(_warehouse())


def _derived(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[object, ...]]]:
    return {name: con.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in tables()}


def _totals(con: duckdb.DuckDBPyConnection) -> dict[object, int]:
    sql = "SELECT day, total_sat // 100000000 FROM miner_flow_days WHERE flow = 'outflow' AND miner = 'A'"
    return dict(con.execute(sql).fetchall())


def test_a_stretch_begins_on_the_day_of_the_block_before(con: duckdb.DuckDBPyConnection) -> None:
    assert stretch_from(con, 3) == Stretch(3, day(3))
    assert stretch_from(con, 5) == Stretch(5, day(7))
    assert stretch_from(con, 0) == WHOLE


@pytest.mark.parametrize(
    "changes",
    [
        ["UPDATE transfer_facts SET value_sat = 900000000 WHERE height = 3"],
        CUT_AT_2,
        ["UPDATE transfer_facts SET height = 3, day = '2020-01-06' WHERE height = 4"],
    ],
    ids=["an amount", "a chain cut short", "another block"],
)
def test_what_changed_is_as_if_all_were_built_anew(
    changes: list[str], con: duckdb.DuckDBPyConnection
) -> None:
    for change in changes:
        con.execute(change)
    build_tables(con, stretch_from(con, 2))
    with built(_warehouse()) as other:
        for change in changes:
            other.execute(change)
        build_tables(other)
        assert _derived(con) == _derived(other)


def test_earlier_days_are_left_alone(con: duckdb.DuckDBPyConnection) -> None:
    assert _totals(con) == {day(1): 1, day(2): 2, day(3): 3, day(6): 4, day(7): 5}
    con.execute("UPDATE transfer_facts SET value_sat = 900000000")
    build_tables(con, stretch_from(con, 3))
    assert _totals(con) == {day(1): 1, day(2): 2, day(3): 9, day(6): 9, day(7): 9}


def test_days_of_many_transfers_are_built_one_by_one(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert_transfers(con, [(h, 2, POOL_B, NOBODY, BTC) for h in range(5)])
    expected = _derived(built(con))
    assert day_spans(con, WHOLE) == [(date.min, date.max)]
    monkeypatch.setattr(etl.warehouse.day_spans, "_MOST_ROWS", 4)
    assert day_spans(con, WHOLE) == [(date.min, day(2)), (day(3), day(6)), (day(7), date.max)]
    assert day_spans(con, Stretch(3, day(3))) == [(day(3), day(6)), (day(7), date.max)]
    monkeypatch.setattr(etl.warehouse.day_spans, "_MOST_ROWS", 1)
    assert [first for first, _ in day_spans(con, WHOLE)] == [date.min, *map(day, (2, 3, 6, 7))]
    build_tables(con)
    assert _derived(con) == expected
