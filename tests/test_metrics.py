"""Metric views against the golden flows and against cases reckoned by hand.

The supply and outflow of whole golden chains are compared where the whole way is run.
"""

from __future__ import annotations

import csv
import re
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pytest

from etl.resources import sql_dir
from etl.sqlfiles import apply_views, build_tables, header
from tests.small_warehouse import (
    BINANCE,
    BTC,
    NEAR_A,
    NEAR_B_AT_BINANCE,
    NOBODY,
    POOL_A,
    POOL_B,
    PROFILES,
    empty_warehouse,
    insert,
    insert_blocks,
    insert_supply,
    insert_transfers,
)

GOLDEN = Path(__file__).parent / "data" / "golden"
CHAINS = ("economy", "mainnet_early")
CODES = "BFX BMX BNB BSP BTX GEM HUO KRK POL BIT CBS CRO DER GIO HBT KCN KOR MXC NBX OKX SBG".split()
FIRST = date(2020, 1, 1)


def _metric_ids() -> set[str]:
    """The ids of methodology section 7, written out."""
    shapes = ("Out{}HopAll", "In{}HopAll", "Net{}HopAll", "Out{}HopAllEx", "In{}HopAllEx")
    bases = {f"FlowMiner{shape.format(hops)}" for shape, hops in product(shapes, (0, 1))}
    bases |= {f"FlowMiner{way}1HopAll{code}" for way, code in product(("Out", "In"), CODES)}
    bases |= {"SplyMiner0HopAll", "SplyMiner1HopAll"}
    return {f"{base}{unit}" for base, unit in product(bases, ("Ntv", "USD"))}


def _day(number: int) -> date:
    """The first day is 1."""
    return FIRST + timedelta(days=number - 1)


def _built(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    build_tables(con)
    apply_views(con)
    return con


def _golden_csv(chain: str, name: str) -> str:
    path = GOLDEN / chain / name
    return f"read_csv('{path}', header = true, all_varchar = true)"


@pytest.fixture(scope="module", params=CHAINS)
def golden(request: pytest.FixtureRequest) -> tuple[str, duckdb.DuckDBPyConnection]:
    """A chain's expected daily_flows, blocks and prices as tables, with the views upon them."""
    chain: str = request.param
    con = empty_warehouse()
    con.execute(
        "INSERT INTO blocks SELECT height, hash, '', time, mediantime, day, tx_count, pool, "
        f"0, 0, 0, 0, 0, 0, 0, 0 FROM {_golden_csv(chain, 'expected/blocks.csv')}"
    )
    con.execute(
        f"INSERT INTO prices SELECT date, price_usd FROM {_golden_csv(chain, 'prices.csv')}"
    )
    con.execute(
        "INSERT INTO supply SELECT profile, height, NULL, NULL FROM blocks "
        "CROSS JOIN (VALUES ('coinmetrics'), ('entity')) AS profiles (profile)"
    )
    _built(con)
    con.execute(
        f"INSERT INTO daily_flows SELECT * FROM {_golden_csv(chain, 'expected/daily_flows.csv')}"
    )
    con.execute((sql_dir() / "tables" / "flow_days.sql").read_text(encoding="utf-8"))
    return chain, con


def _expected_flows(chain: str, unit: str) -> dict[tuple[str, date, str], Decimal]:
    with (GOLDEN / chain / "expected" / "metrics.csv").open(encoding="utf-8") as lines:
        return {
            (row["profile"], date.fromisoformat(row["day"]), row["metric"]): Decimal(row["value"])
            for row in csv.DictReader(lines)
            if row["metric"].startswith("FlowMiner") and row["metric"].endswith(unit)
        }


def _moved_flows(
    con: duckdb.DuckDBPyConnection, unit: str
) -> dict[tuple[str, date, str], Decimal]:
    rows = con.execute(
        "SELECT profile, day, metric, value FROM metrics WHERE value <> 0 "
        "AND starts_with(metric, 'FlowMiner') AND ends_with(metric, ?)",
        [unit],
    ).fetchall()
    assert len({row[:3] for row in rows}) == len(rows)
    return {(profile, day, metric): value for profile, day, metric, value in rows}


def test_flows_in_btc_equal_the_golden_ones_exactly(
    golden: tuple[str, duckdb.DuckDBPyConnection],
) -> None:
    chain, con = golden
    expected = _expected_flows(chain, "Ntv")
    assert len(expected) > 100
    assert _moved_flows(con, "Ntv") == expected


def test_flows_in_usd_equal_the_golden_ones(
    golden: tuple[str, duckdb.DuckDBPyConnection],
) -> None:
    chain, con = golden
    expected = _expected_flows(chain, "USD")
    moved = _moved_flows(con, "USD")
    assert moved.keys() == expected.keys()
    for key, value in expected.items():
        assert abs(moved[key] - value) <= abs(value) * Decimal("1e-9"), key


def test_every_final_calendar_day_has_a_row_for_every_metric_and_profile(
    golden: tuple[str, duckdb.DuckDBPyConnection],
) -> None:
    chain, con = golden
    first, last, days = {
        "economy": (date(2011, 2, 2), date(2019, 2, 28), 2949),
        "mainnet_early": (date(2009, 1, 3), date(2009, 2, 15), 44),
    }[chain]
    found = con.execute("SELECT min(day), max(day), count(*) FROM calendar").fetchone()
    assert found == (first, last, days)
    rows = con.execute(
        "SELECT metric, profile, count(*), count(DISTINCT day), min(day), max(day) "
        "FROM metrics GROUP BY metric, profile"
    ).fetchall()
    assert {row[:2] for row in rows} == set(product(_metric_ids(), PROFILES))
    assert {row[2:] for row in rows} == {(days, days, first, last)}


def test_flows_are_null_just_where_usd_has_no_price(
    golden: tuple[str, duckdb.DuckDBPyConnection],
) -> None:
    _, con = golden
    odd = con.execute(
        "SELECT profile, day, metric FROM metrics LEFT JOIN prices ON date = day "
        "WHERE starts_with(metric, 'FlowMiner') "
        "AND (value IS NULL) <> (ends_with(metric, 'USD') AND price_usd IS NULL)"
    ).fetchall()
    assert odd == []


def test_net_is_in_less_out_in_both_units(golden: tuple[str, duckdb.DuckDBPyConnection]) -> None:
    _, con = golden
    odd = con.execute(
        "WITH sides AS (SELECT profile, day, right(metric, 10) AS suffix, "
        "substr(metric, 10, 2) AS side, metric[-11:-11] AS hops, value FROM metrics "
        "WHERE regexp_full_match(metric, 'FlowMiner(In|Out|Net)[01]HopAll(Ntv|USD)')) "
        "SELECT profile, day, suffix, any_value(value) FILTER (side = 'Ne') AS net, "
        "any_value(value) FILTER (side = 'In') - any_value(value) FILTER (side = 'Ou') AS differs "
        "FROM sides GROUP BY ALL HAVING net IS DISTINCT FROM differs"
    ).fetchall()
    assert odd == []


def test_headers_list_exactly_the_ids_that_their_views_hold() -> None:
    con = empty_warehouse()
    insert_blocks(con, [_day(1), _day(2)])
    insert_supply(con, [(None, None), (None, None)])
    _built(con)
    listed: set[str] = set()
    for path in sorted(sql_dir().glob("metrics/*.sql")):
        found = header(path.read_text(encoding="utf-8"))
        assert found.keys() >= {"definition", "unit", "grain", "source"}, path.name
        for pattern in found.get("metric", []):
            assert found.keys() >= {"name", "category", "vendor"}, path.name
            if "{U}" in pattern:
                ids = _expanded(pattern)
                rows = con.execute(f"SELECT DISTINCT metric FROM {path.stem}").fetchall()
                assert {row[0] for row in rows} == ids, path.name
                listed |= ids
    assert listed == _metric_ids()


def _expanded(pattern: str) -> set[str]:
    choices = {"{N}": ["0", "1"], "{U}": ["Ntv", "USD"], "{X}": CODES}
    parts = [choices.get(part, [part]) for part in re.split(r"(\{\w\})", pattern)]
    return {"".join(chosen) for chosen in product(*parts)}


def _values(con: duckdb.DuckDBPyConnection, metric: str) -> list[Decimal | None]:
    rows = con.execute("SELECT value FROM metrics WHERE metric = ? ORDER BY day", [metric])
    return [row[0] for row in rows.fetchall()]


def test_supply_is_carried_over_days_without_blocks() -> None:
    # Blocks 0 and 1 on day 1, 2 on day 4, 3 on the running day 6: days 2, 3 and 5 have none.
    con = empty_warehouse()
    insert_blocks(con, [_day(1), _day(1), _day(4), _day(6)])
    insert_supply(con, [(50 * BTC, 50 * BTC), (7, 9), (20 * BTC + 1, 2_099_999_997_690_000), (1, 1)])
    insert(con, "prices", [(_day(2), 7200.5), (_day(4), 64000.1234567891)])
    _built(con)
    assert con.execute("SELECT day, last_height FROM calendar ORDER BY day").fetchall() == [
        (_day(1), 1),
        (_day(2), 1),
        (_day(3), 1),
        (_day(4), 2),
        (_day(5), 2),
    ]
    seven, much = Decimal("0.00000007"), Decimal("20.00000001")
    assert _values(con, "SplyMiner0HopAllNtv") == [seven, seven, seven, much, much]
    priced = [None, Decimal("0.000504035"), None, much * Decimal("64000.1234567891"), None]
    assert _values(con, "SplyMiner0HopAllUSD") == priced
    assert _values(con, "SplyMiner1HopAllNtv")[3] == Decimal("20999999.97690000")
    kind = con.execute("SELECT DISTINCT typeof(value) FROM metrics").fetchall()
    assert kind == [("DECIMAL(38,18)",)]


def test_supply_is_null_where_it_is_not_known() -> None:
    con = empty_warehouse()
    insert_blocks(con, [_day(1), _day(2)])
    insert_supply(con, [(None, None), (None, None)])
    insert(con, "prices", [(_day(1), 7200.0)])
    _built(con)
    assert _values(con, "SplyMiner1HopAllNtv") == [None]
    assert _values(con, "SplyMiner1HopAllUSD") == [None]
    assert _values(con, "FlowMinerOut1HopAllUSD") == [Decimal(0)]


@pytest.mark.parametrize("days", [[], [1], [1, 1, 1]])
def test_nothing_is_final_without_a_later_day(days: list[int]) -> None:
    con = empty_warehouse()
    insert_blocks(con, [_day(number) for number in days])
    insert_supply(con, [(0, 0)] * len(days))
    _built(con)
    for view in ("calendar", "metrics", "miner_outflow"):
        assert con.execute(f"SELECT * FROM {view}").fetchall() == []


def test_days_and_daily_flows_are_derived_from_the_loaded_tables() -> None:
    con = empty_warehouse()
    insert_blocks(con, [_day(1), _day(1), _day(2)])
    insert_transfers(con, [(0, 0, None, POOL_A, 50), (1, 1, POOL_A, BINANCE, 7)])
    insert_transfers(con, [(1, 2, POOL_A, BINANCE, 3), (1, 2, POOL_A, NOBODY, 4)])
    quiet = [("entity", height, _day(1), False, NOBODY, BINANCE, 10, 2) for height in (0, 1)]
    insert(con, "quiet_flows", quiet)
    build_tables(con)
    build_tables(con)
    assert con.execute("SELECT * FROM days ORDER BY day").fetchall() == [
        (_day(1), 0, 1, True),
        (_day(2), 2, 2, False),
    ]
    assert con.execute("SELECT * FROM daily_flows ORDER BY value_sat").fetchall() == [
        ("entity", _day(1), False, 0, "A", None, None, None, None, 4, 1),
        ("entity", _day(1), False, 0, "A", None, None, None, "Binance", 10, 2),
        ("entity", _day(1), False, None, None, None, None, None, "Binance", 20, 4),
        ("entity", _day(1), True, None, None, None, 0, "A", None, 50, 1),
    ]


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
    insert_blocks(con, [_day(1), _day(3), _day(4)])
    insert_supply(con, [(0, 0)] * 3)
    insert(con, "prices", [(_day(1), 7200.5), (_day(2), 7000.0)])
    outward = [(1, POOL_A, NOBODY, 3 * BTC), (2, NEAR_A, NEAR_B_AT_BINANCE, 2 * BTC)]
    mixed = [(3, POOL_A, NOBODY, BTC // 2), (3, POOL_B, NOBODY, BTC // 4)]
    ignored = [(1, POOL_A, NEAR_A, BTC), (4, NOBODY, POOL_A, 8 * BTC), (0, None, POOL_B, 50 * BTC)]
    insert_transfers(con, [(0, *transfer) for transfer in outward + mixed + ignored])
    insert_transfers(con, [(1, 1, NEAR_B_AT_BINANCE, BINANCE, 1)])
    _built(con)
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
    insert_blocks(con, [_day(1), _day(2)])
    for profile in PROFILES:
        insert_supply(con, [(0, 0)] * 2, profile)
    insert_transfers(con, [(0, 0, None, POOL_A, 50)], "entity")
    insert_transfers(con, [(0, 1, NEAR_B_AT_BINANCE, NOBODY, 50)], "coinmetrics")
    _built(con)
    miners = con.execute("SELECT profile, miner FROM miner_outflow ORDER BY ALL").fetchall()
    both = [("coinmetrics", "B"), ("coinmetrics", "all_miner"), ("entity", "A")]
    assert miners == [*both, ("entity", "all_miner")]


def test_top10_takes_ten_of_equal_transactions() -> None:
    # Twelve transactions: one of 5 BTC, eleven of 1 BTC each. Ten largest: 5 + 9 x 1.
    con = empty_warehouse()
    insert_blocks(con, [_day(1), _day(2)])
    insert_supply(con, [(0, 0)] * 2)
    amounts = [BTC] * 6 + [5 * BTC] + [BTC] * 5
    insert_transfers(con, [(0, n + 1, POOL_A, NOBODY, sat) for n, sat in enumerate(amounts)])
    _built(con)
    assert _outflow(con, "A", "total_sat, tx_count, top10_sat") == [(16 * BTC, 12, 14 * BTC)]


def test_mean_ma7_averages_the_days_that_have_a_mean_from_the_seventh_on() -> None:
    # Means: 1 on day 1, 2 on day 3, 6 on day 8, none else. Day 7 sees days 1 to 7: (1 + 2) / 2;
    # day 8: (2 + 6) / 2; days 9: (2 + 6) / 2; 10 to 14: 6; day 15 sees 9 to 15: none.
    con = empty_warehouse()
    insert_blocks(con, [_day(1), _day(3), _day(8), _day(16)])
    insert_supply(con, [(0, 0)] * 4)
    insert_transfers(con, [(n, 1, POOL_A, NOBODY, sat * BTC) for n, sat in enumerate((1, 2, 6))])
    _built(con)
    averages = [row[0] for row in _outflow(con, "A", "mean_ma7_btc")]
    assert averages == [None] * 6 + [1.5, 4.0, 4.0] + [6.0] * 5 + [None]


def _year_of_outflows(
    totals_sat: npt.NDArray[np.int64], prices_usd: npt.NDArray[np.float64]
) -> duckdb.DuckDBPyConnection:
    """One transaction of POOL_A on each day with a total; a NaN is a day without price."""
    con = empty_warehouse()
    busy = [n for n, total in enumerate(totals_sat) if total or n == 0]
    insert_blocks(con, [_day(n + 1) for n in busy] + [_day(len(totals_sat) + 1)])
    insert_supply(con, [(0, 0)] * (len(busy) + 1))
    sent = [(at, 1, POOL_A, NOBODY, int(totals_sat[n])) for at, n in enumerate(busy)]
    insert_transfers(con, [transfer for transfer in sent if transfer[4]])
    known = [(_day(n + 1), float(usd)) for n, usd in enumerate(prices_usd) if np.isfinite(usd)]
    insert(con, "prices", known)
    return _built(con)


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
