"""Bitcoin Core's block and undo files: taking records out of them and writing others.

Nothing of etl is used. Every byte of a record is XORed with the key of xor.dat by its offset in the file
modulo 8; the tail that Core preallocates is zero and is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MAINNET_MAGIC = bytes.fromhex("f9beb4d9")
REGTEST_MAGIC = bytes.fromhex("fabfb5da")
CHECKSUM_SIZE = 32

Undo = tuple[bytes, bytes]
"""Undo data and its checksum."""


@dataclass(frozen=True)
class Record:
    """A record of a file."""

    start: int
    """of its magic in the file"""
    payload: bytes
    """the block, or the undo data"""
    checksum: bytes
    """empty for blocks"""

    @property
    def end(self) -> int:
        """First byte after it."""
        return self.start + 8 + len(self.payload) + len(self.checksum)


def masked(data: bytes, key: bytes) -> bytes:
    """A file's bytes with the XOR done or undone."""
    mask = np.resize(np.frombuffer(key, dtype=np.uint8), len(data))
    return (np.frombuffer(data, dtype=np.uint8) ^ mask).tobytes()


def read_records(path: Path, key: bytes, magic: bytes) -> list[Record]:
    """The records of a whole and healthy file."""
    data = masked(path.read_bytes(), key)
    checksum_size = CHECKSUM_SIZE if path.name.startswith("rev") else 0
    records, at = [], 0
    while data[at : at + 4] == magic:
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        records.append(Record(at, data[at + 8 : end], data[end : end + checksum_size]))
        at = end + checksum_size
    return records


def _write(path: Path, records: Iterable[Undo], key: bytes, magic: bytes, tail: int) -> None:
    parts: list[bytes] = []
    for payload, checksum in records:
        parts += magic, len(payload).to_bytes(4, "little"), payload, checksum
    path.write_bytes(masked(b"".join(parts), key) + bytes(tail))


def block_path(directory: Path, number: int = 0) -> Path:
    """blkNNNNN.dat"""
    return directory / f"blk{number:05d}.dat"


def undo_path(directory: Path, number: int = 0) -> Path:
    """revNNNNN.dat"""
    return directory / f"rev{number:05d}.dat"


def write_directory(
    directory: Path,
    files: Sequence[tuple[Sequence[bytes], Sequence[Undo]]],
    key: bytes,
    magic: bytes,
    tail: int = 4096,
) -> Path:
    """A new blocks directory with the blocks and undo records of each file and `tail` zeros behind."""
    directory.mkdir(parents=True)
    (directory / "xor.dat").write_bytes(key)
    for number, (blocks, undos) in enumerate(files):
        _write(block_path(directory, number), ((block, b"") for block in blocks), key, magic, tail)
        _write(undo_path(directory, number), undos, key, magic, tail)
    return directory
