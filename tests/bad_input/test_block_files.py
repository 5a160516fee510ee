"""Block and undo files that are cut off or have changed: an error that names the file, or no difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.errors import BlockDataError
from tests.bad_input.chains import (
    Stored,
    active_hashes,
    stored_blocks,
)
from tests.bad_input.jobs import (
    Refusals,
    copied_blocks,
    on_blocks,
)
from tests.blockfiles import Record, block_path

UNREAD = 420
"""A height above those that are indexed already in an earlier publication."""


def _flip(path: Path, position: int, bits: int = 1) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= bits
    path.write_bytes(data)


def _cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


def _block_at(height: int) -> Stored:
    return next(block for block in stored_blocks() if block.hash == active_hashes()[height])


def _undo_at(height: int) -> Record:
    """The undo record of a block without rivals."""
    (record,) = _block_at(height).undos
    return record


LAST = stored_blocks()[-1].record
CUTS: dict[str, int] = {
    "within the first block": 100,
    "within the length of a record": _block_at(UNREAD).record.start + 6,
    "behind the length of a record": _block_at(UNREAD).record.start + 8,
    "within a header": _block_at(UNREAD).record.start + 8 + 40,
    "within a block": _block_at(UNREAD).record.end - 20,
    "one byte before a block ends": _block_at(UNREAD).record.end - 1,
    "within the last record": LAST.end - 10,
    "one byte before the last record ends": LAST.end - 1,
}


@pytest.mark.parametrize("where", CUTS)
def test_a_block_file_that_is_cut_off(jobs: Refusals, tmp_path: Path, where: str) -> None:
    blocks_dir = copied_blocks(tmp_path / "blocks")
    _cut(block_path(blocks_dir), CUTS[where])
    jobs.refused(on_blocks(jobs.options, blocks_dir), BlockDataError, block_path(blocks_dir))


UNDO_CUTS: dict[str, int] = {
    "within the first record": 20,
    "within a length": _undo_at(UNREAD).start + 6,
    "within undo data": _undo_at(UNREAD).end - CHECKSUM_AND_MORE if False else _undo_at(UNREAD).end - 33,
    "within a checksum": _undo_at(UNREAD).end - 5,
}
