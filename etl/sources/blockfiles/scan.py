"""Finding the records of a block or undo file.

Invariants:
- The head of a record (magic and size) counts only with a body that fits. A block's header meets its own
  target; where no other record and no zeros follow, the whole block is decoded. Undo data that other bytes
  follow has the checksum of a block beside it; the last in a file is parsed. What does not fit is skipped to
  the next head: Core leaves heads of records that it overwrote (releases 0.10 to 23, when it went on after
  -reindex), and a power cut leaves torn records.
- A whole header without its block is told, for the block may be lost. A file that ends within a record that
  nothing else can be said of is cut off, which is an error.
- Runs of other bytes are counted as garbage where they are long enough to have been a record.
Source: Bitcoin Core's node/blockstorage.cpp and validation.cpp (LoadExternalBlockFile, release 31), issues
11736, 14986 and 21379 of its repository.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from etl.chain.blocks import HEADER_SIZE, block_hashes, decode_blocks
from etl.chain.spent import is_block_undo
from etl.chain.work import meets_target
from etl.compiled import compiled
from etl.compiled.arrays import Bytes, Flags, Ints
from etl.errors import BlockDataError
from etl.sources.blockfiles.records import Records, map_file, read_payload

_PREAMBLE = 8
_CHECKSUM_SIZE = 32
_UNDO_HEAD_SIZE = 9
_MOST_BLOCK_BYTES = 4_000_000
"""Core's MAX_BLOCK_SERIALIZED_SIZE."""
_ZERO_PIECE = 1 << 9
"""Words of 8 bytes looked at together, without a branch for each."""
_A_RECORD, _THE_END, _OTHERS, _CUT_OFF = range(4)
"""What follows a record: another head, the end of the file or zeros up to it, other bytes, or it runs past
the end of the file."""


@compiled
def _word(data, key, p):  # type: ignore[no-untyped-def]
    value = np.int64(0)
    for k in range(4):
        value |= np.int64(data[p + k] ^ key[(p + k) & 7]) << (8 * k)
    return value


@compiled
def _next_head(data, key, magic, p):  # type: ignore[no-untyped-def]
    """Position of the next magic at or after `p`, the file's length where there is none."""
    n = data.size
    while p + _PREAMBLE <= n:
        if _word(data, key, p) == magic:
            return p
        p += 1
    return n


@compiled
def _is_zero(data, start, end):  # type: ignore[no-untyped-def]
    while start < end and start % 8:
        if data[start]:
            return False
        start += 1
    whole = end - (end - start) % 8
    words = data[start:whole].view(np.uint64)
    for first in range(0, words.size, _ZERO_PIECE):
        seen = np.uint64(0)
        for i in range(first, min(first + _ZERO_PIECE, words.size)):
            seen |= words[i]
        if seen:
            return False
    for p in range(whole, end):
        if data[p]:
            return False
    return True


@compiled
def _used_up_to(data, start):  # type: ignore[no-untyped-def]
    """Where the zeros begin that end the file, at `start` or later."""
    if _is_zero(data, start, data.size):
        return start
    end = data.size
    while data[end - 1] == 0:
        end -= 1
    return end


@compiled
def _what_follows(data, key, magic, end):  # type: ignore[no-untyped-def]
    if end > data.size:
        return _CUT_OFF
    if end + _PREAMBLE <= data.size and _word(data, key, end) == magic:
        return _A_RECORD
    return _THE_END if _is_zero(data, end, data.size) else _OTHERS


@compiled
def _heads(data, key, magic, smallest, trailer, p, offset, size, head, follows):  # type: ignore[no-untyped-def]
    """Records as their heads from `p` on have them, up to one that runs past the end; returns how many."""
    count = 0
    while True:
        p = _next_head(data, key, magic, p)
        if p == data.size:
            return count
        length = _word(data, key, p + 4)
        if length < smallest:
            p += 1
            continue
        payload = p + _PREAMBLE
        offset[count] = payload
        size[count] = length
        for k in range(min(length, head.shape[1], data.size - payload)):
            head[count, k] = data[payload + k] ^ key[(payload + k) & 7]
        p = payload + length + trailer
        follows[count] = _what_follows(data, key, magic, p)
        count += 1
        if p > data.size:
            return count


class _Found(NamedTuple):
    """Records as their heads have them."""

    offset: Ints
    size: Ints
    head: Bytes
    follows: Bytes

    def only(self, rows: Flags) -> _Found:
        return _Found(self.offset[rows], self.size[rows], self.head[rows], self.follows[rows])


@dataclass(frozen=True)
class _File:
    """A file with the form of its records."""

    path: Path
    data: Bytes
    key: Bytes
    magic: int
    smallest: int
    """bytes of a payload"""
    trailer: int
    """bytes behind a payload"""
    head_size: int

    def found_from(self, position: int) -> _Found:
        room = (len(self.data) - position) // (_PREAMBLE + self.smallest + self.trailer) + 2
        offset, size = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
        head, follows = np.zeros((room, self.head_size), dtype=np.uint8), np.empty(room, dtype=np.uint8)
        count = _heads(
            self.data, self.key, self.magic, self.smallest, self.trailer, position, offset, size, head,
            follows,
        )  # fmt: skip
        return _Found(offset[:count].copy(), size[:count].copy(), head[:count].copy(), follows[:count].copy())

    def next_head(self, position: int) -> int:
        return int(_next_head(self.data, self.key, self.magic, position))

    def payload(self, found: _Found, row: int) -> Bytes:
        return read_payload(self.data, self.key, int(found.offset[row]), int(found.size[row]))

    def cut_off(self, position: int) -> BlockDataError:
        return BlockDataError(
            f"{self.path} is cut off: the record at byte {position} runs past the end of the file "
            f"({len(self.data)} bytes)",
            BlockDataError.REPAIR,
        )


def scan_blocks(path: Path, key: Bytes, magic: bytes) -> Records:
    """The blocks of a block file. Raises BlockDataError where it is cut off."""
    file = _open(path, key, magic, HEADER_SIZE + 1, 0, HEADER_SIZE)
    torn: dict[int, Bytes] = {}

    def fit(found: _Found) -> Flags:
        fits = meets_target(found.head, block_hashes(found.head))
        for row in np.flatnonzero(found.follows >= _OTHERS).tolist():
            offset = int(found.offset[row])
            has_header = offset + HEADER_SIZE <= len(file.data)
            if not has_header and file.next_head(offset) == len(file.data):
                raise file.cut_off(offset - _PREAMBLE)
            if fits[row] and not _is_block(file, found, row):
                fits[row] = False
                if has_header:
                    torn[offset] = found.head[row]
        return fits

    return _records(file, fit, torn)


def scan_undo(
    path: Path, key: Bytes, magic: bytes, previous_hashes: Callable[[], Iterable[bytes]]
) -> Records:
    """The records of an undo file. Raises BlockDataError where it is cut off.

    `previous_hashes` gives those of the blocks beside it, and is asked only where that is needed.
    """
    file = _open(path, key, magic, 1, _CHECKSUM_SIZE, _UNDO_HEAD_SIZE)

    def fit(found: _Found) -> Flags:
        fits = np.ones(len(found.offset), dtype=np.bool_)
        for row in np.flatnonzero(found.follows != _A_RECORD).tolist():
            is_cut_off = found.follows[row] == _CUT_OFF
            if is_cut_off and file.next_head(int(found.offset[row])) == len(file.data):
                raise file.cut_off(int(found.offset[row]) - _PREAMBLE)
            if found.follows[row] == _THE_END:
                fits[row] = is_block_undo(file.payload(found, row))
            else:
                fits[row] = not is_cut_off and _is_of_any(previous_hashes(), file, found, row)
        return fits

    return _records(file, fit, {})


def _open(path: Path, key: Bytes, magic: bytes, smallest: int, trailer: int, head_size: int) -> _File:
    data = map_file(path)
    if isinstance(data, np.memmap) and hasattr(mmap, "MADV_RANDOM"):
        data._mmap.madvise(mmap.MADV_RANDOM)  # type: ignore[attr-defined]  # a page per record is read
    number = int.from_bytes(magic, "little")
    return _File(path, data.view(np.ndarray), key, number, smallest, trailer, head_size)


def _is_block(file: _File, found: _Found, row: int) -> bool:
    if found.follows[row] == _CUT_OFF or found.size[row] > _MOST_BLOCK_BYTES:
        return False
    block = file.payload(found, row)
    try:
        decode_blocks(block, np.array([0, len(block)], dtype=np.int64), 0, str(file.path))
    except BlockDataError:
        return False
    return True


def _is_of_any(previous_hashes: Iterable[bytes], file: _File, found: _Found, row: int) -> bool:
    """Whether the checksum of an undo record is that of a block with one of these predecessors."""
    start, size = int(found.offset[row]), int(found.size[row])
    stored = read_payload(file.data, file.key, start, size + _CHECKSUM_SIZE)
    return any(passes_checksum(stored, previous) for previous in previous_hashes)


def passes_checksum(stored: Bytes, previous_hash: bytes) -> bool:
    """Whether undo data and the checksum behind it are of a block with that predecessor."""
    digest = hashlib.sha256(previous_hash)
    digest.update(stored[:-_CHECKSUM_SIZE].data)
    return hashlib.sha256(digest.digest()).digest() == stored[-_CHECKSUM_SIZE:].tobytes()


def _records(file: _File, fit: Callable[[_Found], Flags], torn: dict[int, Bytes]) -> Records:
    """The records that fit; behind one that does not the search goes on at its second byte."""
    parts: list[_Found] = []
    position: int | None = 0
    while position is not None:
        found = file.found_from(position)
        kept, position = _taken(file, found, fit(found))
        parts.append(found.only(kept))
    offset, size, head, _ = (np.concatenate(each) for each in zip(*parts, strict=True))
    ends = offset + size + file.trailer
    end = int(ends[-1]) if len(ends) else 0
    used = int(_used_up_to(file.data, end))
    if 0 < len(file.data) - end < _PREAMBLE and used > end:
        raise file.cut_off(end)
    gaps = np.append(offset - _PREAMBLE, used) - np.concatenate(([0], ends))
    could_be_records = gaps >= _PREAMBLE + file.smallest + file.trailer
    return Records(
        offset,
        size,
        head,
        garbage_bytes=int(gaps[could_be_records].sum()),
        torn_offset=np.array(list(torn), dtype=np.int64),
        torn_head=np.array(list(torn.values()), dtype=np.uint8).reshape(-1, HEADER_SIZE),
    )


def _taken(file: _File, found: _Found, fits: Flags) -> tuple[Flags, int | None]:
    """Which rows are records up to where the search must go on, and that position; None: they are all."""
    kept = fits.copy()
    for row in np.flatnonzero(~fits).tolist():
        following = file.next_head(int(found.offset[row]) - _PREAMBLE + 1)
        is_next_row = row + 1 < len(fits) and following + _PREAMBLE == found.offset[row + 1]
        if not is_next_row:
            kept[row:] = False
            return kept, following
    return kept, None
