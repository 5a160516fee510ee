"""What the inputs of a block reveal about the outputs that they spend.

Invariant: an input that reveals a key or a script contradicts a spent output whose hash is of another
one. Only what the spending rules force is used: P2PKH, P2SH, P2WPKH, P2WSH (and both nested in P2SH).
Used only to tell the undo data of rival blocks apart, one block at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from etl.chain.blocks import HEADER_SIZE
from etl.chain.scripts import P2PKH, P2SH, P2WPKH, P2WSH, identify
from etl.chain.spent import SpentColumns
from etl.compiled.ripemd160 import ripemd160_digests


@dataclass(frozen=True)
class Revealed:
    """What an input spends, the last push of its scriptSig and its last witness item, empty where none."""

    outpoint: bytes
    last_push: bytes
    last_witness: bytes


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def take(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]

    def size(self) -> int:
        first = self.take(1)[0]
        return first if first < 253 else int.from_bytes(self.take(1 << (first - 252)), "little")

    def skip_witness_marker(self) -> bool:
        has_witness = self._data[self._at : self._at + 2] == b"\0\1"
        self._at += 2 if has_witness else 0
        return has_witness


def _last_push(script: bytes) -> bytes:
    at, last = 0, b""
    while at < len(script):
        opcode = script[at]
        at += 1
        if opcode > 78:
            last = b""
            continue
        width = 0 if opcode < 76 else 1 << (opcode - 76)
        length = int.from_bytes(script[at : at + width], "little") if width else opcode
        last = script[at + width : at + width + length]
        at += width + length
    return last


def _transaction(reader: _Reader) -> list[Revealed]:
    reader.take(4)
    has_witness = reader.skip_witness_marker()
    outpoints, pushes = [], []
    for _ in range(reader.size()):
        outpoints.append(reader.take(36))
        pushes.append(_last_push(reader.take(reader.size())))
        reader.take(4)
    for _ in range(reader.size()):
        reader.take(8)
        reader.take(reader.size())
    witnesses = [b""] * len(pushes)
    if has_witness:
        for i in range(len(pushes)):
            for _ in range(reader.size()):
                witnesses[i] = reader.take(reader.size())
    reader.take(4)
    return [Revealed(*parts) for parts in zip(outpoints, pushes, witnesses, strict=True)]


def revealed_by(block: bytes) -> Iterator[Revealed]:
    """What each input of a serialised block reveals, the coinbase's left out."""
    reader = _Reader(block, HEADER_SIZE)
    count = reader.size()
    _transaction(reader)
    for _ in range(count - 1):
        yield from _transaction(reader)


def _hash160(data: bytes) -> bytes:
    digest = np.frombuffer(hashlib.sha256(data).digest(), dtype=np.uint8)
    return ripemd160_digests(digest.reshape(1, 32)).tobytes()


def _may_spend(revealed: Revealed, kind: int, script: bytes) -> bool:
    if kind == P2PKH:
        return _hash160(revealed.last_push) == script[3:23]
    if kind == P2SH:
        return _hash160(revealed.last_push) == script[2:22]
    if kind == P2WPKH:
        return _hash160(revealed.last_witness) == script[2:22]
    if kind == P2WSH:
        return hashlib.sha256(revealed.last_witness).digest() == script[2:34]
    return True


def contradicts(inputs: Sequence[Revealed], spent: SpentColumns) -> bool:
    """Whether an input of a block reveals a key or script that its spent output does not ask for."""
    kinds, _ = identify(spent.script, spent.script_offset)
    scripts = spent.script.tobytes()
    for i, revealed in enumerate(inputs):
        start, end = int(spent.script_offset[i]), int(spent.script_offset[i + 1])
        if not _may_spend(revealed, int(kinds[i]), scripts[start:end]):
            return True
    return False
