"""Where each record of the block and undo files lies.

Invariants:
- A record is magic, size, payload (and 32 bytes of checksum in undo files); every byte is XORed with
  the 8-byte key by its offset in the file modulo 8. The tail that Core preallocates is zero and not XORed.
- Bytes that are neither record (one too small for a block or undo data is none) nor such a tail are skipped
  to the next magic and counted as garbage: an unclean shutdown of the node leaves some.
- A record that runs past the end of its file is an error: the file is cut off.
Source: Bitcoin Core's node/blockstorage.cpp (release 31; the key since release 28).
"""

from __future__ import annotations

import mmap
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from etl.chain.blocks import HEADER_SIZE
from etl.compiled import compiled
from etl.errors import BlockDataError, BlocksDirectoryError

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_KEY_SIZE = 8
_CHECKSUM_SIZE = 32
_PREAMBLE = 8
_MASK_SIZE = 1 << 16
_ZERO_PIECE = 1 << 9
"""Words of 8 bytes looked at together, without a branch for each."""
_NO_KEY = np.zeros(_KEY_SIZE, dtype=np.uint8)


@dataclass(frozen=True)
class Records:
    """The records of one file in file order."""

    offset: Ints
    """(r,) of the payload in the file"""
    size: Ints
    """(r,) payload bytes, without an undo record's checksum"""
    head: Bytes
    """(r, 80) block headers; of undo records the first nine bytes, then zeros"""
    garbage_bytes: int


def read_xor_key(blocks_dir: Path) -> Bytes:
    """The 8 bytes of xor.dat, zeros where there is none (Core < 28)."""
    path = blocks_dir / "xor.dat"
    if not path.exists():
        return _NO_KEY
    key = np.fromfile(path, dtype=np.uint8)
    if len(key) != _KEY_SIZE:
        raise BlocksDirectoryError(
            f"{path} holds {len(key)} bytes instead of {_KEY_SIZE}",
            "restore xor.dat from where the block files came from; without it they cannot be read",
        )
    return key


def file_numbers(blocks_dir: Path) -> list[int]:
    """Numbers of the blk files, ascending; BlocksDirectoryError where there are none."""
    matches = (re.fullmatch(r"blk(\d{5})\.dat", path.name) for path in blocks_dir.glob("blk*.dat"))
    numbers = sorted(int(match[1]) for match in matches if match)
    if not numbers:
        raise BlocksDirectoryError(
            f"{blocks_dir} holds no blk*.dat files",
            "name the node's blocks directory with --blocks-dir (for mainnet usually ~/.bitcoin/blocks)",
        )
    return numbers


def block_file(blocks_dir: Path, number: int) -> Path:
    """Path of a block file."""
    return blocks_dir / f"blk{number:05d}.dat"


def undo_file(blocks_dir: Path, number: int) -> Path:
    """Path of the undo file beside a block file."""
    return blocks_dir / f"rev{number:05d}.dat"


def map_file(path: Path) -> Bytes:
    """The bytes of a file, mapped into memory and as they are on disk."""
    if path.stat().st_size == 0:
        return np.empty(0, dtype=np.uint8)
    return np.memmap(path, dtype=np.uint8, mode="r")


@compiled
def _unmask(data, key, p, count, out, at):  # type: ignore[no-untyped-def]
    for k in range(count):
        out[at + k] = data[p + k] ^ key[(p + k) & 7]


@compiled
def _word(data, key, p):  # type: ignore[no-untyped-def]
    value = np.int64(0)
    for k in range(4):
        value |= np.int64(data[p + k] ^ key[(p + k) & 7]) << (8 * k)
    return value


@compiled
def _next_record(data, key, magic, p):  # type: ignore[no-untyped-def]
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
def _scan(data, key, magic, smallest, trailer, offset, size, head):  # type: ignore[no-untyped-def]
    """(records, garbage bytes, position of a record cut off or -1)"""
    n = data.size
    p = 0
    count = 0
    garbage = 0
    while p + _PREAMBLE <= n:
        if _word(data, key, p) != magic or _word(data, key, p + 4) < smallest:
            if _is_zero(data, p, n):
                break
            found = _next_record(data, key, magic, p + 1)
            if found == n:
                while n > p and data[n - 1] == 0:
                    n -= 1
                garbage += n - p
                break
            garbage += found - p
            p = found
            continue
        length = _word(data, key, p + 4)
        payload = p + _PREAMBLE
        if payload + length + trailer > n:
            return count, garbage, p
        offset[count] = payload
        size[count] = length
        _unmask(data, key, payload, min(length, head.shape[1]), head[count], 0)
        count += 1
        p = payload + length + trailer
    if p + _PREAMBLE > data.size and not _is_zero(data, p, data.size):
        return count, garbage, p
    return count, garbage, -1


def scan_records(path: Path, key: Bytes, magic: bytes, *, is_undo: bool) -> Records:
    """Find the records of a block or undo file. Raises BlockDataError where one is cut off."""
    data = map_file(path)
    _expect_leaps(data)
    trailer = _CHECKSUM_SIZE if is_undo else 0
    head_size = 9 if is_undo else HEADER_SIZE
    smallest = 1 if is_undo else HEADER_SIZE + 1
    room = len(data) // (_PREAMBLE + smallest + trailer) + 1
    offset, size = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    head = np.zeros((room, head_size), dtype=np.uint8)
    number = int.from_bytes(magic, "little")
    count, garbage, cut_off = _scan(data, key, number, smallest, trailer, offset, size, head)
    if cut_off >= 0:
        raise BlockDataError(
            f"{path} is cut off: the record at byte {cut_off} runs past the end of the file "
            f"({len(data)} bytes)",
            "copy the file again if it is a copy, else let the node rebuild it (-reindex)",
        )
    return Records(offset[:count].copy(), size[:count].copy(), head[:count].copy(), garbage)


def _expect_leaps(data: Bytes) -> None:
    """Tell the system that a mapped file is not read from end to end, only a page per record."""
    if isinstance(data, np.memmap) and hasattr(mmap, "MADV_RANDOM"):
        data._mmap.madvise(mmap.MADV_RANDOM)  # type: ignore[attr-defined]


def read_payload(data: Bytes, key: Bytes, start: int, size: int) -> Bytes:
    """`size` bytes of a mapped file from `start` on, with the XOR undone."""
    out = np.empty(size, dtype=np.uint8)
    unmask_into(out, data, key, start)
    return out


def unmask_into(out: Bytes, data: Bytes, key: Bytes, start: int) -> None:
    """Fill `out` with the bytes of a mapped file from `start` on, with the XOR undone."""
    mask = _mask(key.tobytes(), start % _KEY_SIZE)
    for at in range(0, len(out), _MASK_SIZE):
        part = out[at : at + _MASK_SIZE]
        np.bitwise_xor(data[start + at : start + at + len(part)], mask[: len(part)], out=part)


@lru_cache(maxsize=64)
def _mask(key: bytes, phase: int) -> Bytes:
    """The key repeated, as it falls on bytes that start at `phase` modulo 8."""
    return np.frombuffer((key[phase:] + key[:phase]) * (_MASK_SIZE // _KEY_SIZE), dtype=np.uint8)
