"""What results rest on beside the chain: who changes it has them tracked anew."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from clustering.pools import PoolBook
from etl.disk.datadir import DataDirectory
from etl.jobs.pipeline import run_backfill, run_update
from etl.progress import Silent
from etl.tracking import inputs
from tests.support.golden import ECONOMY, block_files, job_options

METHOD_OF_VERSION_1 = "3"
"""With version 1 of the rules for pools and CoinJoins."""


def _pools(data_dir: Path) -> list[str]:
    with duckdb.connect(str(DataDirectory(data_dir).published), read_only=True) as con:
        return [pool for (pool,) in con.execute("SELECT pool FROM blocks ORDER BY height").fetchall()]


def test_results_of_version_1_are_tracked_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the lake: nothing is read from the source again."""
    options = job_options(ECONOMY, tmp_path, block_files(ECONOMY.blocks_dir))
    with monkeypatch.context() as earlier:
        earlier.setattr(inputs, "METHOD", METHOD_OF_VERSION_1)
        earlier.setattr(PoolBook, "pool_of", lambda *_: 0)  # some other rule
        run_backfill(options, None, Silent())
    assert set(_pools(tmp_path)) == {"Unknown"}
    report = run_update(options, Silent())
    assert (report.blocks, report.tracked_blocks) == (0, ECONOMY.last_height + 1)
    assert _pools(tmp_path) == [row["pool"] for row in ECONOMY.expected("blocks")]
