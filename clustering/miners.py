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
from clustering.owners import en_root
from etl.compiled import compiled, compiled_inner

NO_KNOWN_POOL = np.int32(2**31 - 1)
AS_IT_IS = -1
"""Instead of a code: the cluster keeps what it has."""
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


@compiled_inner
def _slot_of(miners, root):  # type: ignore[no-untyped-def]
    mask = uint64(miners.root.size - 1)
    at = ((uint64(root) * _SPREAD) >> uint64(32)) & mask
    while miners.root[at] != 0 and miners.root[at] != uint32(root + 1):
        at = (at + uint64(1)) & mask
    return at


@compiled_inner
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


@compiled_inner
def cluster_size(records, member):  # type: ignore[no-untyped-def]
    """How many addresses are in the cluster of `member`."""
    size = 1
    at = np.int64(records[member].en_next)
    while at != member:
        size += 1
        at = np.int64(records[at].en_next)
    return size


@compiled_inner
def set_cluster(records, member, code, changes, used):  # type: ignore[no-untyped-def]
    """Give every address in the cluster of `member` this code.

    Notes (index, code before) of those that had another one in `changes`, which has room for the cluster,
    from `used` on; returns how many are noted now.
    """
    at = np.int64(member)
    while True:
        before = np.int64(records[at].en_code)
        if before != code:
            changes[used, 0] = at
            changes[used, 1] = before
            used += 1
            records[at].en_code = code
        at = np.int64(records[at].en_next)
        if at == member:
            return used


@compiled_inner
def code_of_credited(records, miners, index, pool, height, layout):  # type: ignore[no-untyped-def]
    """A coinbase pays an address: its cluster mines from now on, unless an exchange owns it.

    Returns the code that the cluster is to get, AS_IT_IS where none changes.
    """
    code = np.int64(records[index].en_code)
    if exchange_of(code, layout) != 0:
        return AS_IT_IS
    root = en_root(records, index)
    if hop_of(code, layout) == 0:
        if pool == 0 or miners.height[_slot_of(miners, root)] != NO_KNOWN_POOL:
            return AS_IT_IS
        _set_height(miners, root, height)
    else:
        _set_height(miners, root, height if pool != 0 else NO_KNOWN_POOL)
    return with_hop(0, 0, pool, layout)


@compiled_inner
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


@compiled_inner
def winner_and_loser(records, one, two, layout):  # type: ignore[no-untyped-def]
    """Of two roots the one that stays a root first: one that mines, else the lower one."""
    one_mines = hop_of(records[one].en_code, layout) == 0
    two_mines = hop_of(records[two].en_code, layout) == 0
    if one_mines != two_mines:
        return (one, two) if one_mines else (two, one)
    return (one, two) if one < two else (two, one)


@compiled_inner
def code_of_joined(records, miners, winner, loser, layout):  # type: ignore[no-untyped-def]
    """Before two clusters become one: (the root whose cluster is to get another code, that code).

    The code is AS_IT_IS where none changes. Of two clusters that mine, the pool of the lower height is
    everybody's. The caller has asked `may_join`.
    """
    code = np.int64(records[winner].en_code)
    other_code = np.int64(records[loser].en_code)
    if code == other_code and hop_of(code, layout) != 0:
        return loser, AS_IT_IS
    if hop_of(other_code, layout) == 0:
        height = miners.height[_slot_of(miners, winner)]
        other_height = miners.height[_slot_of(miners, loser)]
        if other_height < height:
            _set_height(miners, winner, other_height)
        if pool_of(code, layout) == pool_of(other_code, layout):
            return loser, AS_IT_IS
        return (winner, other_code) if other_height < height else (loser, code)
    if hop_of(code, layout) == 0:
        return loser, code
    if exchange_of(code, layout) != 0:
        return loser, with_exchange(0, exchange_of(code, layout), layout)
    return loser, AS_IT_IS


@compiled_inner
def unite(records, winner, loser):  # type: ignore[no-untyped-def]
    """Make the clusters with these roots one."""
    records[loser].en_parent = winner
    after = records[winner].en_next
    records[winner].en_next = records[loser].en_next
    records[loser].en_next = after
