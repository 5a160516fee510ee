"""Bytes of transactions, scripts and undo data, written into NumPy buffers by compiled code.

Invariants: every writer takes a buffer and a position and gives back the position after what it
wrote; nothing is allocated; buffers are large enough (`transactions.new_buffers`).
Signatures and keys are random bytes of the right form and length: they do not verify, nor do keys
hash to the addresses that they spend.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tests.benchmarks.shape import Kind
from tests.benchmarks.wallets import draw, keyed, mix64, next64

P2PKH, P2SH, P2WPKH, P2WSH, P2TR = (int(kind) for kind in list(Kind)[:5])
_BYTE, _EIGHT = np.uint64(0xFF), np.uint64(8)
OP_DUP, OP_HASH160, OP_EQUALVERIFY, OP_CHECKSIG, OP_EQUAL, OP_RETURN = (
    0x76,
    0xA9,
    0x88,
    0xAC,
    0x87,
    0x6A,
)
OP_1, OP_2, OP_3, OP_CHECKMULTISIG = 0x51, 0x52, 0x53, 0xAE
MULTISIG_SCRIPT = 105
LEAF_SCRIPT = 34


@njit(cache=True)
def put_number(out: NDArray[np.uint8], at: int, value: int, size: int) -> int:
    """Little-endian integer of `size` bytes."""
    for i in range(size):
        out[at + i] = (value >> (8 * i)) & 0xFF
    return at + size


@njit(cache=True)
def put_compact(out: NDArray[np.uint8], at: int, value: int) -> int:
    """CompactSize."""
    if value < 0xFD:
        out[at] = value
        return at + 1
    if value <= 0xFFFF:
        out[at] = 0xFD
        return put_number(out, at + 1, value, 2)
    out[at] = 0xFE
    return put_number(out, at + 1, value, 4)


@njit(cache=True)
def put_varint(out: NDArray[np.uint8], at: int, value: int) -> int:
    """VARINT of Core's serialize.h: base 128, most significant first, less one in all but last."""
    size, rest = 1, value >> 7
    while rest > 0:
        size += 1
        rest = (rest - 1) >> 7
    out[at + size - 1] = value & 0x7F
    for i in range(size - 2, -1, -1):
        value = (value >> 7) - 1
        out[at + i] = (value & 0x7F) | 0x80
    return at + size


@njit(cache=True)
def compress_amount(value_sat: int) -> int:
    """CompressAmount of Core's compressor.cpp."""
    if value_sat == 0:
        return 0
    zeros = 0
    while zeros < 9 and value_sat % 10 == 0:
        value_sat //= 10
        zeros += 1
    if zeros == 9:
        return 1 + (value_sat - 1) * 10 + 9
    return 1 + (value_sat // 10 * 9 + value_sat % 10 - 1) * 10 + zeros


@njit(cache=True)
def put_word(out: NDArray[np.uint8], at: int, word: np.uint64, size: int) -> int:
    """The low `size` bytes of a word."""
    for i in range(size):
        out[at + i] = word & _BYTE
        word >>= _EIGHT
    return at + size


@njit(cache=True)
def put_eight(out: NDArray[np.uint8], at: int, word: np.uint64) -> int:
    """All eight bytes of a word; unrolled, so that it compiles to one store."""
    out[at] = word & _BYTE
    out[at + 1] = (word >> np.uint64(8)) & _BYTE
    out[at + 2] = (word >> np.uint64(16)) & _BYTE
    out[at + 3] = (word >> np.uint64(24)) & _BYTE
    out[at + 4] = (word >> np.uint64(32)) & _BYTE
    out[at + 5] = (word >> np.uint64(40)) & _BYTE
    out[at + 6] = (word >> np.uint64(48)) & _BYTE
    out[at + 7] = (word >> np.uint64(56)) & _BYTE
    return at + 8


@njit(cache=True)
def put_random(out: NDArray[np.uint8], at: int, size: int, rng: NDArray[np.uint64]) -> int:
    """Random bytes."""
    for _ in range(size // 8):
        at = put_eight(out, at, next64(rng))
    return put_word(out, at, next64(rng), size % 8)


@njit(cache=True)
def put_hash(out: NDArray[np.uint8], at: int, address: int, size: int, rng: NDArray[np.uint64]) -> int:
    """The hash or key that an address commits to."""
    key = keyed(rng, address)
    for i in range(size // 8):
        at = put_eight(out, at, mix64(key + np.uint64(i)))
    return put_word(out, at, mix64(key + np.uint64(9)), size % 8)


@njit(cache=True)
def put_witness_program(
    out: NDArray[np.uint8], at: int, kind: int, address: int, rng: NDArray[np.uint64]
) -> int:
    """Script of a segwit output, without its length."""
    size = 20 if kind == P2WPKH else 32
    out[at] = OP_1 if kind == P2TR else 0
    out[at + 1] = size
    return put_hash(out, at + 2, address, size, rng)


@njit(cache=True)
def put_script(out: NDArray[np.uint8], at: int, kind: int, address: int, rng: NDArray[np.uint64]) -> int:
    """Length and script of an output."""
    if kind == P2PKH:
        out[at], out[at + 1], out[at + 2], out[at + 3] = 25, OP_DUP, OP_HASH160, 20
        at = put_hash(out, at + 4, address, 20, rng)
        out[at], out[at + 1] = OP_EQUALVERIFY, OP_CHECKSIG
        return at + 2
    if kind == P2SH:
        out[at], out[at + 1], out[at + 2] = 23, OP_HASH160, 20
        at = put_hash(out, at + 3, address, 20, rng)
        out[at] = OP_EQUAL
        return at + 1
    out[at] = 22 if kind == P2WPKH else 34
    return put_witness_program(out, at + 1, kind, address, rng)


@njit(cache=True)
def put_undo_script(out: NDArray[np.uint8], at: int, kind: int, address: int, rng: NDArray[np.uint64]) -> int:
    """Script as undo data compresses it."""
    if kind in (P2PKH, P2SH):
        out[at] = 0 if kind == P2PKH else 1
        return put_hash(out, at + 1, address, 20, rng)
    out[at] = 22 + 6 if kind == P2WPKH else 34 + 6
    return put_witness_program(out, at + 1, kind, address, rng)


@njit(cache=True)
def put_undo_coin(
    out: NDArray[np.uint8],
    at: int,
    coin: NDArray[np.int64],
    rng: NDArray[np.uint64],
) -> int:
    """A spent output as CTxUndo holds it; `coin` is a row of `Wallets.coins`."""
    origin, address = coin[5], coin[6] & 0xFFFFFFFF
    at = put_varint(out, at, (origin >> 4) * 2 + (origin & 1))
    at = put_varint(out, at, 0)
    at = put_varint(out, at, compress_amount(coin[4]))
    return put_undo_script(out, at, (origin >> 1) & 7, address, rng)


@njit(cache=True)
def put_signature(out: NDArray[np.uint8], at: int, rng: NDArray[np.uint64]) -> int:
    """Length and a DER signature of 71 or 72 bytes with its hash type."""
    long_r = draw(rng, 2)
    out[at], out[at + 1], out[at + 2] = 71 + long_r, 0x30, 68 + long_r
    out[at + 3], out[at + 4] = 0x02, 32 + long_r
    at = put_random(out, at + 5, 32 + long_r, rng)
    out[at - 32 - long_r] = 0 if long_r else 0x35
    out[at], out[at + 1] = 0x02, 32
    at = put_random(out, at + 2, 32, rng)
    out[at - 32] &= 0x7F
    out[at] = 0x01
    return at + 1


@njit(cache=True)
def put_key(out: NDArray[np.uint8], at: int, rng: NDArray[np.uint64]) -> int:
    """Length and a compressed public key."""
    out[at], out[at + 1] = 33, 2 + draw(rng, 2)
    return put_random(out, at + 2, 32, rng)


@njit(cache=True)
def put_multisig(out: NDArray[np.uint8], at: int, rng: NDArray[np.uint64]) -> int:
    """A 2-of-3 script, without its length."""
    out[at] = OP_2
    at += 1
    for _ in range(3):
        at = put_key(out, at, rng)
    out[at], out[at + 1] = OP_3, OP_CHECKMULTISIG
    return at + 2


@njit(cache=True)
def put_multisig_spend(out: NDArray[np.uint8], at: int, is_witness: bool, rng: NDArray[np.uint64]) -> int:
    """Empty element, two signatures and a 2-of-3 script, as witness items or as pushes."""
    out[at] = 0
    at = put_signature(out, at + 1, rng)
    at = put_signature(out, at, rng)
    if not is_witness:
        out[at] = 0x4C
        at += 1
    out[at] = MULTISIG_SCRIPT
    return put_multisig(out, at + 1, rng)


@njit(cache=True)
def put_script_sig(out: NDArray[np.uint8], at: int, kind: int, nested: bool, rng: NDArray[np.uint64]) -> int:
    """Length and scriptSig; `nested` is P2WPKH within P2SH."""
    if kind == P2PKH:
        end = put_key(out, put_signature(out, at + 1, rng), rng)
        out[at] = end - at - 1
        return end
    if kind != P2SH:
        out[at] = 0
        return at + 1
    if nested:
        out[at], out[at + 1], out[at + 2], out[at + 3] = 23, 22, 0, 20
        return put_random(out, at + 4, 20, rng)
    size = put_multisig_spend(out, at + 3, False, rng) - at - 3
    start = put_compact(out, at, size)
    for i in range(start, start + size):
        out[i] = out[i - start + at + 3]
    return start + size


@njit(cache=True)
def put_witness(out: NDArray[np.uint8], at: int, kind: int, nested: bool, rng: NDArray[np.uint64]) -> int:
    """Witness stack of an input, its item count included."""
    if kind == P2WPKH or nested:
        out[at] = 2
        return put_key(out, put_signature(out, at + 1, rng), rng)
    if kind == P2WSH:
        out[at] = 4
        return put_multisig_spend(out, at + 1, True, rng)
    if kind == P2TR:
        return put_taproot_witness(out, at, rng)
    out[at] = 0
    return at + 1


@njit(cache=True)
def put_taproot_witness(out: NDArray[np.uint8], at: int, rng: NDArray[np.uint64]) -> int:
    """A key-path spend, or in one of ten inputs a script-path spend of one leaf."""
    script_path = draw(rng, 10) == 0
    out[at], out[at + 1] = (3 if script_path else 1), 64
    at = put_random(out, at + 2, 64, rng)
    if not script_path:
        return at
    out[at], out[at + 1] = LEAF_SCRIPT, 32
    at = put_random(out, at + 2, 32, rng)
    out[at], out[at + 1], out[at + 2] = OP_CHECKSIG, 33, 0xC0
    return put_random(out, at + 3, 32, rng)
