"""Sums that must agree, on golden chains from their block files to the published views."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from etl.datadir import DataDirectory
from etl.drill import drill_sql
from etl.metrics import Catalogue, Choice, show_running_day, values_sql
from etl.pipeline import run_backfill
from etl.progress import Silent
from etl.published import open_published
from tests.golden import ECONOMY, MAINNET_EARLY, GoldenChain, block_files, job_options

PAIRS = {
    "miner_to_exchange": "all_exchange",
    "exchange_to_miner": "all_exchange",
    "miner_to_miner": "all_miner",
}


def _published(chain: GoldenChain, path: Path) -> DataDirectory:
    run_backfill(job_options(chain, path, block_files(chain.blocks_dir)), None, Silent())
    return DataDirectory(path)


@pytest.fixture(scope="module")
def economy_dir(tmp_path_factory: pytest.TempPathFactory) -> DataDirectory:
    return _published(ECONOMY, tmp_path_factory.mktemp("economy"))


@pytest.fixture
def economy(economy_dir: DataDirectory) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_published(economy_dir) as con:
        yield con


@pytest.fixture(scope="module")
def mainnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_published(_published(MAINNET_EARLY, tmp_path_factory.mktemp("mainnet"))) as con:
        yield con


def _none(con: duckdb.DuckDBPyConnection, sql: str, at_least: int) -> None:
    """The query's second column is true in all of at least so many rows."""
    rows = con.execute(sql).fetchall()
    assert len(rows) >= at_least
    assert [row for row in rows if row[1] is not True] == []


def test_netflow_is_inflow_less_outflow(economy: duckdb.DuckDBPyConnection) -> None:
    _none(
        economy,
        "SELECT net.day, net.total_sat = i.total_sat - o.total_sat "
        "AND net.total_btc = i.total_btc - o.total_btc "
        "AND net.total_usd IS NOT DISTINCT FROM i.total_usd - o.total_usd "
        "FROM miner_netflow AS net JOIN miner_inflow AS i USING (profile, day, miner) "
        "JOIN miner_outflow AS o USING (profile, day, miner)",
        10_000,
    )


@pytest.mark.parametrize("suffix", ["_hours", "_blocks"])
@pytest.mark.parametrize("view", ["miner_inflow", "miner_outflow", "miner_netflow", "miner_in_house"])
def test_hours_and_blocks_sum_to_days(view: str, suffix: str, economy: duckdb.DuckDBPyConnection) -> None:
    _none(
        economy,
        f"SELECT d.day, d.total_sat = coalesce(p.total_sat, 0) FROM {view} AS d LEFT JOIN ("
        f"SELECT profile, day, miner, sum(total_sat) AS total_sat FROM {view}{suffix} GROUP BY ALL"
        ") AS p USING (profile, day, miner)",
        10_000,
    )


@pytest.mark.parametrize("view", PAIRS)
def test_pairs_sum_to_the_total(view: str, economy: duckdb.DuckDBPyConnection) -> None:
    everyone = PAIRS[view]
    _none(
        economy,
        f"SELECT day, sum(total_sat) FILTER (miner <> 'all_miner' AND counterparty <> '{everyone}') "
        f"= sum(total_sat) FILTER (miner = 'all_miner' AND counterparty = '{everyone}') "
        f"FROM {view} GROUP BY profile, day",
        50,
    )


def test_all_miners_are_the_one_hop_set(economy: duckdb.DuckDBPyConnection) -> None:
    for view, condition, metric in (
        ("miner_outflow", "true", "FlowMinerOut1HopAllNtv"),
        ("miner_inflow", "true", "FlowMinerIn1HopAllNtv"),
        ("miner_netflow", "true", "FlowMinerNet1HopAllNtv"),
        ("miner_to_exchange", "counterparty = 'all_exchange'", "FlowMinerOut1HopAllExNtv"),
        ("exchange_to_miner", "counterparty = 'all_exchange'", "FlowMinerIn1HopAllExNtv"),
    ):
        _none(
            economy,
            f"SELECT m.day, coalesce(v.total_btc, 0) = m.value FROM metrics AS m LEFT JOIN {view} AS v "
            f"ON v.profile = m.profile AND v.day = m.day AND v.miner = 'all_miner' AND {condition} "
            f"WHERE m.metric = '{metric}'",
            5_000,
        )


def test_what_stays_with_all_miners_is_in_house_or_between_pairs(
    economy: duckdb.DuckDBPyConnection,
) -> None:
    _none(
        economy,
        "SELECT day, sum(total_sat) FILTER (miner = 'all_miner') = "
        "sum(total_sat) FILTER (miner <> 'all_miner') + coalesce(any_value(between_sat), 0) "
        "FROM miner_in_house LEFT JOIN (SELECT profile, day, total_sat AS between_sat "
        "FROM miner_to_miner WHERE miner = 'all_miner' AND counterparty = 'all_miner') AS pairs "
        "USING (profile, day) GROUP BY profile, day",
        5_000,
    )


def test_supply_from_issuance_is_the_supply_from_outputs(economy: duckdb.DuckDBPyConnection) -> None:
    """The value of all outputs that are not spent, added up from the node's own answers."""
    unspent: dict[tuple[str, int], Decimal] = {}
    at_height: list[Decimal] = []
    with gzip.open(ECONOMY.folder / "blocks.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            block = json.loads(line, parse_float=Decimal)
            for tx in block["tx"] if block["height"] else []:
                for spent in tx["vin"]:
                    unspent.pop((spent.get("txid", ""), spent.get("vout", -1)), None)
                unspent |= {(tx["txid"], out["n"]): Decimal(out["value"]) for out in tx["vout"]}
            at_height.append(sum(unspent.values(), Decimal(0)))
    rows = economy.execute(
        "SELECT last_height, value FROM sply_cur JOIN calendar USING (day) WHERE profile = 'entity'"
    ).fetchall()
    assert len(rows) == 2949
    assert [row for row in rows if at_height[row[0]] != row[1]] == []


def test_change_of_the_miners_supply_is_what_flowed_in_less_what_flowed_out(
    mainnet: duckdb.DuckDBPyConnection,
) -> None:
    """Of real mining entities; the only fees of these days (2.01 BTC) were paid by others."""
    _none(
        mainnet,
        "WITH sums AS (SELECT day, max(value) FILTER (metric = 'SplyMiner0HopAllNtv') AS held, "
        "max(value) FILTER (metric = 'FlowMinerNet0HopAllNtv') AS net FROM metrics "
        "WHERE profile = 'coinmetrics' GROUP BY day) "
        "SELECT day, coalesce(held - lag(held) OVER (ORDER BY day) = net, held = 50) FROM sums",
        44,
    )


def test_drilled_transactions_sum_to_the_metric(economy: duckdb.DuckDBPyConnection) -> None:
    catalogue = Catalogue(economy)
    sums = [m for m in catalogue.metrics if m.drill and m.interval == "day" and m.unit in ("BTC", "USD")]
    sums = [m for m in sums if "Mean" not in m.id and m.id != "CapitulationIndex"]
    assert len(sums) > 100
    choice = Choice(start=date(2019, 2, 26), end=date(2019, 2, 26))
    moved = 0
    for metric in sums:
        values = economy.execute(values_sql([metric], choice)).fetchall()
        column = "btc" if metric.unit == "BTC" else "usd"
        sql = drill_sql(catalogue, metric, date(2019, 2, 26), choice)
        rows = economy.execute(f"SELECT coalesce(sum({column}), 0), count(*) FROM ({sql})").fetchall()
        assert rows[0][0] == (values[0][1] if values else 0), metric.id
        moved += rows[0][1]
    assert moved > 300


def test_drill_shows_the_largest_first_with_their_txids(economy: duckdb.DuckDBPyConnection) -> None:
    catalogue = Catalogue(economy)
    metric = catalogue.find("FlowMinerNet1HopAllNtv")
    rows = economy.execute(drill_sql(catalogue, metric, date(2019, 2, 26), Choice())).fetchall()
    amounts = [abs(row[2]) for row in rows]
    assert amounts == sorted(amounts, reverse=True)
    assert any(row[2] < 0 for row in rows) and any(row[2] > 0 for row in rows)
    known = economy.execute("SELECT DISTINCT height, txid FROM transfers").fetchall()
    assert {row[:2] for row in rows} <= set(known)


def test_the_running_day_is_shown_only_when_asked_for(economy: duckdb.DuckDBPyConnection) -> None:
    def totals() -> dict[date, Decimal]:
        sql = "SELECT day, value FROM metrics WHERE metric = 'RevNtv' AND profile = 'entity'"
        return dict(economy.execute(sql).fetchall())

    final = totals()
    (running,) = (row[0] for row in economy.execute("SELECT day FROM days WHERE NOT final").fetchall())
    show_running_day(economy)
    with_running = totals()
    assert running == max(final) + timedelta(days=1)
    assert with_running.keys() - final.keys() == {running}
    assert {day: with_running[day] for day in final} == final
    paid = economy.execute("SELECT sum(coinbase_sat) FROM blocks WHERE day = ?", [running]).fetchall()
    assert with_running[running] * 10**8 == paid[0][0]
