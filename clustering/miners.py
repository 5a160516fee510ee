"""Miners in the entity profile: clusters that hold a coinbase-credited address.

Invariants:
- Every member of a cluster carries the cluster's exchange, or its hop 0 and pool, in its own `en_code`;
  a cluster has an exchange or mines, never both.
- A mining cluster's pool is that of the lowest height at which a known pool credited any of its
  addresses. That height lives in a small hash table under the cluster's root.
- Every change of a code is noted as (index, code before), so that a block's net changes can be told.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import uint32, uint64

from clustering.attributes import exchange_of, hop_of, pool_of, with_exchange, with_hop
from clustering.owners import en_root, with_room
from etl.jit import compiled

NO_KNOWN_POOL = np.int32(2**31 - 1)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_MAX_LOAD = 0.5
_SMALLEST = 1024


class MinerTable(NamedTuple):
    """Open-addressing table from a mining cluster's root to the height of its first known pool."""

    root: npt.NDArray[np.uint32]
    """root + 1, 0 where free; the length is a power of two"""
    height: npt.NDArray[np.int32]
    used: npt.NDArray[np.int64]
    """(1,)"""


def empty_miner_table() -> MinerTable:
    """A table with no entry."""
    return MinerTable(
        np.zeros(_SMALLEST, dtype=np.uint32),
        np.zeros(_SMALLEST, dtype=np.int32),
        np.zeros(1, dtype=np.int64),
    )


@compiled
def _slot_of(miners, root):  # type: ignore[no-untyped-def]
    mask = uint64(miners.root.size - 1)
    at = ((uint64(root) * _SPREAD) >> uint64(32)) & mask
    while miners.root[at] != 0 and miners.root[at] != uint32(root + 1):
        at = (at + uint64(1)) & mask
    return at


@compiled
def _set_height(miners, root, height):  # type: ignore[no-untyped-def]
    at = _slot_of(miners, root)
    if miners.root[at] == 0:
        miners.root[at] = uint32(root + 1)
        miners.used[0] += 1
    miners.height[at] = height


@compiled
def _copy_entries(source, target):  # type: ignore[no-untyped-def]
    for at in range(source.root.size):
        if source.root[at] != 0:
            _set_height(target, np.int64(source.root[at]) - 1, source.height[at])


def reserved(miners: MinerTable, more: int) -> MinerTable:
    """The table, or a larger copy, with room for `more` entries."""
    size = len(miners.root)
    while int(miners.used[0]) + more > size * _MAX_LOAD:
        size *= 2
    if size == len(miners.root):
        return miners
    larger = MinerTable(
        np.zeros(size, dtype=np.uint32), np.zeros(size, dtype=np.int32), np.zeros(1, dtype=np.int64)
    )
    _copy_entries(miners, larger)
    return larger


@compiled
def note_change(changes, used, index, code):  # type: ignore[no-untyped-def]
    """Append (index, code before the change)."""
    changes = with_room(changes, used, 1)
    changes[used, 0] = index
    changes[used, 1] = code
    return changes, used + 1


@compiled
def _set_cluster(records, member, code, changes, used):  # type: ignore[no-untyped-def]
    """Give every member of the ring through `member` this code."""
    at = np.int64(member)
    while True:
        before = np.int64(records[at].en_code)
        if before != code:
            changes, used = note_change(changes, used, at, before)
            records[at].en_code = code
        at = np.int64(records[at].en_next)
        if at == member:
            return changes, used


@compiled
def credit_miner(records, miners, index, pool, height, layout, changes, used):  # type: ignore[no-untyped-def]
    """A coinbase pays an address: its cluster mines from now on, unless an exchange owns it."""
    code = np.int64(records[index].en_code)
    if exchange_of(code, layout) != 0:
        return changes, used
    root = en_root(records, index)
    if hop_of(code, layout) == 0:
        if pool != 0 and miners.height[_slot_of(miners, root)] == NO_KNOWN_POOL:
            _set_height(miners, root, height)
            return _set_cluster(records, index, with_hop(0, 0, pool, layout), changes, used)
        return changes, used
    _set_height(miners, root, height if pool != 0 else NO_KNOWN_POOL)
    return _set_cluster(records, index, with_hop(0, 0, pool, layout), changes, used)


@compiled
def may_join(code, other_code, layout):  # type: ignore[no-untyped-def]
    """Whether clusters whose members bear these codes may be one owner."""
    exchange = exchange_of(code, layout)
    rival = exchange_of(other_code, layout)
    if exchange != 0 and rival != 0:
        return exchange == rival
    if exchange != 0:
        return hop_of(other_code, layout) != 0
    if rival != 0:
        return hop_of(code, layout) != 0
    return True


@compiled
def _merge_pools(records, miners, winner, loser, layout, changes, used):  # type: ignore[no-untyped-def]
    """Two mining clusters become one: the pool of the lower height is everybody's."""
    height = miners.height[_slot_of(miners, winner)]
    other_height = miners.height[_slot_of(miners, loser)]
    code = np.int64(records[winner].en_code)
    other_code = np.int64(records[loser].en_code)
    if other_height < height:
        _set_height(miners, winner, other_height)
        if pool_of(code, layout) != pool_of(other_code, layout):
            return _set_cluster(records, winner, other_code, changes, used)
    elif pool_of(code, layout) != pool_of(other_code, layout):
        return _set_cluster(records, loser, code, changes, used)
    return changes, used


@compiled
def join(records, miners, index, other, layout, changes, used):  # type: ignore[no-untyped-def]
    """Make the clusters of two addresses one; the caller has asked `may_join` and that they differ."""
    one = en_root(records, index)
    two = en_root(records, other)
    one_mines = hop_of(records[one].en_code, layout) == 0
    two_mines = hop_of(records[two].en_code, layout) == 0
    winner, loser = (one, two) if one < two else (two, one)
    if one_mines != two_mines:
        winner, loser = (one, two) if one_mines else (two, one)
    code = np.int64(records[winner].en_code)
    if one_mines and two_mines:
        changes, used = _merge_pools(records, miners, winner, loser, layout, changes, used)
    elif one_mines or two_mines:
        changes, used = _set_cluster(records, loser, code, changes, used)
    elif exchange_of(code, layout) != 0:
        owned = with_exchange(0, exchange_of(code, layout), layout)
        changes, used = _set_cluster(records, loser, owned, changes, used)
    records[loser].en_parent = winner
    after = records[winner].en_next
    records[winner].en_next = records[loser].en_next
    records[loser].en_next = after
    return changes, used
