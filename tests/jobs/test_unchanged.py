"""A run with nothing new looks at names, sizes and times alone, and in full where any of them differs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from etl.disk.datadir import DataDirectory
from etl.jobs.pipeline import run_backfill
from etl.jobs.unchanged import as_left, block_facts
from etl.options import JobOptions
from etl.progress import Silent
from tests.support.golden import ECONOMY, block_files, job_options


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> JobOptions:
    """The economy, from block files that have been left alone for long."""
    folder = tmp_path_factory.mktemp("unchanged")
    shutil.copytree(ECONOMY.blocks_dir, folder / "blocks")
    for path in (folder / "blocks").iterdir():
        os.utime(path, (1_600_000_000, 1_600_000_000))
    shutil.copy(ECONOMY.folder / "prices.csv", folder)
    options = job_options(ECONOMY, folder / "data", block_files(folder / "blocks"))
    options = replace(options, prices=folder / "prices.csv")
    run_backfill(options, None, Silent())
    shutil.copytree(folder, folder.with_name("as-it-was"))
    return options


@pytest.fixture
def options(indexed: JobOptions) -> Iterator[JobOptions]:
    """What a test may change: it is put back after it, with all times."""
    yield indexed
    folder = indexed.data_dir.parent
    shutil.rmtree(folder)
    shutil.copytree(folder.with_name("as-it-was"), folder)


def _touch(path: Path) -> None:
    os.utime(path, (1_600_000_001, 1_600_000_001))


def _flip_a_byte(path: Path) -> None:
    facts = path.stat()
    with path.open("r+b") as file:
        file.seek(-100, 2)
        byte = file.read(1)[0]
        file.seek(-100, 2)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _data(options: JobOptions) -> DataDirectory:
    return DataDirectory(options.data_dir)


CHANGES: dict[str, Callable[[JobOptions], object]] = {
    "another block": lambda o: _touch(o.data_dir.parent / "blocks" / "blk00000.dat"),
    "another undo file": lambda o: (o.data_dir.parent / "blocks" / "rev00001.dat").touch(),
    "other prices": lambda o: _touch(o.data_dir.parent / "prices.csv"),
    "a kept file": lambda o: _touch(_data(o).inputs / "exchanges.csv"),
    "a kept file is gone": lambda o: (_data(o).inputs / "pools.json").unlink(),
    "a chunk is gone": lambda o: shutil.rmtree(sorted(_data(o).lake.glob("0*"))[1]),
    "the work database": lambda o: _touch(_data(o).work),
    "the work database is gone": lambda o: _data(o).work.unlink(),
    "the published file is gone": lambda o: _data(o).published.unlink(),
    "bit rot": lambda o: _flip_a_byte(_data(o).published),
    "the note cannot be read": lambda o: (_data(o).state / "unchanged.json").write_text("{"),
}


def test_nothing_is_opened_where_nothing_has_changed(options: JobOptions) -> None:
    report = as_left("update", options)
    assert report is not None and report.is_current and report.command == "update"
    assert (report.first_height, report.last_height) == (0, ECONOMY.last_height)
    assert report.network == "regtest" and report.source.startswith("block files")


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_differs_is_looked_at(options: JobOptions, change: str) -> None:
    CHANGES[change](options)
    assert as_left("update", options) is None


def test_another_question_is_looked_at(options: JobOptions) -> None:
    assert as_left("update", replace(options, confirmations=1)) is None
    assert as_left("update", replace(options, exchanges=None)) is None
    for kind in ("rest", "rpc"):
        source = replace(options.source, kind=kind)
        assert block_facts(replace(options, source=source)) is None
        assert as_left("update", replace(options, source=source)) is None


def test_files_that_have_just_changed_are_not_trusted(options: JobOptions) -> None:
    path = options.data_dir.parent / "blocks" / "blk00000.dat"
    assert block_facts(options) is not None
    os.utime(path, (time.time(), time.time()))
    assert block_facts(options) is None


def test_a_range_leaves_no_note(options: JobOptions) -> None:
    run_backfill(options, ":531", Silent())
    assert as_left("update", options) is None


def test_numba_and_duckdb_are_not_loaded(options: JobOptions) -> None:
    code = (
        "import sys, minerflow; report = minerflow.update(sys.argv[1], source='blockfiles', "
        "blocks_dir=sys.argv[2], confirmations=0, pools=sys.argv[3], exchanges=sys.argv[4], "
        "prices=sys.argv[5]); "
        "print(report.is_current, *({'numba', 'duckdb', 'pyarrow'} & sys.modules.keys()))"
    )
    given = [options.data_dir, options.source.blocks_dir, options.pools, options.exchanges, options.prices]
    found = subprocess.check_output([sys.executable, "-c", code, *map(str, given)], text=True)
    assert found.split() == ["True"]
