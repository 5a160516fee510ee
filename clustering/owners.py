"""Co-ownership: who spends together is one owner (methodology section 4).

Invariants:
- In both forests a cluster that bears an exchange has a labelled address as its root: labelled addresses
  have the lowest indices and the lower root always wins, except that in the entity forest a cluster that
  mines keeps its root over one that bears nothing. So `exchange_of_root` is one comparison.
- A refused join changes nothing but the list of conflicts.
"""

from __future__ import annotations

import numpy as np
from numba import njit, uint32

from clustering.registry import NOT_OWNABLE, index_of
from etl.chain.identity import LAST_OWNABLE, P2PKH


@njit(cache=True, inline="always")
def is_ownable(kind):  # type: ignore[no-untyped-def]
    """Whether outputs of this kind belong to somebody."""
    return P2PKH <= kind <= LAST_OWNABLE


@njit(cache=True, inline="always")
def root_of(parent, index):  # type: ignore[no-untyped-def]
    """Root of the cluster of `index`; halves the path on the way."""
    at = uint32(index)
    up = parent[at]
    while up != at:
        parent[at] = parent[up]
        at = parent[at]
        up = parent[at]
    return np.int64(at)


@njit(cache=True, inline="always")
def exchange_of_root(root, label):  # type: ignore[no-untyped-def]
    """Exchange of the cluster with this root, 0 for none; `label` is by index of labelled address."""
    return np.int64(label[root]) if root < label.size else 0


@njit(cache=True)
def resolve(ids, kinds, a, out):  # type: ignore[no-untyped-def]
    """Index of each input or output, NOT_OWNABLE where nobody can own it."""
    for i in range(ids.size):
        out[i] = index_of(ids[i], a) if is_ownable(kinds[i]) else NOT_OWNABLE


@njit(cache=True)
def grown(rows, used):  # type: ignore[no-untyped-def]
    """`rows`, or a copy of twice the length where all of them are used."""
    if used < rows.shape[0]:
        return rows
    larger = np.empty((2 * rows.shape[0], rows.shape[1]), rows.dtype)
    larger[:used] = rows[:used]
    return larger


@njit(cache=True)
def _seen_before(index, start, at):  # type: ignore[no-untyped-def]
    for i in range(start, at):
        if index[i] == index[at]:
            return True
    return False


@njit(cache=True)
def join_retroactively(  # type: ignore[no-untyped-def]
    block_height, block_txs, in_count, rule, in_id, in_kind, a, label, conflicts, used
):
    """All joins of a batch in the coinmetrics forest: two clusters of different exchanges stay apart.

    Appends (height, tx in batch, index a, index b) to `conflicts`; returns it and its length.
    """
    longest = 1
    for tx in range(in_count.size):
        longest = max(longest, in_count[tx])
    index = np.empty(longest, np.int64)
    tx = 0
    start = 0
    for block in range(block_txs.size):
        for _ in range(block_txs[block]):
            n = in_count[tx]
            if n > 1 and rule[tx] == 0:
                resolve(in_id[start : start + n], in_kind[start : start + n], a, index[:n])
                first = 0
                while first < n and index[first] == NOT_OWNABLE:
                    first += 1
                for i in range(first + 1, n):
                    if index[i] == NOT_OWNABLE:
                        continue
                    one = root_of(a.cm_parent, index[first])
                    other = root_of(a.cm_parent, index[i])
                    if one == other:
                        continue
                    exchange = exchange_of_root(one, label)
                    rival = exchange_of_root(other, label)
                    if exchange != 0 and rival != 0 and exchange != rival:
                        if not _seen_before(index, first, i):
                            conflicts = grown(conflicts, used)
                            conflicts[used, 0] = block_height[block]
                            conflicts[used, 1] = tx
                            conflicts[used, 2] = index[first]
                            conflicts[used, 3] = index[i]
                            used += 1
                    elif one < other:
                        a.cm_parent[other] = uint32(one)
                    else:
                        a.cm_parent[one] = uint32(other)
            start += n
            tx += 1
    return conflicts, used
