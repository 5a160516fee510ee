"""What computing SHA-256 (FIPS 180-4) of many messages needs: its constants, padding, an order by length.

The constants are the first 32 fractional bits of roots of the first primes.
"""

from __future__ import annotations

import math

import numpy as np
from numba import uint8, uint64

from etl.compiled import compiled, compiled_inner

BLOCK = 64
"""Bytes that are hashed at a time."""

PADDING_ROOM = BLOCK + 8
"""Padding adds less than so many bytes."""

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
def in_order_of_blocks(start):  # type: ignore[no-untyped-def]
    """Messages sorted by their number of blocks, and these numbers; `start` (n + 1,) is where each of the
    padded messages begins, and the last one ends."""
    n = start.size - 1
    most = 0
    for i in range(n):
        most = max(most, (start[i + 1] - start[i]) // BLOCK)
    first = np.zeros(most + 2, np.int64)
    for i in range(n):
        first[(start[i + 1] - start[i]) // BLOCK + 1] += 1
    for i in range(1, most + 2):
        first[i] += first[i - 1]
    order = np.empty(n, np.int64)
    blocks = np.empty(n, np.int64)
    for i in range(n):
        count = (start[i + 1] - start[i]) // BLOCK
        order[first[count]] = i
        blocks[first[count]] = count
        first[count] += 1
    return order, blocks


@compiled_inner
def pad(data, start, end):  # type: ignore[no-untyped-def]
    """Write what follows a message `data[start:end]`: a one bit, zeros, its length in bits.

    Returns where the padded message ends. Writes PADDING_ROOM bytes, so the next message comes after.
    """
    p = uint64(end)
    for k in range(uint64(PADDING_ROOM)):
        data[p + k] = 0
    data[p] = 0x80
    length = end - start
    padded_end = start + ((length + PADDING_ROOM) // BLOCK) * BLOCK
    bits = uint64(8 * length)
    last = uint64(padded_end - 1)
    for k in range(uint64(8)):
        data[last - k] = uint8(bits >> uint64(8 * k))
    return padded_end


@compiled
def pad_spans(data, start, length, message, message_start):  # type: ignore[no-untyped-def]
    """Copy `data[start[i] : start[i] + length[i]]` into `message`, each padded."""
    at = 0
    for i in range(start.size):
        message_start[i] = at
        p = uint64(start[i])
        q = uint64(at)
        for k in range(uint64(length[i])):
            message[q + k] = data[p + k]
        at = pad(message, at, at + length[i])
    message_start[start.size] = at
