"""Random blocks and the outputs that they spend, as plain values and as bytes. Nothing of etl is used."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.chain.scripts import SCRIPTS, push
from tests.support.encoding import (
    FIELD_PRIME,
    Spent,
    compact_size,
    double_sha256,
    is_on_curve,
    merkle_root,
)

MAX_MONEY_SAT = 21_000_000 * 10**8
NO_OUTPOINT = bytes(32) + b"\xff" * 4


@dataclass(frozen=True)
class Input:
    """What spends, and the witness that goes with it."""

    outpoint: bytes
    script: bytes
    sequence: bytes
    witness: tuple[bytes, ...]


@dataclass(frozen=True)
class Tx:
    """A transaction; it is serialised with witnesses if an input has one."""

    inputs: tuple[Input, ...]
    outputs: tuple[tuple[int, bytes], ...]
    version: bytes = b"\2\0\0\0"
    locktime: bytes = bytes(4)

    def _body(self) -> bytes:
        parts = [compact_size(len(self.inputs))]
        for each in self.inputs:
            parts += each.outpoint, compact_size(len(each.script)), each.script, each.sequence
        parts.append(compact_size(len(self.outputs)))
        for value_sat, script in self.outputs:
            parts += value_sat.to_bytes(8, "little", signed=True), compact_size(len(script)), script
        return b"".join(parts)

    @property
    def txid(self) -> bytes:
        """Internal byte order."""
        return double_sha256(self.version + self._body() + self.locktime)

    def serialised(self) -> bytes:
        """As in a block (BIP 144)."""
        if not any(each.witness for each in self.inputs):
            return self.version + self._body() + self.locktime
        witnesses = [compact_size(len(each.witness)) for each in self.inputs]
        for i, each in enumerate(self.inputs):
            witnesses[i] += b"".join(compact_size(len(item)) + item for item in each.witness)
        return self.version + b"\0\1" + self._body() + b"".join(witnesses) + self.locktime


@dataclass(frozen=True)
class Block:
    """A block; its header carries the right merkle root."""

    txs: tuple[Tx, ...]
    time: int = 1_231_006_505

    def serialised(self) -> bytes:
        """As in a block file."""
        root = merkle_root([tx.txid for tx in self.txs])
        header = b"\1\0\0\0" + bytes(32) + root + self.time.to_bytes(4, "little") + b"\xff\xff\x7f\x20" * 2
        return header + compact_size(len(self.txs)) + b"".join(tx.serialised() for tx in self.txs)


def _curve_point(x: int) -> tuple[int, int]:
    """The first point of secp256k1 whose x is not below the given one, and one of its two y."""
    x %= FIELD_PRIME
    while True:
        y = pow(x**3 + 7, (FIELD_PRIME + 1) // 4, FIELD_PRIME)
        if is_on_curve(x, y):
            return x, y
        x = (x + 1) % FIELD_PRIME


def _full_key(x: int, odd: bool) -> bytes:
    x, y = _curve_point(x)
    y = y if y % 2 == odd else FIELD_PRIME - y
    return b"\4" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


REAL_KEYS = st.builds(_full_key, st.integers(0, FIELD_PRIME - 1), st.booleans())
"""65 bytes, points of the curve."""

PAID_KEYS = REAL_KEYS.map(lambda key: push(key) + b"\xac")
AMOUNTS = st.one_of(
    st.integers(0, MAX_MONEY_SAT),
    st.sampled_from([0, 1, 546, 10**8, 50 * 10**8, MAX_MONEY_SAT]),
    st.builds(lambda n, z: min(n * 10**z, MAX_MONEY_SAT), st.integers(0, 10**4), st.integers(0, 12)),
)
SPENT = st.builds(Spent, AMOUNTS, st.one_of(SCRIPTS, PAID_KEYS), st.integers(0, 2_000_000), st.booleans())

_WITNESS = st.lists(st.one_of(st.binary(max_size=80), st.binary(min_size=253, max_size=260)), max_size=3)
_INPUTS = st.builds(
    Input,
    st.binary(min_size=36, max_size=36).filter(lambda outpoint: outpoint != NO_OUTPOINT),
    st.one_of(st.binary(max_size=110), st.binary(min_size=253, max_size=255)),
    st.binary(min_size=4, max_size=4),
    st.one_of(st.just([]), _WITNESS).map(tuple),
)
_OUTPUTS = st.lists(st.tuples(AMOUNTS, SCRIPTS), min_size=1, max_size=5).map(tuple)
_TXS = st.builds(
    Tx,
    st.lists(_INPUTS, min_size=1, max_size=4).map(tuple),
    _OUTPUTS,
    st.binary(min_size=4, max_size=4),
    st.binary(min_size=4, max_size=4),
)
COINBASES = st.builds(
    lambda script, witness, outputs: Tx((Input(NO_OUTPOINT, script, b"\xff" * 4, witness),), outputs),
    st.binary(min_size=2, max_size=100),
    st.sampled_from([(), (bytes(32),)]),
    _OUTPUTS,
)
BLOCKS = st.builds(
    lambda coinbase, txs: Block((coinbase, *txs)), COINBASES, st.lists(_TXS, max_size=4, unique=True)
)
