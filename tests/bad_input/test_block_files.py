"""Block and undo files that are cut off or have changed: an error that names the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.errors import BlockDataError
from tests.bad_input.chains import (
    OTHER_KEY,
    Stored,
    active_hashes,
    split_economy,
    stored_at,
    stored_blocks,
    stored_undos,
)
from tests.bad_input.jobs import (
    Refusals,
    Results,
    backfill,
    copied_blocks,
    differing,
    good_options,
    on_blocks,
    stored_results,
)
from tests.support.blockfiles import REGTEST_MAGIC, block_path, read_records, undo_path
from tests.support.encoding import double_sha256

UNREAD = next(h for h in range(420, 500) if len(stored_at(h).undos) == 1 and stored_at(h).tx_count > 3)
"""A height above those that are indexed already in an earlier publication; the block has no rivals."""

BLOCK = stored_at(UNREAD)
UNDO = BLOCK.own_undo
TIP = len(active_hashes()) - 1
LAST, LAST_UNDO = stored_at(TIP).record, stored_undos()[-1]


def _flip(path: Path, position: int, bits: int = 1) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= bits
    path.write_bytes(data)


def _cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


CUTS = {
    "within the first block": 100,
    "within the head of a record": BLOCK.record.start + 6,
    "behind the head of a record": BLOCK.record.start + 8,
    "within a header": BLOCK.record.start + 8 + 40,
    "within a block": (BLOCK.record.start + BLOCK.record.end) // 2,
    "one byte before a block ends": BLOCK.record.end - 1,
    "within the head of the last record": LAST.start + 5,
    "within the last record": LAST.end - 10,
}
UNDO_CUTS = {
    "within the first record": 20,
    "within the head of a record": UNDO.start + 6,
    "behind the head of a record": UNDO.start + 8,
    "within undo data": UNDO.start + 9,
    "within a checksum": UNDO.end - 5,
    "within the last record": LAST_UNDO.end - 1,
}


@pytest.mark.parametrize("where", CUTS)
def test_a_block_file_that_is_cut_off(jobs: Refusals, tmp_path: Path, where: str) -> None:
    blocks_dir = copied_blocks(tmp_path / "blocks")
    _cut(block_path(blocks_dir), CUTS[where])
    jobs.refused(on_blocks(jobs.options, blocks_dir), BlockDataError, block_path(blocks_dir))


@pytest.mark.parametrize("where", UNDO_CUTS)
def test_an_undo_file_that_is_cut_off(jobs: Refusals, tmp_path: Path, where: str) -> None:
    blocks_dir = copied_blocks(tmp_path / "blocks")
    _cut(undo_path(blocks_dir), UNDO_CUTS[where])
    jobs.refused(on_blocks(jobs.options, blocks_dir), BlockDataError, undo_path(blocks_dir))


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("at_boundary", [False, True])
@pytest.mark.parametrize("kind", ["blocks", "undo data"])
def test_a_file_in_the_middle_that_is_cut_off(
    new: Refusals, tmp_path: Path, number: int, at_boundary: bool, kind: str
) -> None:
    """Between two records too, for later blocks build on those that are gone."""
    blocks_dir = split_economy(tmp_path / "blocks", files=4)
    path = (block_path if kind == "blocks" else undo_path)(blocks_dir, number)
    records = read_records(path, OTHER_KEY, REGTEST_MAGIC)
    middle = records[len(records) // 2]
    _cut(path, middle.end if at_boundary else middle.end - 3)
    word = blocks_dir if kind == "blocks" and at_boundary else path
    new.refused(on_blocks(new.options, blocks_dir), BlockDataError, word)


def _height_of_prefix(wanted: int) -> tuple[Stored, int]:
    """The first block of that height, where it is of the active chain and all before it are there."""
    hashes = [block.hash for block in stored_blocks()]
    for height in range(wanted, wanted + 40):
        at = hashes.index(active_hashes()[height])
        seen = set(hashes[: at + 1])
        if seen >= set(active_hashes()[: height + 1]) and not seen & set(active_hashes()[height + 1 :]):
            rivals = [b for b in stored_blocks()[:at] if b.previous_hash == stored_blocks()[at].previous_hash]
            if not rivals:
                return stored_blocks()[at], height
    raise LookupError(wanted)


def test_a_file_cut_between_records_is_a_shorter_chain(tmp_path: Path, expected: Results) -> None:
    """As a copy of an earlier day: what is there is indexed rightly, and the rest another day."""
    block, height = _height_of_prefix(450)
    blocks_dir = copied_blocks(tmp_path / "blocks")
    whole = block_path(blocks_dir).read_bytes()
    _cut(block_path(blocks_dir), block.record.end)
    options = on_blocks(good_options(tmp_path / "data"), blocks_dir)
    found = backfill(options)
    assert differing(found, backfill(good_options(tmp_path / "prefix"), f":{height}")) == []
    assert len(found["blocks"]) == height + 1 < len(expected["blocks"])
    block_path(blocks_dir).write_bytes(whole)
    assert len(backfill(options)["blocks"]) == len(expected["blocks"])


def test_a_source_that_falls_behind_undoes_nothing(
    tmp_path: Path, earlier_data_dir: Path, expected: Results
) -> None:
    """Cut between two records, far below what is published already."""
    block, _ = _height_of_prefix(200)
    blocks_dir = copied_blocks(tmp_path / "blocks")
    _cut(block_path(blocks_dir), block.record.end)
    jobs = Refusals(good_options(tmp_path / "data"), earlier_data_dir)
    before = stored_results(jobs.options.data_dir)
    assert differing(backfill(on_blocks(jobs.options, blocks_dir)), before) == []
    jobs.a_good_run_follows(expected)


FIELDS = {  # position in the record: magic 0, size 4, header 8, transactions 88
    "magic": 0,
    "size": 4,
    "high byte of the size": 7,
    "version": 8,
    "previous hash": 12,
    "merkle root": 44,
    "time": 76,
    "bits": 80,
    "nonce": 84,
    "number of transactions": 88,
    "coinbase's script": 88 + 1 + 4 + 36 + 3,
    "somewhere in the transactions": len(BLOCK.record.payload) // 2,
    "last byte": len(BLOCK.record.payload) + 7,
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_flipped_byte_in_a_block(jobs: Refusals, tmp_path: Path, field: str) -> None:
    blocks_dir = copied_blocks(tmp_path / "blocks")
    _flip(block_path(blocks_dir), BLOCK.record.start + FIELDS[field])
    jobs.refused(on_blocks(jobs.options, blocks_dir), BlockDataError, block_path(blocks_dir))


UNDO_FIELDS = {
    "magic": 0,
    "size": 4,
    "high byte of the size": 7,
    "number of transactions": 8,
    "undo data": 8 + len(UNDO.payload) // 2,
    "last byte of undo data": 7 + len(UNDO.payload),
    "checksum": 8 + len(UNDO.payload),
    "last byte of the checksum": 39 + len(UNDO.payload),
}


@pytest.mark.parametrize("field", UNDO_FIELDS)
def test_a_flipped_byte_in_undo_data(jobs: Refusals, tmp_path: Path, field: str) -> None:
    blocks_dir = copied_blocks(tmp_path / "blocks")
    _flip(undo_path(blocks_dir), UNDO.start + UNDO_FIELDS[field])
    jobs.refused(on_blocks(jobs.options, blocks_dir), BlockDataError, undo_path(blocks_dir))


@pytest.mark.parametrize("number", [0, 1, 3])
def test_the_damaged_file_of_several_is_named(tmp_path: Path, number: int) -> None:
    """Though blocks of all of them are read together."""
    blocks_dir = split_economy(tmp_path / "blocks", files=4)
    records = read_records(block_path(blocks_dir, number), OTHER_KEY, REGTEST_MAGIC)
    last = [record for record in records if double_sha256(record.payload[:80]) in active_hashes()][-1]
    _flip(block_path(blocks_dir, number), last.end - 1)  # in the last transaction's locktime
    jobs = Refusals(on_blocks(good_options(tmp_path / "data"), blocks_dir), None)
    jobs.refused(jobs.options, BlockDataError, block_path(blocks_dir, number))


def test_a_last_block_that_cannot_be_found(jobs: Refusals, tmp_path: Path) -> None:
    """A flip in the magic of the tip: nothing builds on it, but there are bytes that are no record."""
    blocks_dir = copied_blocks(tmp_path / "blocks")
    _flip(block_path(blocks_dir), stored_at(TIP).record.start + 2)
    jobs.refused(on_blocks(jobs.options, blocks_dir), BlockDataError, block_path(blocks_dir))


def test_last_undo_data_that_cannot_be_found(jobs: Refusals, tmp_path: Path) -> None:
    """A flip in the magic of the tip's undo record."""
    blocks_dir = copied_blocks(tmp_path / "blocks")
    _flip(undo_path(blocks_dir), stored_at(TIP).own_undo.start + 2)
    jobs.refused(on_blocks(jobs.options, blocks_dir), BlockDataError, undo_path(blocks_dir))


RIVALLED = [h for h in range(1, TIP + 1) if len({undo.payload for undo in stored_at(h).undos}) > 1]


@pytest.mark.parametrize("part", ["undo data", "checksum"])
def test_a_rivals_undo_data_is_never_taken_instead(tmp_path: Path, part: str) -> None:
    """It passes the checksum, has as many transactions, and often as many inputs and as much money."""
    assert len(RIVALLED) >= 16
    for height in RIVALLED:
        blocks_dir = copied_blocks(tmp_path / f"{height}")
        undo = stored_at(height).own_undo
        _flip(undo_path(blocks_dir), undo.start + 8 + (len(undo.payload) if part == "checksum" else 1))
        jobs = Refusals(good_options(tmp_path / f"data {height}"), None)
        jobs.refused(
            on_blocks(jobs.options, blocks_dir), BlockDataError, undo_path(blocks_dir), f"height {height}"
        )


def test_a_repaired_file_is_read_at_once(tmp_path: Path, expected: Results) -> None:
    """In the same process and at the same place."""
    blocks_dir = copied_blocks(tmp_path / "blocks")
    jobs = Refusals(on_blocks(good_options(tmp_path / "data"), blocks_dir), None)
    for path, position in ((undo_path(blocks_dir), UNDO.start + 10), (block_path(blocks_dir), LAST.end - 1)):
        _flip(path, position)
        jobs.refused(jobs.options, BlockDataError, path)
        _flip(path, position)
    jobs.a_good_run_follows(expected)
