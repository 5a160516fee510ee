"""Co-ownership: who spends together is one owner (methodology section 4).

Invariants:
- In both forests a cluster that bears an exchange has a labelled address as its root: labelled addresses
  have the lowest indices and the lower root always wins, except that in the entity forest a cluster that
  mines keeps its root over one that bears nothing. So `exchange_of_root` is one comparison.
- A refused join changes nothing but the list of conflicts.
"""

from __future__ import annotations

import numpy as np

from clustering.registry import NOT_OWNABLE, index_of, look_ahead
from etl.chain.scripts import LAST_OWNABLE, P2PKH
from etl.compiled import compiled, compiled_inner
from etl.compiled.prefetch import prefetch


@compiled_inner
def is_ownable(kind):  # type: ignore[no-untyped-def]
    """Whether outputs of this kind belong to somebody."""
    return P2PKH <= kind <= LAST_OWNABLE


@compiled_inner
def cm_root(records, index):  # type: ignore[no-untyped-def]
    """Root of the coinmetrics cluster of `index`; halves the path on the way."""
    at = index
    up = np.int64(records[at].cm_parent)
    while up != at:
        above = records[up].cm_parent
        records[at].cm_parent = above
        at = np.int64(above)
        up = np.int64(records[at].cm_parent)
    return at


@compiled
def flatten(records, count):  # type: ignore[no-untyped-def]
    """Put each of the first `count` addresses right below the root of its coinmetrics cluster.

    Roots have the lowest index of their cluster, and each parent a lower one than its child.
    """
    for index in range(count):
        up = records[index].cm_parent
        if up != index:
            records[index].cm_parent = records[up].cm_parent


@compiled_inner
def en_root(records, index):  # type: ignore[no-untyped-def]
    """Root of the entity cluster of `index`; halves the path on the way."""
    at = index
    up = np.int64(records[at].en_parent)
    while up != at:
        above = records[up].en_parent
        records[at].en_parent = above
        at = np.int64(above)
        up = np.int64(records[at].en_parent)
    return at


@compiled_inner
def exchange_of_root(root, label):  # type: ignore[no-untyped-def]
    """Exchange of the cluster with this root, 0 for none; `label` is by index of labelled address."""
    return np.int64(label[root]) if root < label.size else 0


@compiled_inner
def resolve(ids, kinds, start, end, records, slot, count, out, at):  # type: ignore[no-untyped-def]
    """Indices of the inputs or outputs [start, end) into `out` from `at` on; NOT_OWNABLE for nobody's."""
    for i in range(start, end):
        look_ahead(ids, i, records, slot)
        if is_ownable(kinds[i]):
            index = index_of(ids[i], records, slot, count)
            prefetch(records, records[index].cm_parent)
            out[at + i - start] = index
        else:
            out[at + i - start] = NOT_OWNABLE


@compiled
def with_room(rows, used, more):  # type: ignore[no-untyped-def]
    """`rows`, or a larger copy, with room for `more` rows after the `used` ones."""
    if used + more <= rows.shape[0]:
        return rows
    larger = np.empty((max(2 * rows.shape[0], used + more), rows.shape[1]), rows.dtype)
    larger[:used] = rows[:used]
    return larger


@compiled_inner
def note_conflict(index, first, at, height, tx, conflicts, used):  # type: ignore[no-untyped-def]
    """Note that the owners of two inputs stay apart, once for each address that `index` holds from `first`
    on; returns how many rows (height, tx in batch, index a, index b) `conflicts` holds now."""
    for i in range(first, at):
        if index[i] == index[at]:
            return used
    conflicts[used, 0] = height
    conflicts[used, 1] = tx
    conflicts[used, 2] = index[first]
    conflicts[used, 3] = index[at]
    return used + 1


@compiled
def join_retroactively(  # type: ignore[no-untyped-def]
    block_height, block_txs, in_count, rule, in_id, in_kind, records, slot, count, label
):
    """All joins of a batch in the coinmetrics forest: two clusters of different exchanges stay apart.

    Returns a row (height, tx in batch, index a, index b) for each conflict.
    """
    conflicts = np.empty((in_id.size, 4), np.int64)
    index = np.empty(max(1, in_count.max()), np.int64)
    used = 0
    tx = 0
    start = 0
    for block in range(block_txs.size):
        for _ in range(block_txs[block]):
            n = in_count[tx]
            if n > 1 and rule[tx] == 0:
                resolve(in_id, in_kind, start, start + n, records, slot, count, index, 0)
                used = _join_inputs(index, n, records, label, block_height[block], tx, conflicts, used)
            start += n
            tx += 1
    return conflicts[:used]


@compiled_inner
def _join_inputs(index, n, records, label, height, tx, conflicts, used):  # type: ignore[no-untyped-def]
    """Join the owners of one transaction's inputs; returns how many conflicts there are now."""
    first = 0
    while first < n and index[first] == NOT_OWNABLE:
        first += 1
    for i in range(first + 1, n):
        if index[i] == NOT_OWNABLE:
            continue
        one = cm_root(records, index[first])
        other = cm_root(records, index[i])
        if one == other:
            continue
        exchange = exchange_of_root(one, label)
        rival = exchange_of_root(other, label)
        if exchange != 0 and rival != 0 and exchange != rival:
            used = note_conflict(index, first, i, height, tx, conflicts, used)
        elif one < other:
            records[other].cm_parent = one
        else:
            records[one].cm_parent = other
    return used
