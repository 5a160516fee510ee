"""Checksums of the blocks that a file is made of."""

from __future__ import annotations

import numpy as np

from etl.compiled import compiled
from etl.compiled.xxhash import xxh64


@compiled
def block_sums(data, block_bytes):  # type: ignore[no-untyped-def]
    """XXH64 of each `block_bytes` bytes of `data`, the last of which may be fewer: (blocks,)."""
    blocks = (data.size + block_bytes - 1) // block_bytes
    sums = np.empty(blocks, np.uint64)
    for block in range(blocks):
        start = block * block_bytes
        sums[block] = xxh64(data, start, min(block_bytes, data.size - start))
    return sums
