"""Double SHA-256 in compiled code, for transaction ids that the next transaction needs at once.

Invariants: every buffer that is hashed has 72 spare bytes after its content, which the padding
overwrites; `work` is a uint32 array of `WORK_SIZE` that belongs to one thread.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

SPARE_BYTES = 72
WORK_SIZE = 8 + 64


def _fractions(power: float, count: int) -> NDArray[np.uint32]:
    """First 32 bits of the fractional parts of the primes' roots, as FIPS 180-4 defines them."""
    primes = [n for n in range(2, 312) if all(n % d for d in range(2, int(n**0.5) + 1))]
    root = {0.5: 2, 1 / 3: 3}[power]
    return np.array([_root_bits(p, root) for p in primes[:count]], dtype=np.uint32)


def _root_bits(prime: int, root: int) -> int:
    """floor(prime ** (1 / root) * 2**32) mod 2**32 in exact integers."""
    target, low, high = prime << (32 * root), 0, 1 << 40
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**root <= target else (low, middle)
    return low & 0xFFFFFFFF


_START = _fractions(0.5, 8)
_ROUND = _fractions(1 / 3, 64)


@njit(cache=True)
def _rotate(x: np.uint32, bits: int) -> np.uint32:
    return np.uint32((x >> np.uint32(bits)) | (x << np.uint32(32 - bits)))


@njit(cache=True)
def _schedule(data: NDArray[np.uint8], at: int, words: NDArray[np.uint32]) -> None:
    for i in range(16):
        p = at + 4 * i
        words[i] = np.uint32(
            (np.uint32(data[p]) << np.uint32(24))
            | (np.uint32(data[p + 1]) << np.uint32(16))
            | (np.uint32(data[p + 2]) << np.uint32(8))
            | np.uint32(data[p + 3])
        )
    for i in range(16, 64):
        x, y = words[i - 15], words[i - 2]
        low = _rotate(x, 7) ^ _rotate(x, 18) ^ np.uint32(x >> np.uint32(3))
        high = _rotate(y, 17) ^ _rotate(y, 19) ^ np.uint32(y >> np.uint32(10))
        words[i] = np.uint32(words[i - 16] + low + words[i - 7] + high)


@njit(cache=True)
def _compress(data: NDArray[np.uint8], at: int, work: NDArray[np.uint32]) -> None:
    words = work[8:]
    _schedule(data, at, words)
    a, b, c, d = work[0], work[1], work[2], work[3]
    e, f, g, h = work[4], work[5], work[6], work[7]
    for i in range(64):
        mixed = _rotate(e, 6) ^ _rotate(e, 11) ^ _rotate(e, 25)
        chosen = np.uint32((e & f) ^ (~e & g))
        first = np.uint32(h + mixed + chosen + _ROUND[i] + words[i])
        mixed = _rotate(a, 2) ^ _rotate(a, 13) ^ _rotate(a, 22)
        second = np.uint32(mixed + np.uint32((a & b) ^ (a & c) ^ (b & c)))
        h, g, f, e = g, f, e, np.uint32(d + first)
        d, c, b, a = c, b, a, np.uint32(first + second)
    work[0] += a
    work[1] += b
    work[2] += c
    work[3] += d
    work[4] += e
    work[5] += f
    work[6] += g
    work[7] += h


@njit(cache=True)
def _digest(data: NDArray[np.uint8], start: int, length: int, work: NDArray[np.uint32]) -> None:
    """Leave the SHA-256 state of data[start : start + length] in work[:8]."""
    end = start + length
    padded = (length + 9 + 63) // 64 * 64
    data[end] = 0x80
    for i in range(end + 1, start + padded - 8):
        data[i] = 0
    for i in range(8):
        data[start + padded - 1 - i] = (length * 8 >> (8 * i)) & 0xFF
    for i in range(8):
        work[i] = _START[i]
    for at in range(start, start + padded, 64):
        _compress(data, at, work)


@njit(cache=True)
def _store(work: NDArray[np.uint32], out: NDArray[np.uint8]) -> None:
    for i in range(8):
        word = work[i]
        for j in range(4):
            out[4 * i + j] = (word >> np.uint32(24 - 8 * j)) & np.uint32(0xFF)


@njit(cache=True)
def sha256d(
    data: NDArray[np.uint8],
    start: int,
    length: int,
    out: NDArray[np.uint8],
    work: NDArray[np.uint32],
    scratch: NDArray[np.uint8],
) -> None:
    """Write SHA256(SHA256(data[start : start + length])) to `out`; `scratch` has 128 bytes."""
    _digest(data, start, length, work)
    _store(work, scratch)
    _digest(scratch, 0, 32, work)
    _store(work, out)


@njit(cache=True)
def merkle_root(
    level: NDArray[np.uint8],
    count: int,
    work: NDArray[np.uint32],
    scratch: NDArray[np.uint8],
) -> None:
    """Reduce the first `count` rows of `level` (n + 1, 32) in place; the root is row 0."""
    pair = np.empty(64 + SPARE_BYTES, np.uint8)
    while count > 1:
        if count % 2:
            level[count] = level[count - 1]
            count += 1
        for i in range(count // 2):
            pair[:32] = level[2 * i]
            pair[32:64] = level[2 * i + 1]
            sha256d(pair, 0, 64, level[i], work, scratch)
        count //= 2
