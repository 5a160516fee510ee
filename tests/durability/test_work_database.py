"""A work database that is not what the last job left, though it opens: never published as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from etl.disk.datadir import DataDirectory
from etl.jobs.pipeline import run_backfill, run_update
from etl.jobs.verify import verify
from etl.options import JobOptions
from etl.progress import Silent
from etl.results.published import open_published
from etl.warehouse.database import read_tables
from tests.durability.results import Results, differing, published_results
from tests.support.golden import ECONOMY, block_files, job_options

_HEADERS, _BLOCK = 12_288, 262_144
"""Bytes of a DuckDB file's headers, and of a block."""


def _options(data_dir: Path) -> JobOptions:
    return job_options(ECONOMY, data_dir, block_files(ECONOMY.blocks_dir))


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("short")
    run_backfill(_options(data_dir), ":401", Silent())
    return data_dir


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    """The whole chain by one run, as what is built anew is."""
    data_dir = tmp_path_factory.mktemp("whole")
    run_backfill(_options(data_dir), None, Silent())
    return data_dir, published_results(data_dir)


@pytest.fixture
def data_dir(short: Path, tmp_path: Path) -> DataDirectory:
    return DataDirectory(Path(shutil.copytree(short, tmp_path / "data")))


def _block_of(file: Path, table: str) -> int:
    with duckdb.connect(str(file), read_only=True) as con:
        rows = con.execute(
            f"SELECT block_id FROM pragma_storage_info('{table}') WHERE block_id >= 0"
        ).fetchall()
    return int(rows[0][0])


@pytest.mark.parametrize("table", ["metric_catalogue", "schema_version"])
def test_a_changed_bit_of_a_small_table_is_never_published(
    data_dir: DataDirectory, whole: tuple[Path, Results], table: str
) -> None:
    content = bytearray(data_dir.work.read_bytes())
    content[_HEADERS + _block_of(data_dir.work, table) * _BLOCK + 5_000] ^= 1
    data_dir.work.write_bytes(content)
    report = run_update(_options(data_dir.path), Silent())
    assert any(str(data_dir.work) in warning for warning in report.warnings)
    assert differing(published_results(data_dir.path), whole[1]) == []
    with open_published(data_dir) as con:
        read_tables(con)


def test_a_published_file_in_its_place_is_replaced(
    data_dir: DataDirectory, whole: tuple[Path, Results]
) -> None:
    shutil.copy(data_dir.published, data_dir.work)
    report = run_update(_options(data_dir.path), Silent())
    assert any("is no work database" in warning for warning in report.warnings)
    assert differing(published_results(data_dir.path), whole[1]) == []


def test_a_later_one_in_its_place_is_published(data_dir: DataDirectory, whole: tuple[Path, Results]) -> None:
    """As where a part of a data directory has been restored from a copy."""
    shutil.copy2(DataDirectory(whole[0]).work, data_dir.work)
    run_update(_options(data_dir.path), Silent())
    assert differing(published_results(data_dir.path), whole[1]) == []


def test_verify_reads_every_table_of_the_published_file(data_dir: DataDirectory) -> None:
    content = bytearray(data_dir.published.read_bytes())
    content[_HEADERS + _block_of(data_dir.published, "metric_catalogue") * _BLOCK + 5_000] ^= 1
    data_dir.published.write_bytes(content)
    (verdict, *_) = verify(_options(data_dir.path), deep=False, progress=Silent())
    assert verdict.is_sound is False and "cannot be read" in verdict.what


def test_verify_leaves_what_an_earlier_version_published_alone(data_dir: DataDirectory) -> None:
    with duckdb.connect(str(data_dir.published)) as con:
        con.execute("DELETE FROM schema_version WHERE version > 4")
    (verdict,) = verify(_options(data_dir.path), deep=False, progress=Silent())
    assert verdict.is_sound is None and "run minerflow update" in verdict.what
