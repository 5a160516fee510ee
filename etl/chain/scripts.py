"""What an output script is: its kind and the 64-bit id of the identity it pays.

Invariants:
- Kinds are those of Bitcoin Core's Solver (script/solver.cpp, release 31), P2TR and pay-to-anchor included.
- The id of an identity is XXH64 (seed 0) of its canonical script: the P2PKH script of HASH160 of the
  serialised key for P2PK, the script itself for everything else. So P2PK and P2PKH of one key share an id.
- With n identities the chance of any two sharing an id is about n^2 / 2^65: 6 % at 1.5 billion.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from etl.compiled import compiled, compiled_inner
from etl.compiled.arrays import Bytes, Ids, Ints
from etl.compiled.ripemd160 import ripemd160_digests
from etl.compiled.sha256 import sha256_spans
from etl.compiled.xxhash import xxh64

NONSTANDARD = 0
P2PKH = 1
P2SH = 2
P2WPKH = 3
P2WSH = 4
P2TR = 5
MULTISIG = 6
P2PK = 7
OP_RETURN = 8
ANCHOR = 9
WITNESS_UNKNOWN = 10

LAST_OWNABLE = P2PK
"""Kinds from P2PKH to this one can own; the rest takes part in sums alone."""

_MAX_MULTISIG_KEYS = 20


@compiled_inner
def _push_at(data, p, end):  # type: ignore[no-untyped-def]
    """(opcode, start of its data, length of its data, next position); next is -1 if cut off."""
    opcode = np.int64(data[p])
    p += 1
    if opcode > 78:
        return opcode, p, 0, p
    width = 0
    length = opcode
    if opcode > 75:
        width = 1 << int(opcode - 76)
        if p + width > end:
            return opcode, p, 0, -1
        length = np.int64(0)
        for k in range(width):
            length |= np.int64(data[p + k]) << (8 * k)
    p += width
    if p + length > end:
        return opcode, p, 0, -1
    return opcode, p, length, p + length


@compiled_inner
def _script_number(data, opcode, start, length):  # type: ignore[no-untyped-def]
    """Count given as OP_1 to OP_16 or as a minimal push of 17 to 127; -1 for anything else.

    Multisig counts end at 20, so a longer number or a negative one never counts.
    """
    if 81 <= opcode <= 96:
        return opcode - 80
    if opcode == 1 and length == 1 and 17 <= data[start] <= 127:
        return np.int64(data[start])
    return -1


@compiled_inner
def _is_key(data, start, length):  # type: ignore[no-untyped-def]
    """Core's CPubKey::ValidSize: the first byte fits the length."""
    if length == 33:
        return data[start] == 2 or data[start] == 3
    return length == 65 and (data[start] == 4 or data[start] == 6 or data[start] == 7)


@compiled_inner
def _is_multisig(data, start, end):  # type: ignore[no-untyped-def]
    if end - start < 3 or data[end - 1] != 174:
        return False
    opcode, at, length, p = _push_at(data, start, end)
    if p < 0:
        return False
    required = _script_number(data, opcode, at, length)
    if required < 1 or required > _MAX_MULTISIG_KEYS:
        return False
    keys = 0
    while p < end:
        opcode, at, length, p = _push_at(data, p, end)
        if p < 0:
            return False
        if not _is_key(data, at, length):
            break
        keys += 1
    total = _script_number(data, opcode, at, length)
    return required <= total <= _MAX_MULTISIG_KEYS and total == keys and p + 1 == end


@compiled_inner
def _witness_kind(data, s, n):  # type: ignore[no-untyped-def]
    """Kind of a witness program, -1 where the script is none."""
    version_opcode = data[s]
    if n < 4 or n > 42 or not (version_opcode == 0 or 81 <= version_opcode <= 96):
        return -1
    if data[s + 1] != n - 2:
        return -1
    if version_opcode == 0:
        if n == 22:
            return P2WPKH
        return P2WSH if n == 34 else NONSTANDARD
    if version_opcode == 81 and n == 34:
        return P2TR
    if version_opcode == 81 and n == 4 and data[s + 2] == 0x4E and data[s + 3] == 0x73:
        return ANCHOR
    return WITNESS_UNKNOWN


@compiled_inner
def script_kind(data, start, length):  # type: ignore[no-untyped-def]
    """Kind of the script `data[start : start + length]`."""
    s = start
    n = length
    if n == 0:
        return NONSTANDARD
    first = data[s]
    if n == 25 and first == 118 and data[s + 1] == 169 and data[s + 2] == 20:
        if data[s + 23] == 136 and data[s + 24] == 172:
            return P2PKH
    elif n == 23 and first == 169 and data[s + 1] == 20 and data[s + 22] == 135:
        return P2SH
    witness = _witness_kind(data, s, n)
    if witness >= 0:
        return witness
    if first == 106:
        return OP_RETURN
    if (n == 35 or n == 67) and first == n - 2 and data[s + n - 1] == 172:
        return P2PK if _is_key(data, s + 1, n - 2) else NONSTANDARD
    return MULTISIG if _is_multisig(data, s, s + n) else NONSTANDARD


@compiled
def _identify(scripts, offset, kind, address_id):  # type: ignore[no-untyped-def]
    keys = 0
    for i in range(kind.size):
        start = offset[i]
        length = offset[i + 1] - start
        kind[i] = script_kind(scripts, start, length)
        if kind[i] == P2PK:
            keys += 1
        else:
            address_id[i] = xxh64(scripts, start, length)
    return keys


@compiled
def _hash_rows(rows, out):  # type: ignore[no-untyped-def]
    flat = rows.reshape(-1)
    for i in range(rows.shape[0]):
        out[i] = xxh64(flat, i * rows.shape[1], rows.shape[1])


def p2pkh_scripts(key_hash: Bytes) -> Bytes:
    """P2PKH scripts (n, 25) of the key hashes (n, 20)."""
    scripts = np.empty((len(key_hash), 25), dtype=np.uint8)
    scripts[:, :3] = (0x76, 0xA9, 0x14)
    scripts[:, 3:23] = key_hash
    scripts[:, 23:] = (0x88, 0xAC)
    return scripts


@compiled
def _kinds(scripts, offset, kind):  # type: ignore[no-untyped-def]
    for i in range(kind.size):
        kind[i] = script_kind(scripts, offset[i], offset[i + 1] - offset[i])


def kinds_of(scripts: Bytes, offset: Ints) -> Bytes:
    """Kind of each script `scripts[offset[i] : offset[i + 1]]`."""
    kind = np.empty(len(offset) - 1, dtype=np.uint8)
    _kinds(scripts, offset, kind)
    return kind


def key_hashes(scripts: Bytes, offset: Ints, rows: npt.NDArray[np.intp]) -> Bytes:
    """HASH160 (n, 20) of the keys in the P2PK scripts with these rows."""
    start = offset[rows] + 1
    length = offset[rows + 1] - offset[rows] - 2
    return ripemd160_digests(sha256_spans(scripts, start, length, double=False))


def _key_ids(scripts: Bytes, offset: Ints, rows: npt.NDArray[np.intp]) -> Ids:
    ids = np.empty(len(rows), dtype=np.uint64)
    _hash_rows(p2pkh_scripts(key_hashes(scripts, offset, rows)), ids)
    return ids


def identify(scripts: Bytes, offset: Ints) -> tuple[Bytes, Ids]:
    """Kind and id of each script `scripts[offset[i] : offset[i + 1]]`: two arrays of len(offset) - 1."""
    n = len(offset) - 1
    kind = np.empty(n, dtype=np.uint8)
    address_id = np.empty(n, dtype=np.uint64)
    if _identify(scripts, offset, kind, address_id):
        rows = np.flatnonzero(kind == P2PK)
        address_id[rows] = _key_ids(scripts, offset, rows)
    return kind, address_id
