"""Clusters of a point-in-time profile: their members in a ring, and what these get when clusters join.

Invariants:
- Every member of a cluster carries the cluster's exchange in its own code; where clusters are miners, the
  cluster's hop 0 and pool too, and a cluster has an exchange or mines, never both.
- Every change of a code is noted as (index, code before), so that a block's net changes can be told.
"""

from __future__ import annotations

import numpy as np

from clustering.attributes import exchange_of, hop_of, pool_of, with_exchange
from clustering.miners import AS_IT_IS, first_pool_height, note_first_pool
from clustering.owners import exchange_of_root
from etl.compiled import compiled_inner


@compiled_inner
def cluster_size(ring, member):  # type: ignore[no-untyped-def]
    """How many addresses are in the cluster of `member`."""
    size = 1
    at = np.int64(ring[member])
    while at != member:
        size += 1
        at = np.int64(ring[at])
    return size


@compiled_inner
def set_cluster(ledger, member, code, layout, changed):  # type: ignore[no-untyped-def]
    """Give every address in the cluster of `member` this code, or of it what clusters share.

    Notes (index, code before) of those that had another one in `changed`, which has room for the cluster;
    returns how many are noted now.
    """
    rows, used = changed
    shares_all = ledger.cluster_miners or ledger.exchange_excludes_hop
    at = np.int64(member)
    while True:
        before = np.int64(ledger.code[at])
        after = code if shares_all else with_exchange(before, exchange_of(code, layout), layout)
        if before != after:
            rows[used, 0] = at
            rows[used, 1] = before
            used += 1
            ledger.code[at] = after
        at = np.int64(ledger.ring[at])
        if at == member:
            return used


@compiled_inner
def may_join(ledger, one, two, label, layout):  # type: ignore[no-untyped-def]
    """Whether the clusters with these roots may be one owner."""
    exchange = exchange_of_root(one, label)
    rival = exchange_of_root(two, label)
    if exchange != 0 and rival != 0:
        return exchange == rival
    if not ledger.cluster_miners:
        return True
    if exchange != 0:
        return hop_of(ledger.code[two], layout) != 0
    if rival != 0:
        return hop_of(ledger.code[one], layout) != 0
    return True


@compiled_inner
def winner_and_loser(ledger, one, two, layout):  # type: ignore[no-untyped-def]
    """Of two roots the one that stays a root first: one that mines, else the lower one."""
    if ledger.cluster_miners:
        one_mines = hop_of(ledger.code[one], layout) == 0
        two_mines = hop_of(ledger.code[two], layout) == 0
        if one_mines != two_mines:
            return (one, two) if one_mines else (two, one)
    return (one, two) if one < two else (two, one)


@compiled_inner
def code_of_joined(ledger, winner, loser, label, layout):  # type: ignore[no-untyped-def]
    """Before two clusters become one: (the root whose cluster is to get another code, that code).

    The code is AS_IT_IS where none changes. The caller has asked `may_join`.
    """
    if ledger.cluster_miners and hop_of(ledger.code[winner], layout) == 0:
        return _code_of_joined_miners(ledger, winner, loser, layout)
    exchange = exchange_of_root(winner, label)
    if exchange == 0 or exchange_of_root(loser, label) != 0:
        return loser, AS_IT_IS
    return loser, with_exchange(0, exchange, layout)


@compiled_inner
def _code_of_joined_miners(ledger, winner, loser, layout):  # type: ignore[no-untyped-def]
    """Of two clusters that mine, the pool of the lower height is everybody's."""
    code = np.int64(ledger.code[winner])
    other_code = np.int64(ledger.code[loser])
    if hop_of(other_code, layout) != 0:
        return loser, code
    height = first_pool_height(ledger.miners, winner)
    other_height = first_pool_height(ledger.miners, loser)
    if other_height < height:
        note_first_pool(ledger.miners, winner, other_height)
    if pool_of(code, layout) == pool_of(other_code, layout):
        return loser, AS_IT_IS
    return (winner, other_code) if other_height < height else (loser, code)


@compiled_inner
def unite(ledger, winner, loser):  # type: ignore[no-untyped-def]
    """Make the clusters with these roots one."""
    ledger.parent[loser] = winner
    after = ledger.ring[winner]
    ledger.ring[winner] = ledger.ring[loser]
    ledger.ring[loser] = after
