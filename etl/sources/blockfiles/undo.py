"""Which undo record belongs to which block.

Invariants:
- A record fits a block if SHA256d(previous block hash + record) is the checksum behind it. The record of
  a rival (same previous hash, same file) passes too, so where a block has a rival, a match must also fit
  in the number of transactions, in inputs per transaction, in amounts (no negative fee, coinbase within
  subsidy and fees) and, where still two remain, in the key hashes that the inputs reveal.
- What stays ambiguous, or fits nothing, is an error, never a guess.
Source: Bitcoin Core's node/blockstorage.cpp, WriteBlockUndo (release 31).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from etl.chain.blocks import BlockColumns, decode_blocks
from etl.chain.spent import SpentColumns, decode_spent
from etl.errors import BlockDataError
from etl.sources.blockfiles.records import Records, map_file, read_payload
from etl.sources.blockfiles.reveal import contradicts

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


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
    has_rival: bool
    subsidy_sat: int


class UndoFile:
    """The undo records of one file."""

    def __init__(self, path: Path, key: Bytes, records: Records) -> None:
        self.path = path
        self._block_path = path.with_name(path.name.replace("rev", "blk"))
        self._key = key
        self._records = records
        self._data = map_file(path)
        self._group_count = _group_counts(records)
        self._drift = 0

    @property
    def record_count(self) -> int:
        """Blocks that have been connected, those that left the chain again included."""
        return len(self._group_count)

    def _payload(self, row: int) -> Bytes:
        start, size = int(self._records.offset[row]), int(self._records.size[row])
        return read_payload(self._data, self._key, start, size)

    def _checksum(self, row: int) -> bytes:
        end = int(self._records.offset[row] + self._records.size[row])
        return read_payload(self._data, self._key, end, 32).tobytes()

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
            payload = self._payload(row)
            digest = hashlib.sha256(place.previous_hash)
            digest.update(payload.data)
            if hashlib.sha256(digest.digest()).digest() == self._checksum(row):
                self._drift = row - place.rank
                yield payload

    def find(self, place: BlockPlace, block: Bytes, tx_count: int) -> Bytes:
        """The undo data of a block. Raises BlockDataError where none or more than one fits."""
        matches = self._matching(tx_count - 1, place)
        if not place.has_rival:
            found = next(matches, None)
            if found is None:
                raise self._error(place, "no record's checksum matches: undo data has changed")
            return found
        fitting = {bytes(match): match for match in _fitting(place, block, matches, self._block_path)}
        if len(fitting) > 1:
            told = [m for m in fitting.values() if not contradicts(block, m, place.height)]
            fitting = {bytes(match): match for match in told}
        if len(fitting) != 1:
            reason = "more than one record fits" if fitting else "no record fits"
            raise self._error(place, f"{reason}, beside a rival block of the same height")
        return next(iter(fitting.values()))

    def _error(self, place: BlockPlace, reason: str) -> BlockDataError:
        return BlockDataError(
            f"{self.path}: undo data of the block at height {place.height}: {reason}",
            "check the disk, then let the node rebuild its block files (-reindex), "
            "or use --source rest or rpc",
        )


def _group_counts(records: Records) -> Ints:
    """CompactSize at the start of each undo record."""
    head = records.head.astype(np.int64)
    two = head[:, 1] | head[:, 2] << 8
    four = two | head[:, 3] << 16 | head[:, 4] << 24
    return np.where(head[:, 0] < 253, head[:, 0], np.where(head[:, 0] == 253, two, four))


def _fitting(place: BlockPlace, block: Bytes, matches: Iterable[Bytes], block_path: Path) -> Iterator[Bytes]:
    offset = np.array([0, len(block)], dtype=np.int64)
    columns = decode_blocks(block, offset, place.height, str(block_path))
    for match in matches:
        try:
            spent = decode_spent(
                match, np.array([0, len(match)], dtype=np.int64), "undo", columns.tx_count,
                columns.input_count, place.height, "undo",
            )  # fmt: skip
        except BlockDataError:
            continue
        if _amounts_fit(columns, spent, place.subsidy_sat):
            yield match


def _sums(values: Ints, counts: Ints) -> Ints:
    total = np.concatenate(([0], np.cumsum(values)))
    end = np.cumsum(counts)
    return np.asarray(total[end] - total[end - counts])


def _amounts_fit(columns: BlockColumns, spent: SpentColumns, subsidy_sat: int) -> bool:
    paid = _sums(columns.value_sat, columns.output_count)
    fees = _sums(spent.value_sat, columns.input_count) - paid
    return bool((fees[1:] >= 0).all() and paid[0] <= subsidy_sat + fees[1:].sum())
