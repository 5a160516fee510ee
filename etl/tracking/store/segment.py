"""Files of records sorted by key: written once, then looked up.

Invariants: a file is its records, then for each block of BLOCK_RECORDS the first id and the XXH64 of its
bytes; the digest of that index stands in the manifest. No record is used before the block that holds it was
held against its checksum, nor any index against its digest. Raises StoreDamaged wherever that fails.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from etl.compiled.sorted_blocks import Blocks, block_sums, find_records
from etl.disk.files import named
from etl.errors import StoreDamaged
from etl.tracking.store.contents import Key, Records, Table

BLOCK_RECORDS = 128
SEGMENT_BYTES = 64 << 20
"""Of records in one file of several, about."""
_SPAN_BLOCKS = 1024
"""Blocks that are read at once."""
_GAP_BLOCKS = 4
"""Blocks between two wanted ones that are read rather than skipped."""

Ids = npt.NDArray[np.uint64]
_INDEX = np.dtype([("first", np.uint64), ("sum", np.uint64)])


@dataclass(frozen=True)
class Segment:
    """A file as the manifest names it."""

    file: str
    rows: int
    first: Key
    last: Key
    digest: str
    """SHA-256 of the index"""

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Segment:
        """Of what a manifest holds."""
        first, last = ((int(key[0]), int(key[1])) for key in (facts["first"], facts["last"]))
        return cls(str(facts["file"]), int(facts["rows"]), first, last, str(facts["digest"]))


class SegmentWriter:
    """Writes one segment."""

    def __init__(self, path: Path, table: Table) -> None:
        self._path, self._table = path, table
        self._file = path.open("wb")
        self._rest = np.empty(0, table.dtype)
        self._index: list[npt.NDArray[np.void]] = []
        self._first: Key | None = None
        self._last: Key = (0, 0)
        self.rows = 0

    def add(self, records: Records) -> None:
        """Append records of higher keys than those before."""
        if not len(records):
            return
        self._first = self._first or self._table.key(records[0])
        self._last = self._table.key(records[-1])
        self.rows += len(records)
        together = np.concatenate([self._rest, records])
        whole = len(together) - len(together) % BLOCK_RECORDS
        self._write(together[:whole])
        self._rest = together[whole:].copy()

    def _write(self, records: Records) -> None:
        data = np.ascontiguousarray(records).view(np.uint8)
        index = np.empty(-(-len(records) // BLOCK_RECORDS), _INDEX)
        index["first"] = records["id"][::BLOCK_RECORDS]
        index["sum"] = block_sums(data, BLOCK_RECORDS * self._table.dtype.itemsize)
        with named(self._path):
            self._file.write(data.data)
        self._index.append(index)

    def close(self) -> Segment:
        """Have the disk hold it all."""
        self._write(self._rest)
        index = np.concatenate(self._index).tobytes()
        with named(self._path):
            self._file.write(index)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        assert self._first is not None, "segments hold records"
        digest = hashlib.sha256(index).hexdigest()
        return Segment(self._path.name, self.rows, self._first, self._last, digest)


def write_segments(paths: Iterator[Path], table: Table, pieces: Iterable[Records]) -> list[Segment]:
    """Segments of sorted pieces, in files named one after another; none of nothing."""
    segments, writer = [], None
    step = max(1, SEGMENT_BYTES // table.dtype.itemsize)
    for piece in pieces:
        for start in range(0, len(piece), step):
            writer = writer or SegmentWriter(next(paths), table)
            writer.add(piece[start : start + step])
            if writer.rows >= step:
                segments.append(writer.close())
                writer = None
    return segments if writer is None else [*segments, writer.close()]


class SegmentFile:
    """Reads one segment."""

    def __init__(self, directory: Path, segment: Segment, table: Table) -> None:
        self.segment, self._table = segment, table
        self.path = directory / segment.file
        self._blocks = -(-segment.rows // BLOCK_RECORDS)
        self._bytes = segment.rows * table.dtype.itemsize

    def check(self) -> None:
        """Whether the file is there, as long as it was written, with the index that was written."""
        size = self._bytes + self._blocks * _INDEX.itemsize
        try:
            found = self.path.stat().st_size
        except FileNotFoundError:
            raise damaged(self.path, "it is missing") from None
        if found != size:
            raise damaged(self.path, f"it has {found} bytes, not {size}")
        if hashlib.sha256(self._index.view(np.uint8).data).hexdigest() != self.segment.digest:
            raise damaged(self.path, "its index is not what was written")

    @cached_property
    def _index(self) -> npt.NDArray[np.void]:
        with named(self.path):
            return np.memmap(self.path, _INDEX, "r", self._bytes, (self._blocks,)).view(np.ndarray)

    @cached_property
    def _firsts(self) -> Ids:
        return np.ascontiguousarray(self._index["first"])

    def read(self, start: int, end: int) -> Records:
        """The records of these rows."""
        first, last = start // BLOCK_RECORDS, -(-end // BLOCK_RECORDS)
        records = self._read_blocks(first, last)
        return records[start - first * BLOCK_RECORDS : end - first * BLOCK_RECORDS]

    def _read_blocks(self, first: int, last: int) -> Records:
        data = self._read_spans([(first, last)])
        false = np.flatnonzero(block_sums(data, self._block_bytes) != self._index["sum"][first:last])
        if len(false):
            raise self._false_block(first + int(false[0]))
        return data.view(self._table.dtype)

    def _read_spans(self, spans: list[tuple[int, int]]) -> npt.NDArray[np.uint8]:
        """The bytes of runs of blocks, one after another; not yet held against their checksums."""
        bounds = [(a * self._block_bytes, min(b * self._block_bytes, self._bytes)) for a, b in spans]
        data = np.empty(sum(end - start for start, end in bounds), np.uint8)
        view, at = data.data, 0
        with named(self.path), self.path.open("rb", buffering=0) as file:
            for start, end in bounds:
                got = os.preadv(file.fileno(), [view[at : at + end - start]], start)
                if got != end - start:
                    raise damaged(self.path, f"it ends at {start + got}")
                at += got
        return data

    def _false_block(self, number: int) -> StoreDamaged:
        return damaged(self.path, f"block {number} is not what was written")

    @property
    def _block_bytes(self) -> int:
        return BLOCK_RECORDS * self._table.dtype.itemsize

    def place(self, key: Key) -> int:
        """How many records are below `key`."""
        if key <= self.segment.first:
            return 0
        if key > self.segment.last:
            return self.segment.rows
        low, high = 0, self._blocks
        while high - low > 1:
            middle = (low + high) // 2
            if self._table.key(self._read_blocks(middle, middle + 1)[0]) < key:
                low = middle
            else:
                high = middle
        return low * BLOCK_RECORDS + self._table.place(self._read_blocks(low, low + 1), key)

    def select(self, keys: Ids) -> Iterator[Records]:
        """The records with these ids, which are sorted and each there once."""
        start, end = np.uint64(self.segment.first[0]), np.uint64(self.segment.last[0])
        ids = keys[np.searchsorted(keys, start) : np.searchsorted(keys, end, "right")]
        if not len(ids):
            return
        high = np.searchsorted(self._firsts, ids, "right")
        low = high - 1
        if self._table.is_of_facts:
            low = np.maximum(np.searchsorted(self._firsts, ids) - 1, 0)
        for spans in _batches(_spans(low, high, self._blocks)):
            first, last = spans[0][0], spans[-1][1]
            slot = np.full(last - first, -1, np.int64)
            slot[np.concatenate([np.arange(a, b) for a, b in spans]) - first] = range(
                sum(b - a for a, b in spans)
            )
            sums = np.ascontiguousarray(self._index["sum"][first:last])
            data = self._read_spans(spans)
            blocks = Blocks(data, self._table.dtype.itemsize, self._block_bytes, first, slot, sums)
            here = slice(int(np.searchsorted(high, first, "right")), int(np.searchsorted(low, last)))
            rows, false = find_records(blocks, ids[here], low[here], high[here])
            if false >= 0:
                raise self._false_block(false)
            yield data.view(self._table.dtype)[rows]


def _batches(spans: Iterator[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """The runs in parts of about _SPAN_BLOCKS blocks."""
    batch: list[tuple[int, int]] = []
    size = 0
    for start, end in spans:
        batch.append((start, end))
        size += end - start
        if size >= _SPAN_BLOCKS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _spans(low: npt.NDArray[np.int64], high: npt.NDArray[np.int64], blocks: int) -> Iterator[tuple[int, int]]:
    """Runs of blocks to be read, such that each block of [low, high) is in one, none is in two."""
    steps = np.bincount(low, minlength=blocks + 1) - np.bincount(high, minlength=blocks + 1)
    wanted = np.flatnonzero(np.cumsum(steps) > 0)
    ends = np.flatnonzero(np.append(wanted[1:] - wanted[:-1] > _GAP_BLOCKS, True))
    start = 0
    for end in ends.tolist():
        first, last = int(wanted[start]), int(wanted[end]) + 1
        for at in range(first, last, _SPAN_BLOCKS):
            yield at, min(at + _SPAN_BLOCKS, last)
        start = end + 1


def damaged(path: Path, reason: str) -> StoreDamaged:
    """The error that names a file."""
    error = StoreDamaged(f"{path} is damaged: {reason}", "run the same command again")
    error.path = path
    return error
