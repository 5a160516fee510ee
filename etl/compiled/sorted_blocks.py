"""Files of sorted records in blocks with checksums, as compiled code sees them.

Invariant: a record begins with its id, a little-endian word; no record of a block is looked at before the
block's bytes were held against its checksum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from etl.compiled import compiled, compiled_inner
from etl.compiled.xxhash import word, xxh64


class Blocks(NamedTuple):
    """Blocks that were read, one after another, of consecutive ones of which some were left out."""

    data: npt.NDArray[np.uint8]
    record_bytes: int
    block_bytes: int
    first: int
    """number of the first one"""
    slot: npt.NDArray[np.int64]
    """by number, from `first` on: which of the blocks in `data` it is"""
    sums: npt.NDArray[np.uint64]
    """by number, from `first` on: XXH64"""


@compiled
def block_sums(data, block_bytes):  # type: ignore[no-untyped-def]
    """XXH64 of each `block_bytes` bytes of `data`, the last of which may be fewer: (blocks,)."""
    blocks = (data.size + block_bytes - 1) // block_bytes
    sums = np.empty(blocks, np.uint64)
    for block in range(blocks):
        start = block * block_bytes
        sums[block] = xxh64(data, start, min(block_bytes, data.size - start))
    return sums


@compiled_inner
def _lower_bound(blocks, start, records, wanted):  # type: ignore[no-untyped-def]
    """The first of so many records from byte `start` on whose id is not below the wanted one."""
    low, high = 0, records
    while low < high:
        middle = (low + high) >> 1
        if word(blocks.data, start + middle * blocks.record_bytes, 8) < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def find_records(blocks, ids, low, high):  # type: ignore[no-untyped-def]
    """Rows in `blocks.data` of the records with these ids, each looked for in the blocks [low, high).

    Returns (rows, -1), or (some, number of a block whose bytes are not what was written).
    """
    data, record_bytes = blocks.data, blocks.record_bytes
    rows, used = np.empty(data.size // record_bytes, np.int64), 0
    is_sound = np.zeros(blocks.slot.size, np.bool_)
    for k in range(ids.size):
        for number in range(max(low[k], blocks.first), min(high[k], blocks.first + blocks.slot.size)):
            place = number - blocks.first
            start = blocks.slot[place] * blocks.block_bytes
            length = min(blocks.block_bytes, data.size - start)
            if not is_sound[place]:
                if xxh64(data, start, length) != blocks.sums[place]:
                    return rows[:used], number
                is_sound[place] = True
            records = length // record_bytes
            at = _lower_bound(blocks, start, records, ids[k])
            while at < records and word(data, start + at * record_bytes, 8) == ids[k]:
                rows[used] = start // record_bytes + at
                used += 1
                at += 1
    return rows[:used], -1
