"""Sums that must agree, on golden chains from their block files to the published views."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from etl.disk.datadir import DataDirectory
from etl.jobs.pipeline import run_backfill
from etl.progress import Silent
from etl.results.drill import drill_sql
from etl.results.metrics import Catalogue, Choice, show_running_day, values_sql
from etl.results.published import open_published
from tests.clustering.economy import Block, Coin, Identity, Tx
from tests.clustering.golden_economy import golden_economy
from tests.clustering.reference import Reference, Results
from tests.support.golden import ECONOMY, MAINNET_EARLY, GoldenChain, block_files, job_options

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


def test_exchange_flows_and_balances_are_those_of_the_reference(economy: duckdb.DuckDBPyConnection) -> None:
    """Which nets each transaction by itself, in plain Python."""
    reference = Reference(golden_economy(ECONOMY), ask_everyone=False)
    days = dict(economy.execute("SELECT day, last_height FROM days").fetchall())
    epoch = date(1970, 1, 1)
    for profile in ("coinmetrics", "entity"):
        results: Results = reference.results[profile]
        flows = economy.execute(
            "SELECT day, exchange, in_sat, out_sat FROM exchange_flows WHERE profile = ?",
            [profile],
        ).fetchall()
        wanted = {(epoch + timedelta(n), name): tuple(s) for (n, name), s in results.exchange_flows.items()}
        assert {row[:2]: row[2:] for row in flows} == wanted
        held = economy.execute(
            "SELECT height, 'exchange', exchange, [balance_sat] FROM exchange_supply WHERE profile = ? "
            "UNION ALL SELECT height, 'pool', pool, [hop0_sat, hop1_sat] FROM pool_supply WHERE profile = ?",
            [profile, profile],
        ).fetchall()
        balances = {
            (height, *key): list(sums)
            for height in days.values()
            for key, sums in results.held[height].items()
        }
        assert {row[:3]: row[3] for row in held} == balances
        assert len(wanted) > 300 and len(balances) > 300


def test_change_of_an_exchange_balance_is_what_flowed_in_less_what_flowed_out(
    economy: duckdb.DuckDBPyConnection,
) -> None:
    """Where who owns what never changes: exchanges own retroactively in the profile coinmetrics."""
    _none(
        economy,
        "WITH sums AS (SELECT day, codes.code, "
        "max(value) FILTER (metric = 'Sply' || codes.code || 'Ntv') AS held, "
        "max(value) FILTER (metric = 'FlowNet' || codes.code || 'Ntv') AS net "
        "FROM metrics CROSS JOIN exchange_codes AS codes WHERE profile = 'coinmetrics' GROUP BY ALL) "
        "SELECT day, held - coalesce(lag(held) OVER (PARTITION BY code ORDER BY day), 0) = net FROM sums",
        20 * 2949,
    )


def test_pools_hold_together_what_all_miners_hold(economy: duckdb.DuckDBPyConnection) -> None:
    _none(
        economy,
        "SELECT day, sum(total_sat) FILTER (miner <> 'all_miner') = "
        "sum(total_sat) FILTER (miner = 'all_miner') FROM miner_reserve GROUP BY profile, day",
        5_000,
    )


def test_change_of_the_miners_reserve_is_inflow_less_outflow_less_fees_paid(
    economy: duckdb.DuckDBPyConnection,
) -> None:
    """Block by block, but for what addresses hold that join or leave; fees and balances from the node.

    Left out are blocks with a transaction that several kinds of owners pay together: its amounts are
    shared out between them, and one that takes back change has no transfer of it.
    """
    net = "sum(value_sat * ((dst_hop IS NOT NULL)::INT - (src_hop IS NOT NULL)::INT))"
    moved = _by_height(economy, net, "transfers")
    held = _by_height(economy, "any_value(hop1_sat)", "supply")
    changes = economy.execute(
        "SELECT since_height, address, (hop, pool, exchange) FROM addresses WHERE profile = 'entity'"
    ).fetchall()
    owners = _Owners(changes)
    checked = 0
    for block in golden_economy(ECONOMY).blocks:
        joined = owners.join(block.height)
        fees = sum(owners.fee(tx) for tx in block.txs[1:])
        is_clear = all(owners.pay_alone(tx) for tx in block.txs[1:])
        owners.move(block)
        if is_clear and block.height > 0:
            change = held[block.height] - held[block.height - 1]
            assert change == moved.get(block.height, 0) - fees + joined, block.height
            checked += fees > 0
    assert checked > 50


def _by_height(con: duckdb.DuckDBPyConnection, value: str, table: str) -> dict[int, int]:
    sql = f"SELECT height, CAST({value} AS BIGINT) FROM {table} WHERE profile = 'entity' GROUP BY height"
    return dict(con.execute(sql).fetchall())


class _Owners:
    """What addresses bear and hold, block by block."""

    def __init__(self, changes: list[tuple[int, str, tuple[Any, ...]]]) -> None:
        self._changes = changes
        self._bears: dict[Identity, tuple[Any, ...]] = {}
        self._holds: Counter[Identity] = Counter()

    def _mines(self, identity: Identity) -> bool:
        return self._bears.get(identity, (None,))[0] is not None

    def join(self, height: int) -> int:
        """Take in the changes at a height; what those hold that become miners, less those that cease."""
        joined = 0
        for _, address, bears in (change for change in self._changes if change[0] == height):
            before = self._mines(address)
            self._bears[address] = bears
            joined += self._holds[address] * (self._mines(address) - before)
        return joined

    def pay_alone(self, tx: Tx) -> bool:
        """Whether all inputs bear the same."""
        return len({self._bears.get(coin.identity, (None, None, None)) for coin in tx.inputs}) == 1

    def fee(self, tx: Tx) -> int:
        """What a transaction of miners leaves to the block's miner."""
        if not all(self._mines(coin.identity) for coin in tx.inputs):
            return 0
        return sum(coin.value_sat for coin in tx.inputs) - sum(coin.value_sat for coin in tx.outputs)

    def move(self, block: Block) -> None:
        """Move the amounts of a block."""
        for tx in block.txs:
            self._holds.subtract(_values(tx.inputs))
            self._holds.update(_values(tx.outputs))


def _values(coins: Iterable[Coin]) -> Counter[Identity]:
    values: Counter[Identity] = Counter()
    for coin in coins:
        values[coin.identity] += coin.value_sat
    return values


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
