"""Co-ownership: who spends together is one owner (methodology section 4).

Invariants:
- In every forest a cluster that bears an exchange has a labelled address as its root: labelled addresses
  have the lowest indices and the lower root always wins, except that a cluster that mines keeps its root
  over one that bears nothing. So `exchange_of_root` is one comparison.
- A refused join changes nothing but the list of conflicts.
"""

from __future__ import annotations

import numpy as np

from clustering.noted import Noted
from clustering.registry import NOT_OWNABLE, index_of, look_ahead
from etl.chain.scripts import LAST_OWNABLE, P2PKH
from etl.compiled import compiled, compiled_inner
from etl.compiled.prefetch import prefetch


@compiled_inner
def is_ownable(kind):  # type: ignore[no-untyped-def]
    """Whether outputs of this kind belong to somebody."""
    return P2PKH <= kind <= LAST_OWNABLE


@compiled_inner
def root_of(parent, index):  # type: ignore[no-untyped-def]
    """Root of the cluster of `index` in the forest with these parents; halves the path on the way."""
    at = index
    up = np.int64(parent[at])
    while up != at:
        above = parent[up]
        parent[at] = above
        at = np.int64(above)
        up = np.int64(parent[at])
    return at


@compiled
def flatten(parent, count):  # type: ignore[no-untyped-def]
    """Put each of the first `count` addresses right below the root of its cluster.

    For a forest whose roots have the lowest index of their cluster, and each parent a lower one than its
    child.
    """
    for index in range(count):
        up = parent[index]
        if up != index:
            parent[index] = parent[up]


@compiled_inner
def exchange_of_root(root, label):  # type: ignore[no-untyped-def]
    """Exchange of the cluster with this root, 0 for none; `label` is by index of labelled address."""
    return np.int64(label[root]) if root < label.size else 0


@compiled_inner
def find_addresses(ids, kinds, start, end, table, index, at):  # type: ignore[no-untyped-def]
    """Indices of the inputs or outputs [start, end) into `index` from `at` on; NOT_OWNABLE for nobody's."""
    for i in range(start, end):
        look_ahead(ids, i, table)
        if is_ownable(kinds[i]):
            index[at + i - start] = index_of(ids[i], table)
        else:
            index[at + i - start] = NOT_OWNABLE


@compiled_inner
def note_conflict(index, first, at, profile, height, tx, conflicts):  # type: ignore[no-untyped-def]
    """Note that the owners of two inputs stay apart, once for each address that `index` holds from `first`
    on; returns how many rows (profile, height, tx in batch, index a, index b) `conflicts` holds now."""
    rows, used = conflicts
    for i in range(first, at):
        if index[i] == index[at]:
            return used
    rows[used, 0] = profile
    rows[used, 1] = height
    rows[used, 2] = tx
    rows[used, 3] = index[first]
    rows[used, 4] = index[at]
    return used + 1


@compiled
def join_retroactively(  # type: ignore[no-untyped-def]
    block_height, block_txs, in_count, rule, in_id, in_kind, table, parent, label
):
    """All joins of a batch in the forest with these parents: clusters of different exchanges stay apart.

    Returns a row (0, height, tx in batch, index a, index b) for each conflict.
    """
    rows = np.empty((in_id.size, 5), np.int64)
    index = np.empty(max(1, in_count.max()), np.int64)
    heights = np.repeat(block_height, block_txs)
    used = _join_batch(heights, in_count, rule, in_id, in_kind, table, parent, label, index, rows)
    return rows[:used]


@compiled_inner
def _join_batch(  # type: ignore[no-untyped-def]
    height, in_count, rule, in_id, in_kind, table, parent, label, index, rows
):
    """Join the owners of each transaction's inputs; returns how many conflicts `rows` holds.

    `height` is by transaction; `index` has room for a transaction's inputs, `rows` for one conflict each.
    """
    used = 0
    start = 0
    for tx in range(in_count.size):
        n = in_count[tx]
        if n > 1 and rule[tx] == 0:
            find_addresses(in_id, in_kind, start, start + n, table, index, 0)
            for i in range(n):
                if index[i] != NOT_OWNABLE:
                    prefetch(table.records, parent[index[i]])
            used = _join_inputs(index, n, parent, label, height[tx], tx, Noted(rows, used))
        start += n
    return used


@compiled_inner
def _join_inputs(index, n, parent, label, height, tx, conflicts):  # type: ignore[no-untyped-def]
    """Join the owners of one transaction's inputs; returns how many conflicts there are now."""
    rows, used = conflicts
    first = 0
    while first < n and index[first] == NOT_OWNABLE:
        first += 1
    for i in range(first + 1, n):
        if index[i] == NOT_OWNABLE:
            continue
        one = root_of(parent, index[first])
        other = root_of(parent, index[i])
        if one == other:
            continue
        exchange = exchange_of_root(one, label)
        rival = exchange_of_root(other, label)
        if exchange != 0 and rival != 0 and exchange != rival:
            used = note_conflict(index, first, i, 0, height, tx, Noted(rows, used))
        elif one < other:
            parent[other] = one
        else:
            parent[one] = other
    return used
