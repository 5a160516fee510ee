"""Proof of work: the target of a header and what meeting it stands for."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from etl.compiled.arrays import Bytes, Flags, Ints

_HASHES = 1 << 256


@lru_cache(maxsize=4096)
def target(bits: int) -> int:
    """The number that a header's hash must not exceed (Core: arith_uint256::SetCompact)."""
    if bits & 0x800000:
        return 0  # a negative number
    exponent, mantissa = bits >> 24, bits & 0x7FFFFF
    return mantissa << 8 * (exponent - 3) if exponent > 3 else mantissa >> 8 * (3 - exponent)


def work(bits: int) -> int:
    """Hashes that meeting a target takes on average (Core: GetBlockProof)."""
    return _HASHES // (target(bits) + 1)


def header_bits(headers: Bytes) -> Ints:
    """The field `bits` of the headers (n, 80)."""
    return headers[:, 72:76].copy().view("<u4")[:, 0].astype(np.int64)


def meets_target(headers: Bytes, hashes: Bytes) -> Flags:
    """Which of the headers (n, 80) have a hash (n, 32), in internal byte order, within their own target."""
    bits = header_bits(headers)
    meets = np.zeros(len(headers), dtype=np.bool_)
    for value in np.unique(bits).tolist():
        rows = np.flatnonzero(bits == value)
        limit = target(value) if target(value) < _HASHES else 0
        limit_bytes = np.frombuffer(limit.to_bytes(32, "big"), dtype=np.uint8)
        difference = hashes[rows][:, ::-1].astype(np.int16) - limit_bytes
        first = (difference != 0).argmax(axis=1)
        meets[rows] = difference[np.arange(len(rows)), first] <= 0
    return meets
