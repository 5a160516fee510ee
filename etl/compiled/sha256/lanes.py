"""SHA-256 of many padded messages, sixteen side by side (see etl.compiled.sha256.vectors).

Invariant: messages of nearly as many blocks share the lanes; lanes left over do the last one's work again.
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from etl.compiled import compiled
from etl.compiled.prefetch import prefetch
from etl.compiled.sha256.parts import in_order_of_blocks
from etl.compiled.sha256.vectors import LANES, begin, compress, double_hash_blocks, finish, finish_double

_DIGEST = 32


@compiled
def hash_in_lanes(message, start, double, out):  # type: ignore[no-untyped-def]
    """Digests of the padded messages that begin at `start[:-1]` into `out` (n, 32)."""
    order, blocks = in_order_of_blocks(start)
    state = np.empty((8, LANES), np.uint32)
    block_at = np.empty(LANES, np.uint64)
    left = np.empty(LANES, np.int32)
    digest_at = np.empty(LANES, np.uint64)
    message_at, out_at = uint64(message.ctypes.data), uint64(out.ctypes.data)
    state_at, blocks_at = uint64(state.ctypes.data), uint64(block_at.ctypes.data)
    left_at, digests_at = uint64(left.ctypes.data), uint64(digest_at.ctypes.data)
    for at in range(0, order.size, LANES):
        last = min(at + LANES, order.size) - 1
        for lane in range(LANES):
            one = min(at + lane, last)
            left[lane] = blocks[one]
            block_at[lane] = message_at + uint64(start[order[one]])
            digest_at[lane] = out_at + uint64(_DIGEST * order[one])
        for following in range(last + 1, min(last + 1 + LANES, order.size)):
            prefetch(message, start[order[following]])
        begin(state_at)
        for _ in range(blocks[last]):
            compress(state_at, blocks_at, left_at)
        if double:
            finish_double(state_at, digests_at)
        else:
            finish(state_at, digests_at)


@compiled
def double_hash_in_lanes(data, start, out):  # type: ignore[no-untyped-def]
    """SHA256(SHA256(.)) of `data[start[i] : start[i] + 64]` into `out` (n, 32)."""
    block_at = np.empty(LANES, np.uint64)
    digest_at = np.empty(LANES, np.uint64)
    data_at, out_at = uint64(data.ctypes.data), uint64(out.ctypes.data)
    blocks_at, digests_at = uint64(block_at.ctypes.data), uint64(digest_at.ctypes.data)
    for at in range(0, start.size, LANES):
        for lane in range(LANES):
            span = min(at + lane, start.size - 1)
            block_at[lane] = data_at + uint64(start[span])
            digest_at[lane] = out_at + uint64(_DIGEST * span)
        double_hash_blocks(blocks_at, digests_at)
