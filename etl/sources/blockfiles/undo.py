"""Which undo record belongs to which block.

Invariants:
- A record is a block's if SHA256d(previous block hash + record) is the checksum behind it. The record of
  a rival (same previous hash, same file) passes too; see etl.sources.blockfiles.rivals.
- A rival that was never connected has no record. That a block's own one is missing is ruled out where the
  file is intact, since a block with a successor in the chain has been connected.
- What stays ambiguous, or fits nothing, is an error, never a guess.
Source: Bitcoin Core's node/blockstorage.cpp, WriteBlockUndo (release 31).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from etl.compiled.arrays import Bytes, Ints
from etl.errors import BlockDataError
from etl.sources.blockfiles.records import Records, map_file, read_payload
from etl.sources.blockfiles.rivals import Contender, own_undo
from etl.sources.blockfiles.scan import passes_checksum, scan_blocks, scan_undo


class NoUndoData(BlockDataError):
    """The undo data of a whole block is not in its file, or not to be told from a rival's."""


@dataclass(frozen=True)
class BlockPlace:
    """A block of the active chain and what is needed to find its undo record."""

    height: int
    file_number: int
    offset: int
    size: int
    rank: int
    """position by height among the blocks of its file: a hint where its undo record lies"""
    previous_hash: bytes
    rivals: tuple[tuple[int, int], ...]
    """Offset and size of each other block of the same file with the same predecessor."""
    subsidy_sat: int


class UndoFile:
    """The undo records of one file. Raises BlockDataError where one of them is cut off."""

    def __init__(self, path: Path, key: Bytes, magic: bytes) -> None:
        self.path = path
        self._block_path = path.with_name(path.name.replace("rev", "blk"))
        self._key = key
        self._magic = magic
        self._records: Records = scan_undo(path, key, magic, lambda: self._previous_hashes)
        self._data = map_file(path).view(np.ndarray)
        self._group_count = _group_counts(self._records)
        self._drift = 0

    @property
    def is_intact(self) -> bool:
        """Whether every byte belongs to a record of one of the blocks beside it."""
        return self._records.garbage_bytes == 0 and not self.has_orphan

    @cached_property
    def has_orphan(self) -> bool:
        """Whether there is a record of none of the blocks beside it."""
        previous = self._previous_hashes
        at = -1
        for row in range(len(self._group_count)):
            nearest = _outward(at + 1, len(previous))
            found = next((i for i in nearest if self._read(row, previous[i]) is not None), None)
            if found is None:
                return True
            at = found
        return False

    @cached_property
    def _previous_hashes(self) -> list[bytes]:
        """Of the blocks beside it, in storage order."""
        heads = scan_blocks(self._block_path, self._key, self._magic).head
        return [bytes(head[4:36]) for head in heads]

    def _read(self, row: int, previous_hash: bytes) -> Bytes | None:
        """A record, None where its checksum is not that of a block with this predecessor."""
        start, size = int(self._records.offset[row]), int(self._records.size[row])
        stored = read_payload(self._data, self._key, start, size + 32)
        return stored[:size] if passes_checksum(stored, previous_hash) else None

    def _candidates(self, group_count: int, rank: int) -> Iterator[int]:
        """Rows of records with `group_count` transactions, the likeliest first.

        Undo records follow the order of connection, so the distance between a block's rank and its
        record's row rarely changes from block to block.
        """
        likely = rank + self._drift
        if 0 <= likely < len(self._group_count) and self._group_count[likely] == group_count:
            yield likely
        rows = np.flatnonzero(self._group_count == group_count)
        nearest = rows[np.argsort(np.abs(rows - likely), kind="stable")].tolist()
        yield from (row for row in nearest if row != likely)

    def _matching(self, group_count: int, place: BlockPlace) -> Iterator[Bytes]:
        for row in self._candidates(group_count, place.rank):
            payload = self._read(row, place.previous_hash)
            if payload is not None:
                self._drift = row - place.rank
                yield payload

    def find(self, place: BlockPlace, block: Bytes, tx_count: int) -> Bytes:
        """The undo data of a block. Raises NoUndoData, BlockDataError where the block itself is damaged."""
        matches = self._matching(tx_count - 1, place)
        if place.rivals:
            return self._find_among_rivals(place, block, list(matches))
        found = next(matches, None)
        if found is None:
            self._contender(place, block)
            raise self._error(place, "no record's checksum matches: undo data has changed")
        return found

    def _find_among_rivals(self, place: BlockPlace, block: Bytes, matches: list[Bytes]) -> Bytes:
        own = self._contender(place, block)
        found = own_undo(own, self._rivals(place), matches)
        if len(found) > 1 and self.is_intact:
            found.discard(None)
        if len(found) == 1 and None not in found:
            (record,) = found
            return np.frombuffer(record or b"", dtype=np.uint8)
        reason = "more than one record fits" if len(found - {None}) > 1 else "no record is surely its own"
        raise self._error(place, f"{reason}, beside a rival block of the same height")

    def _contender(self, place: BlockPlace, block: Bytes) -> Contender:
        return Contender(block, place.height, place.subsidy_sat, str(self._block_path))

    def _rivals(self, place: BlockPlace) -> list[Contender]:
        data = map_file(self._block_path)
        blocks = (read_payload(data, self._key, offset, size) for offset, size in place.rivals)
        return [self._contender(place, block) for block in blocks]

    def _error(self, place: BlockPlace, reason: str) -> NoUndoData:
        return NoUndoData(
            f"{self.path}: undo data of the block at height {place.height}: {reason}",
            BlockDataError.REPAIR,
        )


def _outward(start: int, count: int) -> Iterator[int]:
    """Every index below `count`, the nearest to `start` first."""
    for distance in range(max(start, count - start) + 1):
        for at in {start + distance, start - distance}:
            if 0 <= at < count:
                yield at


def _group_counts(records: Records) -> Ints:
    """CompactSize at the start of each undo record."""
    head = records.head.astype(np.int64)
    two = head[:, 1] | head[:, 2] << 8
    four = two | head[:, 3] << 16 | head[:, 4] << 24
    return np.where(head[:, 0] < 253, head[:, 0], np.where(head[:, 0] == 253, two, four))
