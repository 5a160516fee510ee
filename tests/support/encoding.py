"""Bitcoin's serialisations, the writing side: what the readers of etl.chain are tested with.

Nothing of etl is used. Written from the description of Bitcoin Core's formats (serialize.h, compressor.cpp,
undo.h, release 31): CompactSize, VARINT, compressed amounts and scripts, undo data of a block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

FIELD_PRIME = 2**256 - 2**32 - 977
"""of secp256k1, whose points satisfy y^2 = x^3 + 7"""


@dataclass(frozen=True)
class Spent:
    """An output that is spent, as undo data tells it."""

    value_sat: int
    script: bytes
    height: int = 1
    is_coinbase: bool = False


def double_sha256(data: bytes) -> bytes:
    """SHA-256 of the SHA-256."""
    return sha256(sha256(data).digest()).digest()


def compact_size(value: int) -> bytes:
    """CompactSize: one byte, or a marker and 2, 4 or 8 bytes, the shortest that holds the value."""
    if value < 0xFD:
        return bytes([value])
    for marker, width in ((0xFD, 2), (0xFE, 4), (0xFF, 8)):
        if value < 1 << 8 * width:
            return bytes([marker]) + value.to_bytes(width, "little")
    raise OverflowError(value)


def varint(value: int) -> bytes:
    """VARINT: base 128, most significant digit first, one subtracted from every digit but the last."""
    digits = [value & 0x7F]
    while value > 0x7F:
        value = (value >> 7) - 1
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def compress_amount(value_sat: int) -> int:
    """The number that stands for an amount: its trailing zeros are taken out."""
    if value_sat == 0:
        return 0
    exponent = 0
    while exponent < 9 and value_sat % 10 == 0:
        value_sat //= 10
        exponent += 1
    if exponent == 9:
        return 1 + (value_sat - 1) * 10 + 9
    rest, digit = divmod(value_sat, 10)
    return 1 + (rest * 9 + digit - 1) * 10 + exponent


def is_on_curve(x: int, y: int) -> bool:
    """Whether (x, y) is a point of secp256k1."""
    in_field = x < FIELD_PRIME and y < FIELD_PRIME
    return in_field and (y * y - x * x * x - 7) % FIELD_PRIME == 0


def compressed_script(script: bytes) -> bytes:
    """A script as undo data holds it: the four special forms, else its length plus six and itself."""
    if len(script) == 25 and script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac":
        return b"\x00" + script[3:23]
    if len(script) == 23 and script[:2] == b"\xa9\x14" and script[22:] == b"\x87":
        return b"\x01" + script[2:22]
    if len(script) == 35 and script[0] == 33 and script[34] == 0xAC and script[1] in (2, 3):
        return script[1:34]
    if len(script) == 67 and script[0] == 65 and script[66] == 0xAC and script[1] == 4:
        x, y = script[2:34], script[34:66]
        if is_on_curve(int.from_bytes(x, "big"), int.from_bytes(y, "big")):
            return bytes([4 | y[-1] & 1]) + x
    return varint(len(script) + 6) + script


def undo_entry(spent: Spent) -> bytes:
    """One spent output: origin, for heights above 0 an empty number, amount, script."""
    origin = varint(spent.height * 2 + spent.is_coinbase) + (b"\0" if spent.height else b"")
    return origin + varint(compress_amount(spent.value_sat)) + compressed_script(spent.script)


def block_undo(groups: Sequence[Sequence[Spent]]) -> bytes:
    """CBlockUndo: a group of spent outputs for each transaction but the coinbase."""
    parts = [compact_size(len(groups))]
    for group in groups:
        parts.append(compact_size(len(group)))
        parts += map(undo_entry, group)
    return b"".join(parts)


def block_txouts(groups: Sequence[Sequence[Spent]]) -> bytes:
    """What /rest/spenttxouts says of a block: an empty group for the coinbase, outputs in full."""
    parts = [compact_size(len(groups) + 1), b"\0"]
    for group in groups:
        parts.append(compact_size(len(group)))
        for spent in group:
            parts += spent.value_sat.to_bytes(8, "little"), compact_size(len(spent.script))
            parts.append(spent.script)
    return b"".join(parts)


def undo_checksum(previous_hash: bytes, undo: bytes) -> bytes:
    """The 32 bytes behind an undo record; the hash is in internal byte order."""
    return double_sha256(previous_hash + undo)


def merkle_root(txids: Iterable[bytes]) -> bytes:
    """Root of transaction ids in internal byte order; an odd level repeats its last node."""
    level = list(txids)
    while len(level) > 1:
        level += level[-1:] if len(level) % 2 else []
        level = [double_sha256(a + b) for a, b in zip(level[::2], level[1::2], strict=True)]
    return level[0]
