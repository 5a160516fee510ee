"""Each address that results name is spelled once, however they came about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from etl.compiled.arrays import Ids
from etl.disk.datadir import DataDirectory
from etl.jobs import pipeline
from etl.jobs.pipeline import run_backfill, run_update
from etl.lake.spelling import write_address_texts
from etl.progress import Silent
from etl.tracking import run as tracking
from tests.durability.results import differing, published_results
from tests.support.golden import ECONOMY, block_files, job_options

NAMED = """
    SELECT address_id FROM address_changes UNION SELECT a FROM refused_joins UNION SELECT b FROM refused_joins
"""


def _held(con: duckdb.DuckDBPyConnection) -> set[int]:
    return {number for (number,) in con.execute("SELECT address_id FROM address_texts").fetchall()}


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[set[int]]]:
    """The ids that each run looks for in the lake."""
    found: list[set[int]] = []

    def noted(lake: object, ids: Ids, *rest: object) -> None:
        found.append(set(ids.tolist()))
        write_address_texts(lake, ids, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "write_address_texts", noted)
    monkeypatch.setattr(tracking, "LAST_RANGE", 20)
    yield found


def test_an_update_spells_only_addresses_that_are_named_first(
    tmp_path: Path, searched: list[set[int]]
) -> None:
    options = job_options(ECONOMY, tmp_path, block_files(ECONOMY.blocks_dir))
    published = DataDirectory(tmp_path).published
    held: set[int] = set()
    for last in (300, 301, 380, 531):
        run_backfill(options, f":{last}", Silent())
        with duckdb.connect(str(published), read_only=True) as con:
            named = {number for (number,) in con.execute(NAMED).fetchall()}
            assert _held(con) == named
        assert searched[-1] & held == set() and searched[-1] <= named
        held = named
    assert len(searched[1]) < len(searched[0]) / 20


def test_texts_of_an_earlier_version_are_made_anew_from_the_lake(tmp_path: Path) -> None:
    """A work database as version 0.1 left it, with addresses by text and a store that fits."""
    options = job_options(ECONOMY, tmp_path, block_files(ECONOMY.blocks_dir))
    run_backfill(options, None, Silent())
    expected = published_results(tmp_path)
    _as_schema_4(DataDirectory(tmp_path).work)
    report = run_update(options, Silent())
    assert report.blocks == 0 and report.tracked_blocks == ECONOMY.last_height + 1
    assert differing(published_results(tmp_path), expected) == []


def _as_schema_4(work: Path) -> None:
    with duckdb.connect(str(work)) as con:
        for name in ("addresses", "conflicts"):
            con.execute(f"CREATE TABLE old AS FROM {name}")
            con.execute(f"DROP VIEW {name}")
            con.execute(f"ALTER TABLE old RENAME TO {name}")
        later = ("address_changes", "address_texts", "profile_rules", "refused_joins", "derived")
        for name in (*later, "superseded_values"):
            con.execute(f"DROP TABLE {name}")
        con.execute("DELETE FROM schema_version WHERE version > 4")
