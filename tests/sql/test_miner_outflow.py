"""The view miner_outflow against cases reckoned by hand and windows computed with NumPy."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import numpy as np
import numpy.typing as npt
import pytest

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
    insert_blocks,
    insert_supply,
    insert_transfers,
)


def _outflow(
    con: duckdb.DuckDBPyConnection, miner: str, columns: str
) -> list[tuple[float | int | Decimal | None, ...]]:
    return con.execute(
        f"SELECT {columns} FROM miner_outflow WHERE miner = ? ORDER BY day", [miner]
    ).fetchall()


def test_outflow_counts_what_leaves_each_wallet() -> None:
    # Day 1. Transaction 1: A pays 3 out and 1 within its wallet. 2: A pays 2 to B's wallet.
    # 3: A and B pay 0.5 and 0.25 out together. 4: someone pays A. A: 3 + 2 + 0.5 in three
    # transactions; all: 3 + 0.75 in two. Day 2: no block. Day 3: B's neighbour pays 1 satoshi.
    con = empty_warehouse()
    insert_blocks(con, [day(1), day(3), day(4)])
    insert_supply(con, [(0, 0)] * 3)
    insert(con, "prices", [(day(1), 7200.5), (day(2), 7000.0)])
    outward = [(1, POOL_A, NOBODY, 3 * BTC), (2, NEAR_A, NEAR_B_AT_BINANCE, 2 * BTC)]
    mixed = [(3, POOL_A, NOBODY, BTC // 2), (3, POOL_B, NOBODY, BTC // 4)]
    ignored = [(1, POOL_A, NEAR_A, BTC), (4, NOBODY, POOL_A, 8 * BTC), (0, None, POOL_B, 50 * BTC)]
    insert_transfers(con, [(0, *transfer) for transfer in outward + mixed + ignored])
    insert_transfers(con, [(1, 1, NEAR_B_AT_BINANCE, BINANCE, 1)])
    built(con)
    columns = "total_sat, tx_count, mean_btc, top10_sat, total_usd"
    nothing = (0, 0, None, 0)
    assert _outflow(con, "A", columns) == [
        (550_000_000, 3, pytest.approx(5.5 / 3, rel=1e-15), 550_000_000, Decimal("39602.75")),
        (*nothing, Decimal(0)),
        (*nothing, None),
    ]
    assert _outflow(con, "B", columns) == [
        (25_000_000, 1, 0.25, 25_000_000, Decimal("1800.125")),
        (*nothing, Decimal(0)),
        (1, 1, 1e-8, 1, None),
    ]
    assert _outflow(con, "all_miner", columns) == [
        (375_000_000, 2, 1.875, 375_000_000, Decimal("27001.875")),
        (*nothing, Decimal(0)),
        (1, 1, 1e-8, 1, None),
    ]
    kinds = con.execute(
        "SELECT column_type FROM (DESCRIBE miner_outflow) WHERE column_name IN ('total_sat', "
        "'tx_count', 'top10_sat')"
    ).fetchall()
    assert kinds == [("BIGINT",)] * 3


def test_each_profile_has_the_miners_of_its_own_flows() -> None:
    con = empty_warehouse()
    insert_blocks(con, [day(1), day(2)])
    for profile in PROFILES:
        insert_supply(con, [(0, 0)] * 2, profile)
    insert_transfers(con, [(0, 0, None, POOL_A, 50)], "entity")
    insert_transfers(con, [(0, 1, NEAR_B_AT_BINANCE, NOBODY, 50)], "coinmetrics")
    built(con)
    miners = con.execute("SELECT profile, miner FROM miner_outflow ORDER BY ALL").fetchall()
    both = [("coinmetrics", "B"), ("coinmetrics", "all_miner"), ("entity", "A")]
    assert miners == [*both, ("entity", "all_miner")]


def test_top10_takes_ten_of_equal_transactions() -> None:
    # Twelve transactions: one of 5 BTC, eleven of 1 BTC each. Ten largest: 5 + 9 x 1.
    con = empty_warehouse()
    insert_blocks(con, [day(1), day(2)])
    insert_supply(con, [(0, 0)] * 2)
    amounts = [BTC] * 6 + [5 * BTC] + [BTC] * 5
    insert_transfers(con, [(0, n + 1, POOL_A, NOBODY, sat) for n, sat in enumerate(amounts)])
    built(con)
    assert _outflow(con, "A", "total_sat, tx_count, top10_sat") == [(16 * BTC, 12, 14 * BTC)]


def test_mean_ma7_averages_the_days_that_have_a_mean_from_the_seventh_on() -> None:
    # Means: 1 on day 1, 2 on day 3, 6 on day 8, none else. Day 7 sees days 1 to 7: (1 + 2) / 2;
    # day 8: (2 + 6) / 2; days 9: (2 + 6) / 2; 10 to 14: 6; day 15 sees 9 to 15: none.
    con = empty_warehouse()
    insert_blocks(con, [day(1), day(3), day(8), day(16)])
    insert_supply(con, [(0, 0)] * 4)
    insert_transfers(con, [(n, 1, POOL_A, NOBODY, sat * BTC) for n, sat in enumerate((1, 2, 6))])
    built(con)
    averages = [row[0] for row in _outflow(con, "A", "mean_ma7_btc")]
    assert averages == [None] * 6 + [1.5, 4.0, 4.0] + [6.0] * 5 + [None]


def _year_of_outflows(
    totals_sat: npt.NDArray[np.int64], prices_usd: npt.NDArray[np.float64]
) -> duckdb.DuckDBPyConnection:
    """One transaction of POOL_A on each day with a total; a NaN is a day without price."""
    con = empty_warehouse()
    busy = [n for n, total in enumerate(totals_sat) if total or n == 0]
    insert_blocks(con, [day(n + 1) for n in busy] + [day(len(totals_sat) + 1)])
    insert_supply(con, [(0, 0)] * (len(busy) + 1))
    sent = [(at, 1, POOL_A, NOBODY, int(totals_sat[n])) for at, n in enumerate(busy)]
    insert_transfers(con, [transfer for transfer in sent if transfer[4]])
    known = [(day(n + 1), float(usd)) for n, usd in enumerate(prices_usd) if np.isfinite(usd)]
    insert(con, "prices", known)
    return built(con)


def _numpy_mpi(
    totals_sat: npt.NDArray[np.int64], prices_usd: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Capitulation index and MPI by slices; NaN where a window is not full or holds a NaN."""
    usd = totals_sat / 1e8 * prices_usd
    index, mpi = np.full(len(usd), np.nan), np.full(len(usd), np.nan)
    for n in range(364, len(usd)):
        index[n] = usd[n] / usd[n - 364 : n + 1].mean()
    for n in range(364, len(usd)):
        year = index[n - 364 : n + 1]
        mpi[n] = (index[n] - year.mean()) / year.std(ddof=1)
    return index, mpi


@pytest.mark.parametrize("unpriced", [[], [0], [400]], ids=["priced", "first day", "day 401"])
def test_mpi_equals_an_independent_computation(unpriced: list[int]) -> None:
    random = np.random.default_rng(19)
    totals_sat = random.integers(1, 9_000 * BTC, 775) * (random.random(775) > 0.2)
    prices_usd = np.round(30_000 * np.exp(random.normal(0, 0.03, 775).cumsum()), 2)
    prices_usd[unpriced] = np.nan
    con = _year_of_outflows(totals_sat, prices_usd)
    rows = con.execute(
        "SELECT capitulation_index, mpi FROM miner_outflow WHERE miner = 'all_miner' ORDER BY day"
    ).fetchall()
    found = np.array(rows, dtype=np.float64)
    index, mpi = _numpy_mpi(totals_sat, prices_usd)
    assert np.isfinite(mpi).sum() == {(): 47, (0,): 46, (400,): 0}[tuple(unpriced)]
    assert np.isfinite(index).sum() == {(): 411, (0,): 410, (400,): 46}[tuple(unpriced)]
    np.testing.assert_allclose(found[:, 0], index, rtol=1e-9)
    np.testing.assert_allclose(found[:, 1], mpi, rtol=1e-9, atol=1e-12)


def test_mpi_is_null_where_nothing_varies() -> None:
    # Neither 2.33333333 BTC nor 0.1 USD is a binary fraction, yet every index is the same.
    con = _year_of_outflows(np.full(730, 7 * BTC // 3, dtype=np.int64), np.full(730, 0.1))
    rows = _outflow(con, "A", "capitulation_index, mpi")
    assert rows == [(None, None)] * 364 + [(pytest.approx(1.0, rel=1e-15), None)] * 366


def test_index_is_null_where_a_year_moved_nothing() -> None:
    totals_sat = np.zeros(367, dtype=np.int64)
    totals_sat[1] = BTC
    con = _year_of_outflows(totals_sat, np.full(367, 100.0))
    rows = [row[0] for row in _outflow(con, "A", "capitulation_index")]
    assert rows == [None] * 364 + [0.0] + [0.0] + [None]
