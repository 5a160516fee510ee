"""SHA-256 of many messages at once, by the fastest way that the processor has.

Invariant: the digests equal `hashlib.sha256` (FIPS 180-4) for every message.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from etl.compiled.sha256 import x86
from etl.compiled.sha256.lanes import double_hash_in_lanes, hash_in_lanes
from etl.compiled.sha256.pairs import hash_in_pairs
from etl.compiled.sha256.parts import BLOCK, PADDING_ROOM, pad_spans
from etl.compiled.sha256.vectors import HAS_WIDE_REGISTERS

BY_PAIRS = x86.AVAILABLE and not HAS_WIDE_REGISTERS
"""Whether the processor's own instructions for two messages are faster than sixteen lanes."""

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


def sha256_padded(message: Bytes, start: Ints, *, double: bool) -> Bytes:
    """SHA-256 (twice if `double`) of padded messages (see sha256_parts.pad): shape (n, 32).

    They lie one after the other in `message`; the last of `start` (n + 1,) is where the last one ends.
    """
    out = np.empty((len(start) - 1, 32), dtype=np.uint8)
    if BY_PAIRS:
        hash_in_pairs(message, start, double, x86.START, x86.PLACE, out.view(np.uint32))
    else:
        hash_in_lanes(message, start, double, out)
    return out


def sha256_spans(data: Bytes, start: Ints, length: Ints, *, double: bool) -> Bytes:
    """SHA-256 (twice if `double`) of `data[start[i] : start[i] + length[i]]`: shape (n, 32)."""
    message = np.empty(int(length.sum()) + len(start) * PADDING_ROOM, dtype=np.uint8)
    message_start = np.empty(len(start) + 1, dtype=np.int64)
    pad_spans(data, start, length, message, message_start)
    return sha256_padded(message, message_start, double=double)


def double_sha256_blocks(data: Bytes, start: Ints) -> Bytes:
    """SHA-256, twice, of the 64 bytes from each `start[i]` on: shape (n, 32)."""
    if BY_PAIRS:
        return sha256_spans(data, start, np.full(len(start), BLOCK, dtype=np.int64), double=True)
    out = np.empty((len(start), 32), dtype=np.uint8)
    double_hash_in_lanes(data, start, out)
    return out
