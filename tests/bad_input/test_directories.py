"""What is no blocks directory, lacks files, or belongs to another chain or a later minerflow."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from etl.disk.datadir import DataDirectory
from etl.errors import (
    BlockDataError,
    BlocksDirectoryError,
    SchemaTooNew,
    UsageError,
    WrongChain,
)
from etl.jobs.pipeline import run_backfill, run_restate, run_update
from etl.options import JobOptions
from etl.progress import Silent
from tests.bad_input.chains import regtest_chain, split_economy
from tests.bad_input.jobs import Refusals, copied_blocks, good_options, on_blocks
from tests.support.blockfiles import block_path, undo_path
from tests.support.golden import ECONOMY, MAINNET_EARLY


@pytest.mark.parametrize(
    "what", ["nothing", "a file", "an empty folder", "the folder above", "a data directory"]
)
def test_what_is_no_blocks_directory(jobs: Refusals, tmp_path: Path, what: str) -> None:
    given = {
        "nothing": tmp_path / "there",
        "a file": block_path(ECONOMY.blocks_dir),
        "an empty folder": tmp_path / "empty",
        "the folder above": ECONOMY.folder,
        "a data directory": jobs.options.data_dir,
    }[what]
    (tmp_path / "empty").mkdir()
    jobs.refused(on_blocks(jobs.options, given), BlocksDirectoryError, given)


@pytest.mark.parametrize("content", [b"", b"\0" * 50, b"\0" * 5000, b"not a block file " * 100])
def test_a_first_file_that_holds_no_block(new: Refusals, tmp_path: Path, content: bytes) -> None:
    blocks_dir = copied_blocks(tmp_path / "blocks")
    block_path(blocks_dir).write_bytes(content)
    _refused_somehow(new, on_blocks(new.options, blocks_dir), block_path(blocks_dir))


def _refused_somehow(jobs: Refusals, options: JobOptions, *words: object) -> None:
    """The error is one of the two about block files."""
    try:
        run_backfill(options, None, Silent())
    except (BlockDataError, BlocksDirectoryError) as error:
        jobs.refused(options, type(error), *words)
    else:
        raise AssertionError("the job was not refused")


def test_a_missing_key(jobs: Refusals, tmp_path: Path) -> None:
    blocks_dir = copied_blocks(tmp_path / "blocks")
    (blocks_dir / "xor.dat").unlink()
    error = jobs.refused(on_blocks(jobs.options, blocks_dir), BlocksDirectoryError, block_path(blocks_dir))
    assert "xor.dat" in error.action


@pytest.mark.parametrize("size", [0, 7, 9, 16])
def test_a_key_of_another_length(new: Refusals, tmp_path: Path, size: int) -> None:
    blocks_dir = copied_blocks(tmp_path / "blocks")
    key = (blocks_dir / "xor.dat").read_bytes()
    (blocks_dir / "xor.dat").write_bytes((key * 2)[:size])
    new.refused(on_blocks(new.options, blocks_dir), BlocksDirectoryError, blocks_dir / "xor.dat", size)


@pytest.mark.parametrize("bit", range(0, 64, 3))
def test_a_key_with_a_flipped_bit(new: Refusals, tmp_path: Path, bit: int) -> None:
    blocks_dir = copied_blocks(tmp_path / "blocks")
    key = bytearray((blocks_dir / "xor.dat").read_bytes())
    key[bit // 8] ^= 1 << bit % 8
    (blocks_dir / "xor.dat").write_bytes(key)
    _refused_somehow(new, on_blocks(new.options, blocks_dir), blocks_dir)


def test_a_missing_undo_file(jobs: Refusals, tmp_path: Path) -> None:
    blocks_dir = copied_blocks(tmp_path / "blocks")
    undo_path(blocks_dir).unlink()
    jobs.refused(on_blocks(jobs.options, blocks_dir), BlocksDirectoryError, undo_path(blocks_dir))


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_missing_undo_file_of_several(new: Refusals, tmp_path: Path, number: int) -> None:
    blocks_dir = split_economy(tmp_path / "blocks", files=4)
    undo_path(blocks_dir, number).unlink()
    new.refused(on_blocks(new.options, blocks_dir), BlocksDirectoryError, undo_path(blocks_dir, number))


@pytest.mark.parametrize("missing", [[0], [1], [2], [1, 2], [0, 1, 2]])
def test_missing_block_files(new: Refusals, tmp_path: Path, missing: list[int]) -> None:
    """Also how the directory of a pruned node looks: its oldest files are gone."""
    blocks_dir = split_economy(tmp_path / "blocks", files=4)
    for number in missing:
        block_path(blocks_dir, number).unlink()
        undo_path(blocks_dir, number).unlink()
    error = new.refused(
        on_blocks(new.options, blocks_dir), BlocksDirectoryError, block_path(blocks_dir, missing[0]), "pruned"
    )
    assert "prune=0" in error.action


def test_files_of_a_chain_that_is_none_of_bitcoins(new: Refusals, tmp_path: Path) -> None:
    blocks_dir = regtest_chain(tmp_path / "blocks", length=3, magic=bytes.fromhex("fbc0b6db"), genesis=False)
    new.refused(on_blocks(new.options, blocks_dir), BlocksDirectoryError, "fbc0b6db")


def test_files_without_genesis(new: Refusals, tmp_path: Path) -> None:
    blocks_dir = regtest_chain(tmp_path / "blocks", length=3, genesis=False)
    new.refused(on_blocks(new.options, blocks_dir), BlocksDirectoryError, "genesis")


def test_another_network_than_indexed(earlier: Refusals) -> None:
    options = on_blocks(earlier.options, MAINNET_EARLY.blocks_dir)
    without_labels = replace(options, exchanges=MAINNET_EARLY.folder / "exchanges.csv")
    earlier.refused(without_labels, WrongChain, earlier.options.data_dir, "regtest", "mainnet")


@pytest.mark.parametrize("length", [3, 399, 450])
def test_another_chain_of_the_same_network(earlier: Refusals, tmp_path: Path, length: int) -> None:
    """One that shares but genesis with what is indexed: shorter, as long and longer."""
    blocks_dir = regtest_chain(tmp_path / "blocks", length=length)
    earlier.refused(on_blocks(earlier.options, blocks_dir), WrongChain, earlier.options.data_dir, blocks_dir)


def _make_newer(path: Path) -> int:
    with duckdb.connect(str(path)) as con:
        con.execute("UPDATE schema_version SET version = version + 1")
        return int(con.execute("SELECT max(version) FROM schema_version").fetchall()[0][0])


@pytest.mark.parametrize("which", ["published", "work", "both"])
def test_a_data_directory_of_a_later_minerflow(
    earlier_data_dir: Path, tmp_path: Path, earlier: Refusals, which: str
) -> None:
    data_dir = DataDirectory(Path(shutil.copytree(earlier_data_dir, tmp_path / "data")))
    paths = {"published": [data_dir.published], "work": [data_dir.work]}
    for path in paths.get(which, [data_dir.published, data_dir.work]):
        version = _make_newer(path)
    options = replace(earlier.options, data_dir=data_dir.path)
    later = Refusals(options, data_dir.path.rename(tmp_path / "template"))
    later.refused(options, SchemaTooNew, data_dir.path, f"schema {version}", f"up to {version - 1}")
    kept = {path: path.read_bytes() for path in (data_dir.published, data_dir.work)}
    for job in (run_update, run_restate):
        with pytest.raises(SchemaTooNew):
            job(options, Silent())
        assert {path: path.read_bytes() for path in kept} == kept


@pytest.mark.parametrize(
    "wanted", ["5:3", "0:532", ":1M", "532:", "999999", "abc", "1..5", "1:2:3", "0x10", "1-5", "1:+0"]
)
def test_unknown_ranges(jobs: Refusals, wanted: str) -> None:
    assert jobs.refused(jobs.options, UsageError, wanted=wanted).exit_code == 2


def test_nothing_more_than_nothing(tmp_path: Path) -> None:
    """Where nothing is indexed, no more blocks than that are no range."""
    jobs = Refusals(good_options(tmp_path / "data"), None)
    jobs.refused(jobs.options, UsageError, "+0", wanted="+0")


@pytest.mark.parametrize("wanted", ["402:", "500:531", "401:+5"])
def test_ranges_that_would_leave_a_gap(earlier: Refusals, wanted: str) -> None:
    earlier.refused(earlier.options, UsageError, "would be missing", "400", wanted=wanted)
