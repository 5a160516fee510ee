"""The three integer encodings of Bitcoin Core's files, read at a position of a byte array.

Every reader returns (value, next position); a next position of -1 says that the bytes end too early
or that no writer makes such a value. Sources: Bitcoin Core's serialize.h (CompactSize, VARINT) and
compressor.cpp (amounts), release 31.
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from etl.compiled import compiled_inner

_MAX_COMPACT_SIZE = 0x02000000


@compiled_inner
def little_endian(data, p, count):  # type: ignore[no-untyped-def]
    """Unsigned integer of `count` bytes at `p`; the caller has checked that they exist."""
    value = uint64(0)
    for k in range(count):
        value |= uint64(data[uint64(p) + uint64(k)]) << uint64(8 * k)
    return np.int64(value)


@compiled_inner
def compact_size(data, p, end):  # type: ignore[no-untyped-def]
    """CompactSize at `p`, at most 32 MiB as Core allows for a size."""
    if p < 0 or p >= end:
        return 0, -1
    first = np.int64(data[p])
    if first < 253:
        return first, p + 1
    width = 1 << (first - 252)
    if p + 1 + width > end:
        return 0, -1
    value = little_endian(data, p + 1, width)
    if value < 0 or value > _MAX_COMPACT_SIZE:
        return 0, -1
    return value, p + 1 + width


@compiled_inner
def varint(data, p, end):  # type: ignore[no-untyped-def]
    """VARINT (base 128, most significant first, one subtracted from every digit but the last)."""
    value = np.int64(0)
    while p >= 0:
        if p >= end or value > (np.int64(1) << 55):
            return 0, -1
        byte = np.int64(data[p])
        p += 1
        value = (value << 7) | (byte & 127)
        if byte < 128:
            return value, p
        value += 1
    return 0, -1


@compiled_inner
def decompress_amount(code):  # type: ignore[no-untyped-def]
    """Satoshis of a compressed amount."""
    if code == 0:
        return np.int64(0)
    code -= 1
    exponent = code % 10
    code //= 10
    if exponent < 9:
        digit = code % 9 + 1
        amount = (code // 9) * 10 + digit
    else:
        amount = code + 1
    for _ in range(exponent):
        amount *= 10
    return amount
