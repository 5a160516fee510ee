"""SHA-256 of many messages at once, sixteen side by side, on any processor.

Invariant: the digests equal `hashlib.sha256` (FIPS 180-4) for every message.
"""

from __future__ import annotations

import numpy as np

from etl.compiled.arrays import Bytes, Ints
from etl.compiled.sha256.lanes import double_hash_in_lanes, hash_in_lanes
from etl.compiled.sha256.parts import PADDING_ROOM, pad_spans


def sha256_padded(message: Bytes, start: Ints, *, double: bool) -> Bytes:
    """SHA-256 (twice if `double`) of padded messages (see etl.compiled.sha256.parts.pad): shape (n, 32).

    They lie one after the other in `message`; the last of `start` (n + 1,) is where the last one ends.
    """
    out = np.empty((len(start) - 1, 32), dtype=np.uint8)
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
    out = np.empty((len(start), 32), dtype=np.uint8)
    double_hash_in_lanes(data, start, out)
    return out
