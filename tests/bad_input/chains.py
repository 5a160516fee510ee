"""Blocks directories made of the golden economy's records, or of other blocks of regtest."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from tests.chain.random_blocks import NO_OUTPOINT, Input, Tx
from tests.support.blockfiles import (
    REGTEST_MAGIC,
    Record,
    Undo,
    block_path,
    read_records,
    undo_path,
    write_directory,
)
from tests.support.encoding import (
    Spent,
    block_undo,
    compact_size,
    double_sha256,
    merkle_root,
    undo_checksum,
)
from tests.support.golden import ECONOMY, GoldenChain

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

    @property
    def tx_count(self) -> int:
        """With the coinbase; none of these blocks has more than 252."""
        return self.record.payload[80]

    @property
    def own_undo(self) -> Record:
        """The record that holds what the block spends, as the node answered; of the active chain."""
        wanted = block_undo(spent_groups(ECONOMY)[self.hash])
        return next(undo for undo in self.undos if undo.payload == wanted)


@cache
def spent_groups(chain: GoldenChain) -> dict[bytes, list[list[Spent]]]:
    """What the transactions of each block but genesis spend, by block hash in internal byte order."""
    found = {}
    with gzip.open(chain.folder / "blocks.jsonl.gz") as lines:
        for line in list(lines)[1:]:
            block = json.loads(line)
            groups = [[_spent(vin["prevout"]) for vin in tx["vin"]] for tx in block["tx"][1:]]
            found[bytes.fromhex(block["hash"])[::-1]] = groups
    return found


def _spent(prevout: dict[str, Any]) -> Spent:
    value_sat = int(Decimal(prevout["value"]).scaleb(8))
    script = bytes.fromhex(prevout["scriptPubKey"]["hex"])
    return Spent(value_sat, script, prevout["height"], prevout["generated"])


@cache
def stored_blocks() -> list[Stored]:
    """The economy's blocks in storage order, stale ones included."""
    blocks = read_records(block_path(ECONOMY.blocks_dir), KEY, REGTEST_MAGIC)
    undos: dict[bytes, tuple[Record, ...]] = {}
    for block in blocks:
        previous = block.payload[4:36]
        if previous not in undos:
            undos[previous] = tuple(
                undo for undo in stored_undos() if undo_checksum(previous, undo.payload) == undo.checksum
            )
    return [Stored(block, undos[block.payload[4:36]]) for block in blocks]


@cache
def stored_undos() -> list[Record]:
    """The economy's undo records in storage order."""
    return read_records(undo_path(ECONOMY.blocks_dir), KEY, REGTEST_MAGIC)


@cache
def active_hashes() -> list[bytes]:
    """Hashes of the active chain by height."""
    return [bytes.fromhex(row["hash"])[::-1] for row in ECONOMY.expected("blocks")]


def stored_at(height: int) -> Stored:
    """The block of the active chain at a height."""
    return next(block for block in stored_blocks() if block.hash == active_hashes()[height])


def split_economy(
    directory: Path, *, files: int, key: bytes = OTHER_KEY, shuffle: int | None = None, tail: int = 4096
) -> Path:
    """The economy over several files with another XOR key; each undo record in its block's file.

    With `shuffle`, a seed, all blocks but genesis come in any order, and so do undo records.
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
        undos = list(dict.fromkeys((u.payload, u.checksum) for block in mine for u in _undos_beside(block)))
        if shuffle is not None:
            numbers.shuffle(undos)
        parts.append(([block.record.payload for block in mine], undos))
    return write_directory(directory, parts, key, REGTEST_MAGIC, tail)


def _undos_beside(block: Stored) -> list[Record]:
    """The undo records that lie beside a block: of a stale one, those that are no active one's."""
    active = spent_groups(ECONOMY)
    if block.hash in active:
        return [block.own_undo]
    rivals = [b for b in stored_blocks() if b.previous_hash == block.previous_hash and b.hash in active]
    taken = {rival.own_undo.payload for rival in rivals}
    return [undo for undo in block.undos if undo.payload not in taken]


def mined(previous: bytes, height: int, payments: Sequence[Tx] = (), paid: bytes = b"\x51") -> bytes:
    """A block on the one with the hash `previous` that meets the target of regtest.

    Its coinbase claims the subsidy for the script `paid`.
    """
    script = b"\3" + height.to_bytes(3, "little")
    txs = [Tx((Input(NO_OUTPOINT, script, b"\xff" * 4, ()),), ((50 * 10**8, paid),)), *payments]
    root = merkle_root([tx.txid for tx in txs])
    time = (1_300_000_000 + 600 * height).to_bytes(4, "little")
    for nonce in range(1 << 16):
        header = b"\2\0\0\0" + previous + root + time + _EASY_BITS + nonce.to_bytes(4, "little")
        if int.from_bytes(double_sha256(header), "little") <= _EASY_TARGET:
            return header + compact_size(len(txs)) + b"".join(tx.serialised() for tx in txs)
    raise AssertionError("half of all hashes meet the target")


def undo_record(block: bytes, groups: Sequence[Sequence[Spent]] = ()) -> Undo:
    """The undo record of a block."""
    undo = block_undo(groups)
    return undo, undo_checksum(block[4:36], undo)


def hash_of(block: bytes) -> bytes:
    """Internal byte order."""
    return double_sha256(block[:80])


def regtest_genesis() -> bytes:
    """The block that every regtest chain starts with."""
    return stored_blocks()[0].record.payload


def regtest_chain(
    directory: Path, *, length: int, magic: bytes = REGTEST_MAGIC, genesis: bool = True
) -> Path:
    """A chain of blocks with coinbases alone, on regtest's genesis block, which may be left out."""
    blocks = [regtest_genesis()]
    for height in range(1, length + 1):
        blocks.append(mined(hash_of(blocks[-1]), height))
    undos = [undo_record(block) for block in blocks[1:]]
    return write_directory(directory, [(blocks if genesis else blocks[1:], undos)], OTHER_KEY, magic)
