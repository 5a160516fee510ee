"""RIPEMD-160 of 32-byte digests, the outer half of HASH160; hashlib may lack it (OpenSSL 3)."""

from __future__ import annotations

import numpy as np
from numba import uint32

from etl.compiled import compiled
from etl.compiled.arrays import Bytes, Ints

# Dobbertin, Bosselaers, Preneel 1996: word order and rotation of the left and the right line.
_RHO = [7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8]
_SHIFTS = [
    [11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8],
    [12, 13, 11, 15, 6, 9, 9, 7, 12, 15, 11, 13, 7, 8, 7, 7],
    [13, 15, 14, 11, 7, 7, 6, 8, 13, 14, 13, 12, 5, 5, 6, 9],
    [14, 11, 12, 14, 8, 6, 5, 5, 15, 12, 15, 14, 9, 9, 8, 6],
    [15, 12, 13, 13, 9, 5, 8, 6, 14, 11, 12, 11, 8, 6, 5, 5],
]


def _word_orders() -> tuple[Ints, Ints]:
    left, right = list(range(16)), [(9 * i + 5) % 16 for i in range(16)]
    orders: tuple[list[int], list[int]] = ([], [])
    for _ in range(5):
        orders[0].extend(left)
        orders[1].extend(right)
        left, right = [_RHO[i] for i in left], [_RHO[i] for i in right]
    return np.array(orders[0]), np.array(orders[1])


_LEFT, _RIGHT = _word_orders()
_LEFT_SHIFT = np.array([_SHIFTS[t // 16][_LEFT[t]] for t in range(80)])
_RIGHT_SHIFT = np.array([_SHIFTS[t // 16][_RIGHT[t]] for t in range(80)])
_LEFT_KEY = np.array([0, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E], dtype=np.uint32)
_RIGHT_KEY = np.array([0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0], dtype=np.uint32)
_INITIAL = np.array([0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0], dtype=np.uint32)


@compiled
def _mix(step, x, y, z):  # type: ignore[no-untyped-def]
    if step == 0:
        return uint32(x ^ y ^ z)
    if step == 1:
        return uint32((x & y) | (~x & z))
    if step == 2:
        return uint32((x | ~y) ^ z)
    if step == 3:
        return uint32((x & z) | (y & ~z))
    return uint32(x ^ (y | ~z))


@compiled
def _rotate(x, n):  # type: ignore[no-untyped-def]
    return uint32(uint32(x << uint32(n)) | uint32(x >> uint32(32 - n)))


@compiled
def _line(words, order, shift, keys, mirrored, initial):  # type: ignore[no-untyped-def]
    a, b, c, d, e = initial[0], initial[1], initial[2], initial[3], initial[4]
    for t in range(80):
        step = 4 - t // 16 if mirrored else t // 16
        mixed = uint32(a + _mix(step, b, c, d) + words[order[t]] + keys[t // 16])
        a, e, d, c, b = e, d, _rotate(c, 10), b, uint32(_rotate(mixed, shift[t]) + e)
    return a, b, c, d, e


@compiled
def _hash_digests(  # type: ignore[no-untyped-def]
    digests, initial, left, left_shift, left_key, right, right_shift, right_key, out
):
    words = np.zeros(16, np.uint32)
    words[8] = uint32(0x80)
    words[14] = uint32(256)
    for i in range(digests.shape[0]):
        for w in range(8):
            words[w] = uint32(
                uint32(digests[i, 4 * w])
                | (uint32(digests[i, 4 * w + 1]) << uint32(8))
                | (uint32(digests[i, 4 * w + 2]) << uint32(16))
                | (uint32(digests[i, 4 * w + 3]) << uint32(24))
            )
        a, b, c, d, e = _line(words, left, left_shift, left_key, False, initial)
        p, q, r, s, t = _line(words, right, right_shift, right_key, True, initial)
        h = (
            uint32(initial[1] + c + s),
            uint32(initial[2] + d + t),
            uint32(initial[3] + e + p),
            uint32(initial[4] + a + q),
            uint32(initial[0] + b + r),
        )
        for w in range(5):
            for k in range(4):
                out[i, 4 * w + k] = (h[w] >> uint32(8 * k)) & uint32(255)


def ripemd160_digests(digests: Bytes) -> Bytes:
    """RIPEMD-160 of each 32-byte row of `digests`: shape (n, 20)."""
    out = np.empty((len(digests), 20), dtype=np.uint8)
    _hash_digests(digests, _INITIAL, _LEFT, _LEFT_SHIFT, _LEFT_KEY, _RIGHT, _RIGHT_SHIFT, _RIGHT_KEY, out)
    return out
