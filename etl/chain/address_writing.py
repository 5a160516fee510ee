"""Scripts to addresses, many at a time.

Invariant: P2PKH, P2SH, P2PK (as P2PKH of its key), P2WPKH, P2WSH and P2TR become the network's address;
everything else becomes `script:<hex>`, this project's own form.
Sources: BIP 13 (base58check), BIP 173 (bech32), BIP 350 (bech32m).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from etl.chain.networks import Network
from etl.chain.scripts import P2PK, P2PKH, P2SH, P2TR, P2WPKH, P2WSH, key_hashes, kinds_of
from etl.compiled import compiled, compiled_inner
from etl.compiled.arrays import Bytes, Ints
from etl.compiled.sha256 import sha256_spans

SCRIPT_PREFIX = "script:"

_BASE58 = np.frombuffer(b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", dtype=np.uint8)
_BECH32 = np.frombuffer(b"qpzry9x8gf2tvdw0s3jn54khce6mua7l", dtype=np.uint8)
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_GENERATORS = np.array([0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3], dtype=np.int64)
_BECH32_CONSTANT = 1
_BECH32M_CONSTANT = 0x2BC830A3
_BASE58_DIGITS = 35
"""the most that 25 bytes take"""


@compiled_inner
def _write_base58(payload, row, digits, out, at):  # type: ignore[no-untyped-def]
    """Write the 25 bytes of `payload[row]` in base 58; returns the next position."""
    used = 0
    zeros = 0
    for k in range(25):
        carry = np.int64(payload[row, k])
        if carry == 0 and used == 0:
            zeros += 1
        for d in range(used):
            carry += np.int64(digits[d]) << 8
            digits[d] = carry % 58
            carry //= 58
        while carry > 0:
            digits[used] = carry % 58
            carry //= 58
            used += 1
    for _ in range(zeros):
        out[at] = _BASE58[0]
        at += 1
    for d in range(used - 1, -1, -1):
        out[at] = _BASE58[digits[d]]
        at += 1
    return at


@compiled_inner
def _polymod(checksum, value):  # type: ignore[no-untyped-def]
    top = checksum >> 25
    checksum = (checksum & 0x1FFFFFF) << 5 ^ value
    for bit in range(5):
        if top >> bit & 1:
            checksum ^= _GENERATORS[bit]
    return checksum


@compiled_inner
def _write_bech32(script, start, length, prefix, version, constant, out, at):  # type: ignore[no-untyped-def]
    """Write the address of the program `script[start : start + length]`; returns the next position."""
    checksum = np.int64(1)
    for k in range(prefix.size):
        checksum = _polymod(checksum, np.int64(prefix[k]) >> 5)
        out[at + k] = prefix[k]
    checksum = _polymod(checksum, 0)
    for k in range(prefix.size):
        checksum = _polymod(checksum, np.int64(prefix[k]) & 31)
    at += prefix.size
    out[at] = 49
    out[at + 1] = _BECH32[version]
    at += 2
    checksum = _polymod(checksum, version)
    number = np.int64(0)
    bits = 0
    for k in range(length):
        number = (number << 8 | np.int64(script[start + k])) & 0xFFF
        bits += 8
        while bits >= 5:
            bits -= 5
            value = number >> bits & 31
            checksum = _polymod(checksum, value)
            out[at] = _BECH32[value]
            at += 1
    if bits:
        value = number << (5 - bits) & 31
        checksum = _polymod(checksum, value)
        out[at] = _BECH32[value]
        at += 1
    for _ in range(6):
        checksum = _polymod(checksum, 0)
    checksum ^= constant
    for k in range(6):
        out[at] = _BECH32[checksum >> (5 * (5 - k)) & 31]
        at += 1
    return at


@compiled_inner
def _write_hex(script, start, length, label, out, at):  # type: ignore[no-untyped-def]
    """Write `label` and the script in hex; returns the next position."""
    for k in range(label.size):
        out[at + k] = label[k]
    at += label.size
    for k in range(length):
        byte = np.int64(script[start + k])
        out[at] = _HEX[byte >> 4]
        out[at + 1] = _HEX[byte & 15]
        at += 2
    return at


@compiled
def _write_all(script, offset, kind, payload, prefix, label, out, out_offset):  # type: ignore[no-untyped-def]
    """Write the text of every script; `payload` has a row for each that takes base 58, in order."""
    digits = np.empty(_BASE58_DIGITS + 1, np.int64)
    row = 0
    at = 0
    for i in range(kind.size):
        out_offset[i] = at
        start = offset[i]
        length = offset[i + 1] - start
        if kind[i] == P2PKH or kind[i] == P2SH or kind[i] == P2PK:
            at = _write_base58(payload, row, digits, out, at)
            row += 1
        elif kind[i] == P2WPKH or kind[i] == P2WSH:
            at = _write_bech32(script, start + 2, length - 2, prefix, 0, _BECH32_CONSTANT, out, at)
        elif kind[i] == P2TR:
            at = _write_bech32(script, start + 2, length - 2, prefix, 1, _BECH32M_CONSTANT, out, at)
        else:
            at = _write_hex(script, start, length, label, out, at)
    out_offset[kind.size] = at


def _payloads(script: Bytes, offset: Ints, kind: Bytes, network: Network) -> Bytes:
    """Version byte, hash and checksum (n, 25) of the scripts that take base 58."""
    rows = np.flatnonzero((kind == P2PKH) | (kind == P2SH) | (kind == P2PK))
    payload = np.empty((len(rows), 25), dtype=np.uint8)
    kinds = kind[rows]
    payload[:, 0] = np.where(kinds == P2SH, network.p2sh_prefix, network.p2pkh_prefix)
    for wanted, skip in ((P2PKH, 3), (P2SH, 2)):
        at = np.flatnonzero(kinds == wanted)
        payload[at, 1:21] = script[offset[rows[at], None] + skip + np.arange(20)]
    keys = np.flatnonzero(kinds == P2PK)
    payload[keys, 1:21] = key_hashes(script, offset, rows[keys])
    head = np.ascontiguousarray(payload[:, :21]).reshape(-1)
    start = np.arange(len(rows), dtype=np.int64) * 21
    sums = sha256_spans(head, start, np.full(len(rows), 21, dtype=np.int64), double=True)
    payload[:, 21:] = sums[:, :4]
    return payload


def address_texts(script: Bytes, offset: Ints, network: Network) -> pa.Array:
    """Identity of each script `script[offset[i] : offset[i + 1]]` as text: strings (n,)."""
    kind = kinds_of(script, offset)
    prefix = np.frombuffer(network.bech32_prefix.encode(), dtype=np.uint8)
    label = np.frombuffer(SCRIPT_PREFIX.encode(), dtype=np.uint8)
    longest = 100 * len(kind) + 2 * int(offset[-1] - offset[0])
    out = np.empty(longest, dtype=np.uint8)
    out_offset = np.empty(len(kind) + 1, dtype=np.int64)
    payload = _payloads(script, offset, kind, network)
    _write_all(script, offset, kind, payload, prefix, label, out, out_offset)
    return pa.Array.from_buffers(
        pa.large_string(),
        len(kind),
        [None, pa.py_buffer(out_offset), pa.py_buffer(out[: int(out_offset[-1])].copy())],
    ).cast(pa.string())
