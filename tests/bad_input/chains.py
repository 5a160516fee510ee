"""Blocks directories made of the golden economy's records, or of other blocks of regtest."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.blockfiles import (
    REGTEST_MAGIC,
    Record,
    Undo,
    block_path,
    read_records,
    undo_path,
    write_directory,
)
from tests.chain.random_blocks import NO_OUTPOINT, Input, Tx
from tests.encoding import block_undo, compact_size, double_sha256, undo_checksum
from tests.golden import ECONOMY

KEY = (ECONOMY.blocks_dir / "xor.dat").read_bytes()
OTHER_KEY = bytes.fromhex("fedcba9876543210")
_EASY_BITS = bytes.fromhex("ffff7f20")
_EASY_TARGET = 0x7FFFFF << 232


@dataclass(frozen=True)
class Stored:
    """A block of the economy's files and the undo records that pass its checksum."""

    record: Record
    undos: tuple[Record, ...]
    """its own and, where it has rivals, theirs"""

    @property
    def hash(self) -> bytes:
        """Internal byte order."""
        return double_sha256(self.record.payload[:80])

    @property
    def previous_hash(self) -> bytes:
        """Internal byte order."""
        return self.record.payload[4:36]


@cache
def stored_blocks() -> list[Stored]:
    """The economy's blocks in storage order, stale ones included."""
    blocks = read_records(block_path(ECONOMY.blocks_dir), KEY, REGTEST_MAGIC)
    undos: dict[bytes, list[Record]] = {}
    by_previous: dict[bytes, list[Record]] = {}
    for undo in stored_undos():
        undos.setdefault(undo.checksum, []).append(undo)
    for block in blocks:
        previous = block.payload[4:36]
        if previous not in by_previous:
            by_previous[previous] = [
                undo for undo in stored_undos() if undo_checksum(previous, undo.payload) == undo.checksum
            ]
    return [Stored(block, tuple(by_previous[block.payload[4:36]])) for block in blocks]


@cache
def stored_undos() -> list[Record]:
    """The economy's undo records in storage order."""
    return read_records(undo_path(ECONOMY.blocks_dir), KEY, REGTEST_MAGIC)


@cache
def active_hashes() -> list[bytes]:
    """Hashes of the active chain by height."""
    return [bytes.fromhex(row["hash"])[::-1] for row in ECONOMY.expected("blocks")]


def split_economy(
    directory: Path, *, files: int, key: bytes = OTHER_KEY, shuffle: int | None = None, tail: int = 4096
) -> Path:
    """The economy over several files with another XOR key; each undo record in its block's file.

    With `shuffle`, a seed, blocks come in any order, and so do undo records; a tie for the tip, which
    storage order decides, is none of the economy's.
    """
    blocks = list(stored_blocks())
    numbers = random.Random(shuffle)
    if shuffle is not None:
        genesis, *others = blocks
        numbers.shuffle(others)
        blocks = [genesis, *others]
    bounds = [len(blocks) * i // files for i in range(files + 1)]
    parts: list[tuple[Sequence[bytes], Sequence[Undo]]] = []
    for start, end in zip(bounds[:-1], bounds[1:], strict=True):
        mine = blocks[start:end]
        undos = list(dict.fromkeys((u.payload, u.checksum) for block in mine for u in block.undos))
        if shuffle is not None:
            numbers.shuffle(undos)
        parts.append(([block.record.payload for block in mine], undos))
    return write_directory(directory, parts, key, REGTEST_MAGIC, tail)


def _mined(previous: bytes, height: int) -> bytes:
    """A block with nothing but a coinbase, which meets the target of regtest."""
    script = b"\3" + height.to_bytes(3, "little")
    coinbase = Tx((Input(NO_OUTPOINT, script, b"\xff" * 4, ()),), ((50 * 10**8, b"\x51"),))
    time = (1_300_000_000 + 600 * height).to_bytes(4, "little")
    for nonce in range(1 << 16):
        header = b"\2\0\0\0" + previous + coinbase.txid + time + _EASY_BITS + nonce.to_bytes(4, "little")
        if int.from_bytes(double_sha256(header), "little") <= _EASY_TARGET:
            return header + compact_size(1) + coinbase.serialised()
    raise AssertionError("half of all hashes meet the target")


def regtest_chain(
    directory: Path, *, length: int, magic: bytes = REGTEST_MAGIC, genesis: bool = True
) -> Path:
    """A chain of blocks with coinbases alone, on regtest's genesis block, which may be left out."""
    blocks = [stored_blocks()[0].record.payload]
    undos: list[Undo] = []
    for height in range(1, length + 1):
        previous = double_sha256(blocks[-1][:80])
        undo = block_undo([])
        undos.append((undo, undo_checksum(previous, undo)))
        blocks.append(_mined(previous, height))
    return write_directory(directory, [(blocks if genesis else blocks[1:], undos)], OTHER_KEY, magic)
