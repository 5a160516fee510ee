"""At what height a known pool first credited an address of each mining cluster.

Invariants: a mining cluster's pool is that of the lowest such height. The height lives in a small hash table
under the cluster's root; entries of roots that are none any more stay and are not asked for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import uint32, uint64

from clustering.attributes import exchange_of, hop_of, with_hop
from clustering.owners import root_of
from etl.compiled import compiled, compiled_inner

NO_KNOWN_POOL = np.int32(2**31 - 1)
AS_IT_IS = -1
"""Instead of a code: the cluster keeps what it has."""
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_MAX_LOAD = 0.5
_SMALLEST = 1024

Ints = npt.NDArray[np.int64]


class MinerTable(NamedTuple):
    """Open-addressing table from a mining cluster's root to the height of its first known pool."""

    root: npt.NDArray[np.uint32]
    """root + 1, 0 where free; the length is a power of two"""
    height: npt.NDArray[np.int32]
    used: Ints
    """(1,)"""


def _empty_table(size: int) -> MinerTable:
    return MinerTable(np.zeros(size, np.uint32), np.zeros(size, np.int32), np.zeros(1, np.int64))


@compiled_inner
def _slot_of(miners, root):  # type: ignore[no-untyped-def]
    mask = uint64(miners.root.size - 1)
    at = ((uint64(root) * _SPREAD) >> uint64(32)) & mask
    while miners.root[at] != 0 and miners.root[at] != uint32(root + 1):
        at = (at + uint64(1)) & mask
    return at


@compiled_inner
def first_pool_height(miners, root):  # type: ignore[no-untyped-def]
    """The height of a mining cluster's first known pool, or NO_KNOWN_POOL."""
    return miners.height[_slot_of(miners, root)]


@compiled_inner
def note_first_pool(miners, root, height):  # type: ignore[no-untyped-def]
    """Set the height of a mining cluster's first known pool."""
    at = _slot_of(miners, root)
    if miners.root[at] == 0:
        miners.root[at] = uint32(root + 1)
        miners.used[0] += 1
    miners.height[at] = height


@compiled
def _enter(rows, miners):  # type: ignore[no-untyped-def]
    for row in range(rows.shape[0]):
        note_first_pool(miners, rows[row, 0], rows[row, 1])


def miner_rows(miners: MinerTable) -> Ints:
    """(m, 2) rows (root, height) of a table."""
    slots = np.flatnonzero(miners.root)
    return np.column_stack((miners.root[slots].astype(np.int64) - 1, miners.height[slots].astype(np.int64)))


def miner_table(rows: Ints) -> MinerTable:
    """A table of such rows."""
    return _filled(_SMALLEST, rows, 0)


def reserved(miners: MinerTable, more: int) -> MinerTable:
    """The table, or a larger copy, with room for `more` entries."""
    if int(miners.used[0]) + more <= len(miners.root) * _MAX_LOAD:
        return miners
    return _filled(len(miners.root), miner_rows(miners), more)


def _filled(size: int, rows: Ints, more: int) -> MinerTable:
    while len(rows) + more > size * _MAX_LOAD:
        size *= 2
    miners = _empty_table(size)
    _enter(np.ascontiguousarray(rows), miners)
    return miners


@compiled_inner
def code_of_credited(ledger, index, pool, height, layout):  # type: ignore[no-untyped-def]
    """A coinbase pays an address: its cluster mines from now on, unless an exchange owns it.

    Returns the code that the cluster is to get, AS_IT_IS where none changes.
    """
    code = np.int64(ledger.code[index])
    if exchange_of(code, layout) != 0:
        return AS_IT_IS
    root = root_of(ledger.parent, index)
    if hop_of(code, layout) == 0:
        if pool == 0 or first_pool_height(ledger.miners, root) != NO_KNOWN_POOL:
            return AS_IT_IS
        note_first_pool(ledger.miners, root, height)
    else:
        note_first_pool(ledger.miners, root, height if pool != 0 else NO_KNOWN_POOL)
    return with_hop(0, 0, pool, layout)
