"""What every way to compute SHA-256 (FIPS 180-4) needs: its constants, and messages in order of length.

The constants are the first 32 fractional bits of roots of the first primes.
"""

from __future__ import annotations

import math

import numpy as np

from etl.jit import compiled

_MASK = 0xFFFFFFFF


def _first_primes(count: int) -> list[int]:
    primes: list[int] = []
    candidate = 2
    while len(primes) < count:
        if all(candidate % prime for prime in primes):
            primes.append(candidate)
        candidate += 1
    return primes


def _cube_root(value: int) -> int:
    low, high = 0, 1 << 40
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= value else (low, middle - 1)
    return low


ROUND_KEYS = np.array([_cube_root(p << 96) & _MASK for p in _first_primes(64)], dtype=np.uint32)
"""(64,), of cube roots"""

INITIAL = np.array([math.isqrt(p << 64) & _MASK for p in _first_primes(8)], dtype=np.uint32)
"""(8,), of square roots"""


@compiled
def in_order_of_blocks(length):  # type: ignore[no-untyped-def]
    """Indices of the spans, sorted by padded block count, and those counts."""
    n = length.size
    blocks = np.empty(n, np.int64)
    most = 0
    for i in range(n):
        blocks[i] = (length[i] + 72) >> 6
        most = max(most, blocks[i])
    first = np.zeros(most + 2, np.int64)
    for i in range(n):
        first[blocks[i] + 1] += 1
    for i in range(1, most + 2):
        first[i] += first[i - 1]
    order = np.empty(n, np.int64)
    for i in range(n):
        order[first[blocks[i]]] = i
        first[blocks[i]] += 1
    return order, blocks
