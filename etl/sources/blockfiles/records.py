"""The block and undo files: their names, their key, and where their records lie.

Invariant: a record is magic, size, payload (and 32 bytes of checksum in undo files); every byte is XORed with
the 8-byte key by its offset in the file modulo 8. The tail that Core preallocates is zero and not XORed.
Source: Bitcoin Core's node/blockstorage.cpp (release 31; the key since release 28).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from etl.compiled.arrays import Bytes, Ints
from etl.errors import BlocksDirectoryError

_KEY_SIZE = 8
_MASK_SIZE = 1 << 16
_NO_KEY = np.zeros(_KEY_SIZE, dtype=np.uint8)


@dataclass(frozen=True)
class Records:
    """The records of one file in file order."""

    offset: Ints
    """(r,) of the payload in the file"""
    size: Ints
    """(r,) payload bytes, without an undo record's checksum"""
    head: Bytes
    """(r, 80) block headers; of undo records the first nine bytes"""
    garbage_bytes: int
    """bytes that are neither records nor the tail, in runs that a lost record may have left"""
    torn_offset: Ints
    """(t,) where a whole block header lies, but not the block that belongs to it"""
    torn_head: Bytes
    """(t, 80) these headers"""


@contextmanager
def unreadable_named(path: Path) -> Iterator[None]:
    """What the system refuses, as the error that names the file."""
    try:
        yield
    except OSError as error:
        raise BlocksDirectoryError(
            f"{path} cannot be read: {error.strerror}",
            "run as the node's user, or add yours to its group; else check the disk",
        ) from error


def read_xor_key(blocks_dir: Path) -> Bytes:
    """The 8 bytes of xor.dat, zeros where there is none (Core < 28)."""
    path = blocks_dir / "xor.dat"
    with unreadable_named(path):
        if not path.exists():
            return _NO_KEY
        key = np.fromfile(path, dtype=np.uint8, count=_KEY_SIZE + 1)
    if len(key) != _KEY_SIZE:
        raise BlocksDirectoryError(
            f"{path} holds {path.stat().st_size} bytes instead of {_KEY_SIZE}",
            "restore xor.dat from where the block files came from; without it they cannot be read",
        )
    return key


def file_numbers(blocks_dir: Path) -> list[int]:
    """Numbers of the blk files, ascending; BlocksDirectoryError where there are none."""
    with unreadable_named(blocks_dir):
        names = [path.name for path in blocks_dir.iterdir()]
    matches = (re.fullmatch(r"blk(\d{5})\.dat", name) for name in names)
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
    with unreadable_named(path):
        if path.stat().st_size == 0:
            return np.empty(0, dtype=np.uint8)
        return np.memmap(path, dtype=np.uint8, mode="r")


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
