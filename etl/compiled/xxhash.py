"""XXH64, the hash that address ids are made of (xxHash specification 0.1.1, seed 0)."""

from __future__ import annotations

import numpy as np
from numba import uint64

from etl.compiled import compiled_inner

_P1 = np.uint64(0x9E3779B185EBCA87)
_P2 = np.uint64(0xC2B2AE3D27D4EB4F)
_P3 = np.uint64(0x165667B19E3779F9)
_P4 = np.uint64(0x85EBCA77C2B2AE63)
_P5 = np.uint64(0x27D4EB2F165667C5)


@compiled_inner
def _rotate(x, n):  # type: ignore[no-untyped-def]
    return uint64((x << uint64(n)) | (x >> uint64(64 - n)))


@compiled_inner
def word(data, p, count):  # type: ignore[no-untyped-def]
    """Little-endian integer of `count` bytes at `p`."""
    found = uint64(0)
    for k in range(count):
        found |= uint64(data[uint64(p) + uint64(k)]) << uint64(8 * k)
    return found


@compiled_inner
def _lane(accumulator, word):  # type: ignore[no-untyped-def]
    return uint64(_rotate(uint64(accumulator + uint64(word * _P2)), 31) * _P1)


@compiled_inner
def xxh64(data, start, length):  # type: ignore[no-untyped-def]
    """XXH64 of `data[start : start + length]`."""
    p = start
    left = length
    if length >= 32:
        a = uint64(_P1 + _P2)
        b = _P2
        c = uint64(0)
        d = uint64(uint64(0) - _P1)
        while left >= 32:
            a = _lane(a, word(data, p, 8))
            b = _lane(b, word(data, p + 8, 8))
            c = _lane(c, word(data, p + 16, 8))
            d = _lane(d, word(data, p + 24, 8))
            p += 32
            left -= 32
        h = uint64(_rotate(a, 1) + _rotate(b, 7) + _rotate(c, 12) + _rotate(d, 18))
        h = uint64(uint64((h ^ _lane(uint64(0), a)) * _P1) + _P4)
        h = uint64(uint64((h ^ _lane(uint64(0), b)) * _P1) + _P4)
        h = uint64(uint64((h ^ _lane(uint64(0), c)) * _P1) + _P4)
        h = uint64(uint64((h ^ _lane(uint64(0), d)) * _P1) + _P4)
    else:
        h = _P5
    h = uint64(h + uint64(length))
    while left >= 8:
        h = uint64(uint64(_rotate(h ^ _lane(uint64(0), word(data, p, 8)), 27) * _P1) + _P4)
        p += 8
        left -= 8
    if left >= 4:
        h = uint64(uint64(_rotate(h ^ uint64(word(data, p, 4) * _P1), 23) * _P2) + _P3)
        p += 4
        left -= 4
    while left > 0:
        h = uint64(_rotate(h ^ uint64(uint64(data[p]) * _P5), 11) * _P1)
        p += 1
        left -= 1
    h = uint64((h ^ (h >> uint64(33))) * _P2)
    h = uint64((h ^ (h >> uint64(29))) * _P3)
    return uint64(h ^ (h >> uint64(32)))
