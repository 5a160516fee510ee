"""Methodology files: what a profile may be, and that a table more is a profile more, all the way."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from etl.disk.datadir import DataDirectory
from etl.errors import ConfigError
from etl.jobs.pipeline import run_backfill
from etl.progress import Silent
from etl.resources import config_dir
from etl.tracking import inputs
from etl.tracking.profile_file import load_profiles
from tests.clustering.golden_economy import golden_economy
from tests.clustering.reference import Reference
from tests.support.golden import ECONOMY, block_files, job_options

SHIPPED = (config_dir() / "methodology.toml").read_text(encoding="utf-8")
MORE = """
[singles_now]
cluster_miners = false
retroactive_exchanges = false
coinjoins_pay_hop_1 = true
exchange_excludes_hop = false

[entity_mixing]
cluster_miners = true
retroactive_exchanges = false
coinjoins_pay_hop_1 = true
exchange_excludes_hop = true
"""


def test_the_shipped_profiles() -> None:
    """The two columns of the table in methodology section 5, row by row."""
    coinmetrics, entity = load_profiles(config_dir() / "methodology.toml")
    assert (coinmetrics.name, entity.name) == ("coinmetrics", "entity")
    assert (coinmetrics.cluster_miners, entity.cluster_miners) == (False, True)
    assert (coinmetrics.retroactive_exchanges, entity.retroactive_exchanges) == (True, False)
    assert (coinmetrics.coinjoins_pay_hop_1, entity.coinjoins_pay_hop_1) == (True, False)
    assert (coinmetrics.exchange_excludes_hop, entity.exchange_excludes_hop) == (False, True)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "0 profiles"),
        ("entity = true", "profile 'entity'"),
        (SHIPPED.replace("[entity]", "[Entity]"), "profile 'Entity'"),
        (SHIPPED.replace("[entity]", "['x; DROP TABLE blocks']"), "profile 'x; DROP TABLE blocks'"),
        (SHIPPED.replace("cluster_miners = true", "cluster_miners = 1"), "true or false"),
        (SHIPPED.replace("cluster_miners = true", "cluster_pools = true"), "cluster_pools"),
        (SHIPPED.replace("cluster_miners = true", ""), "cluster_miners"),
        (SHIPPED.replace("cluster_miners = false ", "cluster_miners = true "), "profile 'coinmetrics'"),
        (SHIPPED + "[entity]", "entity"),
        ("[entity", "Expected ']'"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "methodology.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(word)) as raised:
        load_profiles(path)
    assert str(path) in raised.value.what


def _rows(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[str, ...]]:
    rows = con.execute(sql).fetchall()
    return sorted(tuple("" if value is None else str(value) for value in row) for row in rows)


FLOWS = (
    "SELECT profile, day, is_coinbase, src_hop, src_pool, src_exchange, dst_hop, dst_pool, dst_exchange, "
    "value_sat, tx_count FROM daily_flows WHERE profile IN "
)
ADDRESSES = "SELECT profile, address, hop, pool, exchange, since_height FROM addresses WHERE profile IN "


def test_a_table_more_is_a_profile_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped profiles stay golden; the others are what the reference says of the same chain."""
    methodology, more = tmp_path / "methodology.toml", tmp_path / "more.toml"
    methodology.write_text(SHIPPED + MORE, encoding="utf-8")
    more.write_text(MORE, encoding="utf-8")
    monkeypatch.setattr(inputs, "METHODOLOGY", methodology)
    options = job_options(ECONOMY, tmp_path / "data", block_files(ECONOMY.blocks_dir))
    run_backfill(options, None, Silent())
    reference = Reference(golden_economy(ECONOMY), methodology=more, ask_everyone=False)
    with duckdb.connect(str(DataDirectory(tmp_path / "data").published), read_only=True) as con:
        shipped = "('coinmetrics', 'entity')"
        assert _rows(con, FLOWS + shipped) == _expected("daily_flows")
        assert _rows(con, ADDRESSES + shipped) == _expected("addresses")
        others = "('singles_now', 'entity_mixing')"
        assert _rows(con, FLOWS + others) == _flows(reference)
        assert _rows(con, ADDRESSES + others) == _addresses(reference)


def _expected(table: str) -> list[tuple[str, ...]]:
    return sorted(tuple(row.values()) for row in ECONOMY.expected(table))


def _texts(values: tuple[object, ...]) -> tuple[str, ...]:
    return tuple("" if value is None else str(value) for value in values)


def _flows(reference: Reference) -> list[tuple[str, ...]]:
    days = {b.height: date(1970, 1, 1) + timedelta(days=b.day) for b in reference.economy.blocks}
    sums: Counter[tuple[object, ...]] = Counter()
    counts: Counter[tuple[object, ...]] = Counter()
    for profile, results in reference.results.items():
        for height, position, _, (source, destination), amount in results.transfers:
            group = (profile, days[height], position == 0, *(source or (None, None, None)), *destination)
            sums[group] += amount
            counts[group] += 1
    return sorted(_texts((*group, value_sat, counts[group])) for group, value_sat in sums.items())


def _addresses(reference: Reference) -> list[tuple[str, ...]]:
    return sorted(
        _texts((profile, identity, *attributes, height))
        for profile, results in reference.results.items()
        for height, identity, attributes in results.changes
    )
