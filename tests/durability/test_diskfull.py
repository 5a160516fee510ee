"""A full disk: a clear error, the publication that was there intact, and on it goes once there is space."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from etl.errors import DiskFull
from etl.jobs.pipeline import run_backfill, run_restate, run_update
from etl.options import JobOptions
from etl.progress import Silent
from tests.durability.results import Results, differing, published_results
from tests.support.golden import ECONOMY, block_files, job_options
from tests.support.properties import scaled

PLENTY, RESERVE = 64 << 20, 4096


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={PLENTY}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _resize(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def _used(disk: Path) -> int:
    return int(subprocess.check_output(["df", "--output=used", "-B1", str(disk)], text=True).split()[1])


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Results:
    options = job_options(ECONOMY, tmp_path_factory.mktemp("whole"), block_files(ECONOMY.blocks_dir))
    run_backfill(options, None, Silent())
    return published_results(options.data_dir)


def _options(disk: Path) -> JobOptions:
    return job_options(ECONOMY, disk / "data", block_files(ECONOMY.blocks_dir))


@pytest.mark.parametrize("share", [n / scaled(2, 16) for n in range(scaled(2, 16))])
def test_update_on_a_full_disk(disk: Path, expected: Results, share: float) -> None:
    """With so much of the space that the job needs, counted from none at all."""
    options = _options(disk)
    run_backfill(options, ":300", Silent())
    before, used = published_results(options.data_dir), _used(disk)
    _resize(disk, used + RESERVE + int(share * 3_000_000))
    with pytest.raises(DiskFull, match=str(disk)) as caught:
        run_update(options, Silent())
    assert "make space" in caught.value.action
    assert differing(published_results(options.data_dir), before) == []
    _resize(disk, PLENTY)
    run_update(options, Silent())
    run_restate(options, Silent())
    assert differing(published_results(options.data_dir), expected) == []


def test_restate_on_a_full_disk(disk: Path, expected: Results) -> None:
    options = _options(disk)
    run_backfill(options, None, Silent())
    _resize(disk, _used(disk) + RESERVE)
    with pytest.raises(DiskFull, match=str(disk)):
        run_restate(options, Silent())
    assert differing(published_results(options.data_dir), expected) == []
    _resize(disk, PLENTY)
    run_update(options, Silent())
    assert differing(published_results(options.data_dir), expected) == []
