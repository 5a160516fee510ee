"""Every check passes a sound warehouse and finds each thing that it is there to find."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import accumulate

import duckdb
import pytest

from etl.resources import sql_dir
from etl.warehouse.database import WORK_TABLES
from etl.warehouse.day_spans import WHOLE, Stretch, limit_to, stretch_from
from etl.warehouse.models import FailedCheck, build_tables, run_checks, run_loading_checks
from tests.support.small_warehouse import (
    BINANCE,
    BTC,
    NOBODY,
    POOL_A,
    PROFILES,
    Transfer,
    built,
    empty_warehouse,
    insert,
    insert_supply,
    insert_transfers,
)

BLOCKS = 24
HALVING = 10
FEE = BTC // 10

# Each statement breaks a sound warehouse; the check must find it.
BROKEN: dict[str, list[str]] = {
    "addresses_unique": ["INSERT INTO address_changes SELECT * FROM address_changes LIMIT 1"],
    "addresses_spelled": [
        "DELETE FROM address_texts WHERE address_id = 1",
        "DELETE FROM address_texts WHERE address_id = 2",
        "INSERT INTO address_texts VALUES (1, 'other', 1)",
        "INSERT INTO address_texts VALUES (9, 'nobody', 1)",
        "UPDATE address_texts SET first_height = first_height + 1",
        "UPDATE address_changes SET code = 99",
    ],
    "amounts_not_negative": [
        "UPDATE transfer_facts SET value_sat = 0 WHERE height = 3",
        "UPDATE daily_flows SET value_sat = -1 WHERE dst_exchange IS NOT NULL",
        "UPDATE supply SET hop0_sat = -1 WHERE height = 3",
        "UPDATE blocks SET created_sat = -1 WHERE height = 3",
        "UPDATE blocks SET tx_count = 0 WHERE height = 3",
    ],
    "attributes_distinct": [
        "INSERT INTO attributes VALUES (1, NULL, NULL, 'Kraken')",
        "INSERT INTO attributes VALUES (99, NULL, NULL, NULL)",
        "INSERT INTO attributes VALUES (99, 1, NULL, NULL)",
        "INSERT INTO attributes VALUES (99, NULL, 'A', NULL)",
        "INSERT INTO attributes VALUES (99, 2, 'A', NULL)",
    ],
    "block_days": [
        "UPDATE blocks SET mediantime = mediantime + 1 WHERE height = 3",
        "UPDATE blocks SET time = 0 WHERE height = 15",
        "UPDATE blocks SET day = day + 1 WHERE height = 20",
    ],
    "blocks_linked": [
        "DELETE FROM blocks WHERE height = 5",
        "DELETE FROM blocks WHERE height = 0",
        "INSERT INTO blocks SELECT * FROM blocks WHERE height = 5",
        "UPDATE blocks SET prev_hash = hash WHERE height = 5",
        "UPDATE chain SET first_height = 1",
    ],
    "coinbase_within_reward": [
        "UPDATE blocks SET coinbase_sat = coinbase_sat + 1 WHERE height = 7",
        "UPDATE blocks SET subsidy_sat = subsidy_sat - 1 WHERE height = 7",
        "UPDATE blocks SET created_sat = created_sat + 1 WHERE height = 7",
    ],
    "coinjoins_unique": ["INSERT INTO coinjoins VALUES (4, 'aa', 'wasabi1')"],
    "days_contiguous": [
        "DELETE FROM days WHERE first_height > 0 AND final",
        "UPDATE days SET last_height = last_height + 1 WHERE first_height = 0",
        "UPDATE days SET final = NOT final WHERE first_height = 0",
        "UPDATE days SET final = true",
        "INSERT INTO days VALUES (DATE '2000-01-01', 0, 0, true)",
        "UPDATE blocks SET height = 99 WHERE height = 23",
    ],
    "hop_or_exchange": [
        "UPDATE address_changes SET code = 6 WHERE profile = 'entity'",
        "UPDATE daily_flows SET src_exchange = 'Binance' WHERE profile = 'entity'",
        "UPDATE daily_flows SET dst_exchange = 'Binance' WHERE profile = 'entity'",
    ],
    "flows_match_transfers": [
        "DELETE FROM transfer_facts WHERE height = 3 AND tx_index = 1",
        "UPDATE daily_flows SET value_sat = value_sat + 1 WHERE src_hop IS NOT NULL",
        "UPDATE daily_flows SET tx_count = tx_count + 1 WHERE src_hop IS NOT NULL",
        "DELETE FROM daily_flows WHERE is_coinbase",
    ],
    "flows_within_blocks": [
        "UPDATE daily_flows SET value_sat = value_sat + 1 WHERE is_coinbase AND dst_hop = 0",
        "DELETE FROM daily_flows WHERE is_coinbase AND dst_hop IS NULL",
        "UPDATE daily_flows SET value_sat = 1e16 WHERE src_hop IS NULL AND NOT is_coinbase",
        "DELETE FROM daily_flows WHERE profile = 'entity'",
        "UPDATE daily_flows SET day = day - 100",
    ],
    "heights_in_range": [
        "UPDATE transfer_facts SET height = 24 WHERE height = 3",
        "UPDATE supply SET height = 24 WHERE height = 3",
        "UPDATE address_changes SET since_height = 24",
        "UPDATE refused_joins SET height = 24",
        "UPDATE coinjoins SET height = 24",
    ],
    "inputs_cover_outputs": [
        "UPDATE blocks SET overspending_txs = 1 WHERE height = 3",
        "UPDATE blocks SET created_sat = spent_sat + 1 WHERE height = 3",
    ],
    "inputs_resolved": [
        "UPDATE chunks SET inputs = inputs - 1 WHERE first_height = 0",
        "UPDATE chunks SET outputs = outputs + 1 WHERE first_height = 0",
        "UPDATE chunks SET txs = txs + 1 WHERE first_height = 0",
        "DELETE FROM chunks WHERE first_height = 0",
        "DELETE FROM chunks WHERE first_height = 10",
        "DELETE FROM chunks",
        "UPDATE chunks SET (first_height, txs, inputs, outputs) = (11, 26, 13, 26) WHERE first_height = 10",
        "INSERT INTO chunks VALUES (24, 30, 0, 0, 0)",
    ],
    "chain_stats_complete": [
        "DELETE FROM chain_stats WHERE height = 5",
        "INSERT INTO chain_stats SELECT * FROM chain_stats WHERE height = 5",
        "UPDATE chain_stats SET height = 99 WHERE height = 5",
        "UPDATE chain_stats SET transfer_sat = 1000000000 WHERE height = 5",
        "UPDATE chain_stats SET moved_coinbase_sat = 1000000001 WHERE height = 5",
        "DELETE FROM active_addresses WHERE day = (SELECT min(day) FROM days)",
        "INSERT INTO active_addresses SELECT * FROM active_addresses LIMIT 1",
        "UPDATE active_addresses SET day = '2019-01-01' WHERE day = (SELECT min(day) FROM days)",
    ],
    "exchange_flows_sum": [
        "DELETE FROM exchange_flows WHERE exchange = 'all_exchange' AND day = (SELECT min(day) FROM days)",
        "UPDATE exchange_flows SET in_sat = in_sat + 1 WHERE exchange = 'Binance'",
        "INSERT INTO exchange_flows SELECT profile, day, exchange, 0, 0 FROM exchange_flows LIMIT 1",
        "UPDATE exchange_flows SET in_sat = in_sat - 1000000000, out_sat = -1000000000",
        "UPDATE exchange_flows SET day = '2019-01-01' WHERE day = (SELECT min(day) FROM days)",
    ],
    "pool_supply_sums": [
        "DELETE FROM pool_supply WHERE profile = 'entity'",
        "UPDATE pool_supply SET hop0_sat = hop0_sat + 1 WHERE profile = 'entity'",
        "UPDATE pool_supply SET hop1_sat = hop1_sat - 1 WHERE profile = 'entity'",
        "INSERT INTO pool_supply VALUES ('entity', 1, 'A', 1, 1)",
        "INSERT INTO exchange_supply VALUES ('entity', 1, 'Binance', 1)",
    ],
    "labels_unique": ["INSERT INTO labels VALUES ('x', 'Kraken', 'elsewhere')"],
    "outflow_matches_flows": [
        "UPDATE miner_flow_days SET total_sat = total_sat + 1 WHERE miner = 'all_miner'",
        "DELETE FROM miner_flow_days WHERE profile = 'entity'",
        "DELETE FROM daily_flows WHERE dst_exchange IS NOT NULL",
    ],
    "prices_unique": [
        "INSERT INTO prices VALUES (DATE '2020-01-01', 7300)",
        "UPDATE prices SET price_usd = 0",
        "UPDATE prices SET price_usd = 'inf'",
        "UPDATE prices SET price_usd = 'nan'",
    ],
    "subsidy_schedule": [
        "UPDATE blocks SET subsidy_sat = 5000000000 WHERE height = 10",
        "UPDATE blocks SET subsidy_sat = 2500000000 WHERE height = 9",
        "UPDATE chain SET halving_interval = 11",
    ],
    "supply_complete": [
        "DELETE FROM supply WHERE profile = 'entity' AND height = 3",
        "INSERT INTO supply SELECT * FROM supply WHERE height = 3",
        "INSERT INTO supply VALUES ('entity', 24, 0, 0)",
    ],
    "supply_within_issue": [
        "UPDATE supply SET hop1_sat = 5000000001 WHERE height = 0",
        "UPDATE supply SET hop0_sat = hop1_sat + 1 WHERE height = 3",
    ],
    "transfer_attributes": [
        "UPDATE transfer_facts SET dst = 99 WHERE height = 3",
        "UPDATE transfer_facts SET src = 99 WHERE height = 3 AND tx_index = 1",
        "UPDATE transfer_facts SET src = 0 WHERE height = 3 AND tx_index = 1",
        "UPDATE transfer_facts SET src = NULL WHERE height = 3",
        "UPDATE transfer_facts SET src = 1 WHERE height = 3",
        "UPDATE transfer_facts SET tx_index = 1 WHERE height = 3",
    ],
    "run_attributes": [
        "UPDATE quiet_flow_runs SET dst = 1 WHERE first_height = 6",
        "UPDATE quiet_flow_runs SET dst = 99 WHERE first_height = 6",
        "UPDATE quiet_flow_runs SET src = 0",
    ],
    "runs_sound": [
        "UPDATE quiet_flow_runs SET tx_count = 0 WHERE first_height = 6",
        "UPDATE quiet_flow_runs SET first_height = 24 WHERE first_height = 6",
        "UPDATE exchange_flow_runs SET first_height = 24 WHERE first_height = 6",
        "UPDATE exchange_flow_runs SET in_sat = -1 WHERE first_height = 6",
        "UPDATE exchange_flow_runs SET in_sat = 0 WHERE first_height = 6",
        "UPDATE exchange_flow_runs SET day = '2019-01-01' WHERE first_height = 6",
    ],
    "runs_summed": [
        "UPDATE exchange_flow_runs SET in_sat = in_sat + 1 WHERE first_height = 6",
        "DELETE FROM exchange_flow_runs WHERE first_height = 6",
        "DELETE FROM exchange_flows WHERE exchange = 'Binance'",
        "UPDATE quiet_flow_runs SET value_sat = value_sat + 1 WHERE first_height = 6",
        "DELETE FROM daily_flows WHERE src_hop IS NULL AND dst_hop IS NULL",
    ],
    "transfers_within_blocks": [
        "INSERT INTO transfer_facts SELECT * FROM transfer_facts WHERE height = 3",
        "UPDATE blocks SET created_sat = created_sat - 1 WHERE height = 3",
        "UPDATE blocks SET coinbase_sat = coinbase_sat - 1 WHERE height = 3",
        "UPDATE transfer_facts SET day = day + 1 WHERE height = 3",
        "UPDATE transfer_facts SET height = 99 WHERE height = 3",
    ],
}


def _blocks() -> list[tuple[object, ...]]:
    """Four hours apart, the subsidy halved after ten; from height 2 on each spends 10 BTC."""
    start = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
    times = [start + 4 * 3600 * height for height in range(BLOCKS)]
    rows: list[tuple[object, ...]] = []
    for height, time in enumerate(times):
        seen = sorted(times[max(0, height - 10) : height + 1])
        median = seen[len(seen) // 2]
        day = datetime.fromtimestamp(median, UTC).date()
        sums = (_spent(height), _created(height), _claimed(height))
        busy = int(height >= 2)
        counts = (1 + busy, "A", 0x207FFFFF, busy, 1 + busy)
        row = (height, f"{height:064x}", f"{height - 1:064x}" if height else "0" * 64)
        rows.append((*row, time, median, day, *counts, *sums, _subsidy(height), 0))
    return rows


def _subsidy(height: int) -> int:
    return 50 * BTC >> height // HALVING


def _spent(height: int) -> int:
    return 10 * BTC if height >= 2 else 0


def _created(height: int) -> int:
    return 10 * BTC - FEE if height >= 2 else 0


def _claimed(height: int) -> int:
    return _subsidy(height) + _spent(height) - _created(height)


def _miner_balances() -> list[tuple[int, int]]:
    """What the miner holds: coinbases (less a coin lost at height 5), less what was spent.

    Block 6 spends the coin that was lost instead of the miner's.
    """
    gains = [_subsidy(height) - _created(height) for height in range(BLOCKS)]
    gains[5] -= BTC
    gains[6] += _spent(6)
    return [(total, total) for total in accumulate(gains)]


def _sound_warehouse() -> duckdb.DuckDBPyConnection:
    """Each block's coinbase pays the pool, which sends 9.9 BTC to Binance; 5 and 6 are unlike."""
    con = empty_warehouse()
    genesis = f"{0:064x}"
    insert(con, "chain", [("regtest", genesis, HALVING, 0, "digest")])
    blocks = _blocks()
    insert(con, "blocks", blocks)
    insert(con, "chunks", [(0, 9, 18, 8, 18), (10, BLOCKS - 1, 28, 14, 28)])
    days = [block[5] for block in blocks]
    insert(con, "chain_stats", [(h, int(h >= 2), _created(h), 0) for h in range(BLOCKS)])
    insert(con, "active_addresses", [(each, 7) for each in sorted(set(days), key=str)])
    transfers: list[Transfer] = [
        (height, 0, None, POOL_A, _claimed(height) - (BTC if height == 5 else 0)) for height in range(BLOCKS)
    ]
    transfers += [
        (height, 1, POOL_A, BINANCE, _created(height)) for height in range(2, BLOCKS) if height != 6
    ]
    for profile in PROFILES:
        insert_transfers(con, transfers, profile)
        lost = (profile, 5, days[5], True, None, NOBODY, BTC, 1)
        others = (profile, 6, days[6], False, NOBODY, BINANCE, _created(6), 1)
        insert(con, "quiet_flow_runs", [lost, others])
        insert_supply(con, _miner_balances(), profile)
        paid = [(height, _created(height)) for height in range(2, BLOCKS)]
        for name in ("Binance", "all_exchange"):
            insert(con, "exchange_flow_runs", [(profile, h, days[h], name, sat, 0) for h, sat in paid])
        ends = {day: height for height, day in enumerate(days)}.values()
        balances = _miner_balances()
        insert(con, "pool_supply", [(profile, h, "A", *balances[h]) for h in ends])
        insert(con, "exchange_supply", [(profile, h, "Binance", h * BTC) for h in ends])
        insert(con, "address_changes", [(profile, 1, POOL_A, 1)])
    insert(con, "labels", [("x", "Binance", "published"), ("y", "Binance", "published")])
    insert(con, "coinjoins", [(4, "aa", "joinmarket"), (4, "bb", "joinmarket")])
    insert(con, "refused_joins", [("entity", 23, bytes(32), 2, 1)])
    insert(con, "address_texts", [(1, "m", 1), (2, "x", 23)])
    insert(con, "attributes", [(6, 0, "B", "Binance")])
    insert(con, "prices", [("2020-01-01", 7200.5), ("2020-01-02", 7000.0)])
    return built(con)


@pytest.fixture(scope="module")
def sound() -> duckdb.DuckDBPyConnection:
    """A sound warehouse, not to be changed."""
    return _sound_warehouse()


@pytest.fixture
def scratch(sound: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """A sound warehouse in a transaction that is undone after the test."""
    sound.execute("BEGIN")
    yield sound
    sound.execute("ROLLBACK")


def _failures(con: duckdb.DuckDBPyConnection) -> list[FailedCheck]:
    return [*run_checks(con), *run_loading_checks(con)]


def _fails(con: duckdb.DuckDBPyConnection, check: str, stretch: Stretch) -> bool:
    """Whether one check finds anything."""
    (path,) = sql_dir().glob(f"checks/**/{check}.sql")
    limit_to(con, stretch)
    return con.execute(path.read_text(encoding="utf-8")).fetchone() is not None


def test_what_is_published_is_checked_without_what_is_not(scratch: duckdb.DuckDBPyConnection) -> None:
    for table in WORK_TABLES:
        scratch.execute(f"DROP TABLE {table}")
    assert run_checks(scratch) == []


def test_a_sound_warehouse_passes(sound: duckdb.DuckDBPyConnection) -> None:
    assert _failures(sound) == []
    assert sound.execute("SELECT count(*) FROM days").fetchall() == [(4,)]


def test_an_empty_warehouse_passes() -> None:
    assert _failures(built(empty_warehouse())) == []


def test_a_range_that_starts_after_genesis_passes(scratch: duckdb.DuckDBPyConnection) -> None:
    con = scratch
    for table in ("blocks", "transfer_facts", "supply", "chain_stats", "pool_supply", "exchange_supply"):
        con.execute(f"DELETE FROM {table} WHERE height < 7")
    for table in ("quiet_flow_runs", "exchange_flow_runs"):
        con.execute(f"DELETE FROM {table} WHERE first_height < 7")
    con.execute("DELETE FROM active_addresses WHERE day < (SELECT min(day) FROM blocks)")
    for table in ("supply", "pool_supply"):
        con.execute(f"UPDATE {table} SET hop0_sat = NULL, hop1_sat = NULL")
    con.execute("UPDATE chain SET first_height = 7")
    build_tables(con)
    assert _failures(con) == []


def test_every_check_is_tried() -> None:
    assert BROKEN.keys() == {path.stem for path in sql_dir().glob("checks/**/*.sql")}


BREAKINGS = pytest.mark.parametrize(
    ("check", "breaking"),
    [
        pytest.param(check, breaking, id=f"{check}-{number}")
        for check, statements in BROKEN.items()
        for number, breaking in enumerate(statements)
    ],
)
BELOW_1 = {
    "DELETE FROM address_texts WHERE address_id = 1",
    "DELETE FROM address_texts WHERE address_id = 2",
    "UPDATE exchange_flows SET day = '2019-01-01' WHERE day = (SELECT min(day) FROM days)",
    "UPDATE supply SET hop1_sat = 5000000001 WHERE height = 0",
}
"""Of BROKEN, what no look at height 1 and above finds; texts that are missing may stand below."""


@BREAKINGS
def test_a_broken_warehouse_fails(check: str, breaking: str, scratch: duckdb.DuckDBPyConnection) -> None:
    scratch.execute(breaking)
    assert _fails(scratch, check, WHOLE)


@BREAKINGS
def test_a_broken_stretch_fails(check: str, breaking: str, scratch: duckdb.DuckDBPyConnection) -> None:
    stretch = stretch_from(scratch, 1)
    scratch.execute(breaking)
    assert _fails(scratch, check, stretch) == (breaking not in BELOW_1)


def test_a_checked_stretch_stays_checked(scratch: duckdb.DuckDBPyConnection) -> None:
    """Nothing below a sound stretch makes it fail, but for what is summed from the first block on."""
    for table in ("blocks", "transfer_facts", "supply", "chain_stats", "quiet_flow_runs"):
        first = "first_height" if table == "quiet_flow_runs" else "height"
        scratch.execute(f"DELETE FROM {table} WHERE {first} < 10")
    scratch.execute("DELETE FROM address_changes")
    assert _failures(scratch) != []
    for height in range(13, BLOCKS + 1):
        stretch = stretch_from(scratch, height)
        failures = [*run_checks(scratch, stretch), *run_loading_checks(scratch, stretch)]
        assert {failure.name for failure in failures} <= {"supply_within_issue", "inputs_resolved"}, height


def test_a_failure_says_what_it_means_and_shows_a_row(scratch: duckdb.DuckDBPyConnection) -> None:
    scratch.execute("INSERT INTO labels VALUES ('x', 'Kraken', 'elsewhere')")
    (failure,) = _failures(scratch)
    assert failure.name == "labels_unique"
    assert failure.meaning == "an address that bears more than one exchange label."
    assert failure.example == "address x, exchanges ['Binance', 'Kraken']"
