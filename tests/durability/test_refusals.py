"""A disk that fails, limits that are too low: an error says so, nothing is lost, and the next run goes on."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from etl.disk.datadir import DataDirectory
from etl.errors import DiskFull, DiskRefused, MinerflowError
from etl.jobs.pipeline import run_backfill, run_update
from etl.options import JobOptions
from etl.progress import Silent
from tests.durability.results import Results, differing, published_results
from tests.support.golden import ECONOMY, block_files, job_options
from tests.support.properties import FULL

SYNCS = range(1, 16) if FULL else (1, 6, 11)
LIMITS = ("-n 16", "-n 24", "-f 100", "-f 1000") if FULL else ("-n 16", "-f 1000")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The economy up to block 300."""
    options = job_options(ECONOMY, tmp_path_factory.mktemp("before"), block_files(ECONOMY.blocks_dir))
    run_backfill(options, ":300", Silent())
    return options.data_dir


@pytest.fixture(scope="module")
def expected(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What an undisturbed update publishes."""
    data_dir = Path(shutil.copytree(before, tmp_path_factory.mktemp("expected") / "data"))
    run_update(job_options(ECONOMY, data_dir, block_files(ECONOMY.blocks_dir)), Silent())
    return published_results(data_dir)


@pytest.fixture
def options(before: Path, tmp_path: Path) -> JobOptions:
    data_dir = Path(shutil.copytree(before, tmp_path / "data"))
    return job_options(ECONOMY, data_dir, block_files(ECONOMY.blocks_dir))


def _failing_after(calls: int, code: int) -> Callable[[int], None]:
    """An fsync that fails from that call on, as on a disk that is going."""
    fsync, left = os.fsync, [calls]

    def sync(descriptor: int) -> None:
        left[0] -= 1
        if left[0] <= 0:
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    return sync


@pytest.mark.parametrize("calls", SYNCS)
@pytest.mark.parametrize(("code", "named"), [(errno.EIO, DiskRefused), (errno.EDQUOT, DiskFull)])
def test_a_disk_that_fails(
    options: JobOptions,
    expected: Results,
    monkeypatch: pytest.MonkeyPatch,
    calls: int,
    code: int,
    named: type[MinerflowError],
) -> None:
    published = DataDirectory(options.data_dir).published
    content = published.read_bytes()
    with monkeypatch.context() as failing:
        failing.setattr(os, "fsync", _failing_after(calls, code))
        with pytest.raises(named, match=str(options.data_dir)):
            run_update(options, Silent())
    assert published.read_bytes() == content
    assert not list(options.data_dir.rglob("*.damaged"))
    run_update(options, Silent())
    assert differing(published_results(options.data_dir), expected) == []


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_that_is_too_low(options: JobOptions, limit: str) -> None:
    """As a shell sets it: open files, or the size of a file in KiB."""
    published = DataDirectory(options.data_dir).published
    content = published.read_bytes()
    arguments = ["--source", "blockfiles", "--blocks-dir", str(ECONOMY.blocks_dir), "--workers", "1"]
    command = [sys.executable, "-m", "etl.cli", "update", "--data-dir", str(options.data_dir), *arguments]
    shell = ["bash", "-c", f'ulimit {limit}; exec "$@"', "bash", *command]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    what, action = done.stderr.rstrip().splitlines()[-2:]
    assert what.startswith("error: ") and str(options.data_dir) in what
    assert action.startswith("next: ") and f"ulimit {limit[:2]}" in action
    assert published.read_bytes() == content
    assert not list(options.data_dir.rglob("*.damaged"))
