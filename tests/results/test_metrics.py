"""Metric views against the golden flows and against cases reckoned by hand.

The supply of whole golden chains is compared where the whole way is run.
"""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from itertools import product
from pathlib import Path

import duckdb
import pytest

from etl.resources import sql_dir
from etl.warehouse.catalogue import build_catalogue, read_catalogue
from etl.warehouse.models import build_tables
from tests.support.small_warehouse import (
    BINANCE,
    BTC,
    NOBODY,
    POOL_A,
    PROFILES,
    built,
    day,
    empty_warehouse,
    insert,
    insert_blocks,
    insert_supply,
    insert_transfers,
)

GOLDEN = Path(__file__).parent.parent / "data" / "golden"
CHAINS = ("economy", "mainnet_early", "mesa", "fjord")
EXCHANGES = """
    BFX Bitfinex, BMX BitMEX, BNB Binance, BSP Bitstamp, BTX Bittrex, GEM Gemini, HUO Huobi,
    KRK Kraken, POL Poloniex, BIT Bybit, CBS Coinbase, CRO Crypto.com, DER Deribit, GIO Gate.io,
    HBT HitBTC, KCN KuCoin, KOR Korbit, MXC MEXC, NBX NBX, OKX OKX, SBG SwissBorg
"""
CODES = tuple(pair.split()[0] for pair in EXCHANGES.split(","))


def _metric_ids() -> set[str]:
    """The ids of methodology section 7, written out."""
    shapes = ("Out{}HopAll", "In{}HopAll", "Net{}HopAll", "Out{}HopAllEx", "In{}HopAllEx")
    bases = {f"FlowMiner{shape.format(hops)}" for shape, hops in product(shapes, (0, 1))}
    bases |= {f"FlowMiner{way}1HopAll{code}" for way, code in product(("Out", "In"), CODES)}
    bases |= {"SplyMiner0HopAll", "SplyMiner1HopAll"}
    return {f"{base}{unit}" for base, unit in product(bases, ("Ntv", "USD"))}


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
    con.execute(f"INSERT INTO prices SELECT date, price_usd FROM {_golden_csv(chain, 'prices.csv')}")
    con.execute(
        "INSERT INTO supply SELECT profile, height, NULL, NULL FROM blocks "
        "CROSS JOIN (VALUES ('coinmetrics'), ('entity')) AS profiles (profile)"
    )
    built(con)
    con.execute(f"INSERT INTO daily_flows SELECT * FROM {_golden_csv(chain, 'expected/daily_flows.csv')}")
    con.execute((sql_dir() / "tables" / "flow_days.sql").read_text(encoding="utf-8"))
    return chain, con


def _expected_flows(chain: str, unit: str) -> dict[tuple[str, date, str], Decimal]:
    with (GOLDEN / chain / "expected" / "metrics.csv").open(encoding="utf-8") as lines:
        return {
            (row["profile"], date.fromisoformat(row["day"]), row["metric"]): Decimal(row["value"])
            for row in csv.DictReader(lines)
            if row["metric"].startswith("FlowMiner") and row["metric"].endswith(unit)
        }


def _moved_flows(con: duckdb.DuckDBPyConnection, unit: str) -> dict[tuple[str, date, str], Decimal]:
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
        "mesa": (date(2011, 2, 2), date(2020, 5, 17), 3393),
        "fjord": (date(2011, 2, 2), date(2020, 4, 30), 3376),
    }[chain]
    found = con.execute("SELECT min(day), max(day), count(*) FROM calendar").fetchone()
    assert found == (first, last, days)
    rows = con.execute(
        "SELECT metric, profile, count(*), count(DISTINCT day), min(day), max(day) "
        "FROM metrics GROUP BY metric, profile"
    ).fetchall()
    build_catalogue(con)
    ids = {metric.id for metric in read_catalogue(con) if metric.column_name == "value"}
    assert ids > _metric_ids()
    assert {row[:2] for row in rows} == set(product(ids, PROFILES))
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
        "substr(metric, 10, 2) AS side, value FROM metrics "
        "WHERE regexp_full_match(metric, 'FlowMiner(In|Out|Net)[01]HopAll(Ntv|USD)')) "
        "SELECT profile, day, suffix, any_value(value) FILTER (side = 'Ne') AS net, "
        "any_value(value) FILTER (side = 'In') - any_value(value) FILTER (side = 'Ou') AS differs "
        "FROM sides GROUP BY ALL HAVING net IS DISTINCT FROM differs"
    ).fetchall()
    assert odd == []


def test_exchange_codes_are_those_of_the_methodology() -> None:
    con = built(empty_warehouse())
    rows = con.execute("SELECT code || ' ' || exchange FROM exchange_codes").fetchall()
    assert sorted(row[0] for row in rows) == sorted(pair.strip() for pair in EXCHANGES.split(","))


def _values(con: duckdb.DuckDBPyConnection, metric: str) -> list[Decimal | None]:
    rows = con.execute("SELECT value FROM metrics WHERE metric = ? ORDER BY day", [metric])
    return [row[0] for row in rows.fetchall()]


def test_supply_is_carried_over_days_without_blocks() -> None:
    # Blocks 0 and 1 on day 1, 2 on day 4, 3 on the running day 6: days 2, 3 and 5 have none.
    con = empty_warehouse()
    insert_blocks(con, [day(1), day(1), day(4), day(6)])
    most = 2_099_999_997_690_000
    insert_supply(con, [(50 * BTC, 50 * BTC), (7, 9), (20 * BTC + 1, most), (1, 1)])
    insert(con, "prices", [(day(2), 7200.5), (day(4), 64000.1234567891)])
    built(con)
    assert con.execute("SELECT day, last_height FROM calendar ORDER BY day").fetchall() == [
        (day(1), 1),
        (day(2), 1),
        (day(3), 1),
        (day(4), 2),
        (day(5), 2),
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
    insert_blocks(con, [day(1), day(2)])
    insert_supply(con, [(None, None), (None, None)])
    insert(con, "prices", [(day(1), 7200.0)])
    built(con)
    assert _values(con, "SplyMiner1HopAllNtv") == [None]
    assert _values(con, "SplyMiner1HopAllUSD") == [None]
    assert _values(con, "FlowMinerOut1HopAllUSD") == [Decimal(0)]


@pytest.mark.parametrize("days", [[], [1], [1, 1, 1]])
def test_nothing_is_final_without_a_later_day(days: list[int]) -> None:
    con = empty_warehouse()
    insert_blocks(con, [day(number) for number in days])
    insert_supply(con, [(0, 0)] * len(days))
    built(con)
    for view in ("calendar", "metrics", "miner_outflow"):
        assert con.execute(f"SELECT * FROM {view}").fetchall() == []


def test_days_and_daily_flows_are_derived_from_the_loaded_tables() -> None:
    con = empty_warehouse()
    insert_blocks(con, [day(1), day(1), day(2)])
    insert_transfers(con, [(0, 0, None, POOL_A, 50), (1, 1, POOL_A, BINANCE, 7)])
    insert_transfers(con, [(1, 2, POOL_A, BINANCE, 3), (1, 2, POOL_A, NOBODY, 4)])
    quiet = [("entity", height, day(1), False, NOBODY, BINANCE, 10, 2) for height in (0, 1)]
    insert(con, "quiet_flow_runs", quiet)
    build_tables(con)
    build_tables(con)
    assert con.execute("SELECT * FROM days ORDER BY day").fetchall() == [
        (day(1), 0, 1, True),
        (day(2), 2, 2, False),
    ]
    assert con.execute("SELECT * FROM daily_flows ORDER BY value_sat").fetchall() == [
        ("entity", day(1), False, 0, "A", None, None, None, None, 4, 1),
        ("entity", day(1), False, 0, "A", None, None, None, "Binance", 10, 2),
        ("entity", day(1), False, None, None, None, None, None, "Binance", 20, 4),
        ("entity", day(1), True, None, None, None, 0, "A", None, 50, 1),
    ]
