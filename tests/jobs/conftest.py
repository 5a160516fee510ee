from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from etl.jobs.pipeline import run_backfill
from etl.options import JobOptions
from etl.progress import Silent
from tests.support.golden import ECONOMY, block_files, job_options


@pytest.fixture(scope="session")
def indexed_economy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the economy up to block 400; not to be changed."""
    options = job_options(ECONOMY, tmp_path_factory.mktemp("economy"), block_files(ECONOMY.blocks_dir))
    run_backfill(options, ":400", Silent())
    return options.data_dir


@pytest.fixture
def options(indexed_economy: Path, tmp_path: Path) -> JobOptions:
    """A job on a copy of it that is given no files."""
    data_dir = Path(shutil.copytree(indexed_economy, tmp_path / "data", copy_function=shutil.copy2))
    given = job_options(ECONOMY, data_dir, block_files(ECONOMY.blocks_dir))
    return JobOptions(**{**vars(given), "pools": None, "exchanges": None, "prices": None})
