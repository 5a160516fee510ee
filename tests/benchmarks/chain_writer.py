"""Writes `blk*.dat`, `rev*.dat` and `xor.dat` the way Bitcoin Core lays them out.

Invariants: a block's undo record stands in the rev file of the same number as its blk file, and
undo records are written in height order although blocks may not be; genesis has no undo record;
every written byte is XORed with the key by its offset in the file modulo 8; the zero bytes that
Core preallocates at the end of the active files are not. Files are cut and preallocated as
`FlatFileSeq` and `BlockManager` of Core 28 do it: 128 MiB, chunks of 16 MiB and 1 MiB.
"""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import NamedTuple

import numpy as np

FILE_LIMIT_BYTES = 0x8000000
BLOCK_CHUNK_BYTES = 0x1000000
UNDO_CHUNK_BYTES = 0x100000
REGTEST_MAGIC = bytes.fromhex("fabfb5da")


class Block(NamedTuple):
    """A block that waits to be written."""

    height: int
    previous_hash: bytes
    raw: bytes
    undo: bytes


def sha256d(data: bytes | memoryview) -> bytes:
    """SHA-256 of the SHA-256."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def apply_xor(data: bytes, key: bytes, offset: int) -> bytes:
    """XOR `data`, which starts at `offset` of its file, with an 8-byte key."""
    if not any(key):
        return data
    shift = offset % 8
    words = np.frombuffer(data + bytes(-len(data) % 8), np.uint64)
    turned = np.frombuffer(key[shift:] + key[:shift], np.uint64)
    return (words ^ turned).tobytes()[: len(data)]


class BlockFiles:
    """A blocks directory that grows block by block."""

    def __init__(
        self,
        folder: Path,
        *,
        xor_key: bytes,
        magic: bytes = REGTEST_MAGIC,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.glob("blk*.dat")):
            raise FileExistsError(f"{folder} holds block files already; choose another folder")
        self.folder = folder
        self.xor_key = xor_key
        self.magic = magic
        self.number = 0
        (folder / "xor.dat").write_bytes(xor_key)

    def append_block(self, raw: bytes) -> int:
        """Write a block; gives the number of its file."""
        path = self.path("blk", self.number)
        size = path.stat().st_size if path.exists() else 0
        if size and size + len(raw) + 8 >= FILE_LIMIT_BYTES:
            self.number += 1
            path = self.path("blk", self.number)
        self._append(path, self.magic + len(raw).to_bytes(4, "little") + raw)
        return self.number

    def append_undo(self, number: int, previous_hash: bytes, undo: bytes) -> None:
        """Write the undo record of a block that stands in blk file `number`."""
        head = self.magic + len(undo).to_bytes(4, "little")
        self._append(self.path("rev", number), head + undo + sha256d(previous_hash + undo))

    def size_bytes(self, name: str) -> int:
        """Bytes of all blk or of all rev files."""
        return sum(path.stat().st_size for path in self.folder.glob(f"{name}*.dat"))

    def preallocate(self) -> None:
        """End the active files with zero bytes up to the next chunk, as a running node does."""
        for name, chunk in (("blk", BLOCK_CHUNK_BYTES), ("rev", UNDO_CHUNK_BYTES)):
            path = self.path(name, self.number)
            if path.exists():
                size = path.stat().st_size
                with path.open("r+b") as file:
                    file.truncate((size // chunk + 1) * chunk)

    def path(self, name: str, number: int) -> Path:
        """Path of the blk or rev file `number`."""
        return self.folder / f"{name}{number:05d}.dat"

    def _append(self, path: Path, data: bytes) -> None:
        with path.open("ab") as file:
            file.write(apply_xor(data, self.xor_key, file.tell()))


class OutOfOrderWriter:
    """Writes blocks slightly out of order, as they arrive while a node synchronises.

    No block is overtaken by more than `2 * window` others; undo records wait until those of all
    lower heights are written.
    """

    def __init__(self, files: BlockFiles, *, window: int, seed: int) -> None:
        self.files = files
        self.window = window
        self._random = random.Random(seed)
        self._waiting: list[Block] = []
        self._placed: dict[int, tuple[int, Block]] = {}
        self._next_undo = 0

    def add(self, block: Block) -> None:
        """Take a block; blocks come in height order."""
        self._waiting.append(block)
        if len(self._waiting) > self.window or block.height == 0:
            self._place_one()

    def close(self) -> None:
        """Write what waits and preallocate the active files."""
        while self._waiting:
            self._place_one()
        self.files.preallocate()

    def _place_one(self) -> None:
        newest = self._waiting[-1].height
        is_late = newest - self._waiting[0].height >= 2 * self.window
        index = 0 if is_late else self._random.randrange(len(self._waiting))
        block = self._waiting.pop(index)
        self._placed[block.height] = (self.files.append_block(block.raw), block)
        self._write_ready_undo()

    def _write_ready_undo(self) -> None:
        while self._next_undo in self._placed:
            number, block = self._placed.pop(self._next_undo)
            if block.height > 0:
                self.files.append_undo(number, block.previous_hash, block.undo)
            self._next_undo += 1
