"""A table that is built by days is built anew just where transfers have changed."""

from __future__ import annotations

import duckdb
import pytest

import etl.warehouse.day_spans
from etl.warehouse.models import build_tables
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

NONE = dict.fromkeys((1, 2, 3, 6, 7), 0)
MOVED = "UPDATE transfer_facts SET height = 2, day = '2020-01-03' WHERE height = 3"


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = empty_warehouse()
    insert_blocks(con, [day(n) for n in (1, 2, 3, 6, 7)])
    insert_supply(con, [(0, 0)] * 5)
    insert_transfers(con, [(h, 1, POOL_A, NOBODY, (h + 1) * BTC) for h in range(5)])
    return built(con)


def _totals(con: duckdb.DuckDBPyConnection) -> dict[object, int]:
    sql = "SELECT day, total_sat // 100000000 FROM miner_flow_days WHERE flow = 'outflow' AND miner = 'A'"
    return dict(con.execute(sql).fetchall())


def _built_spans(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[object, object]]:
    spans: list[tuple[object, object]] = []
    run = etl.warehouse.day_spans._run

    def noted(con: duckdb.DuckDBPyConnection, sql: str, first: object, last: object) -> None:
        spans.append((first, last))
        run(con, sql, first, last)  # type: ignore[arg-type]

    monkeypatch.setattr("etl.warehouse.day_spans._run", noted)
    build_tables(con)
    return spans[1:]


def test_nothing_is_built_twice(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _totals(con) == {day(1): 1, day(2): 2, day(3): 3, day(6): 4, day(7): 5}
    assert _built_spans(con, monkeypatch) == []


@pytest.mark.parametrize(
    ("change", "spans", "totals"),
    [
        ("UPDATE transfer_facts SET value_sat = 900000000 WHERE height = 1", [(2, 2)], {2: 9}),
        ("DELETE FROM transfer_facts WHERE height >= 2", [(3, 3), (6, 7)], {3: 0, 6: 0, 7: 0}),
        ("UPDATE attributes SET pool = 'C' WHERE code = 1", [(1, 3), (6, 7)], NONE),
        (MOVED, [(3, 3), (6, 6)], {3: 7, 6: 0}),
    ],
    ids=["an amount", "a chain cut short", "an attribute", "another block"],
)  # fmt: skip
def test_days_that_changed_are_built_anew(
    change: str, spans: list[tuple[int, int]], totals: dict[int, int],
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    before = _totals(con)
    con.execute(change)
    assert _built_spans(con, monkeypatch) == [(day(a), day(b)) for a, b in spans]
    expected = before | {day(number): total for number, total in totals.items()}
    assert _totals(con) == {on: total for on, total in expected.items() if total}


def test_days_of_many_transfers_are_built_one_by_one(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert_transfers(con, [(h, 2, POOL_B, NOBODY, BTC) for h in range(5)])
    monkeypatch.setattr("etl.warehouse.day_spans._MOST_ROWS", 1)
    single = [(day(n), day(n)) for n in (1, 2, 3, 6, 7)]
    assert _built_spans(con, monkeypatch) == single


def test_other_sql_means_all_days(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    con.execute("UPDATE built_days SET version = 'older'")
    assert _built_spans(con, monkeypatch) == [(day(1), day(3)), (day(6), day(7))]
