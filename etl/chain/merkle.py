"""Merkle roots of many blocks at once (Bitcoin's tree: an odd level repeats its last node).

Invariant: each block's nodes keep their place from level to level, with room for a repeated one; so two
nodes that are hashed together always lie side by side.
"""

from __future__ import annotations

import numpy as np

from etl.compiled import compiled, compiled_inner
from etl.compiled.arrays import Bytes, Flags, Ints
from etl.compiled.sha256 import double_sha256_blocks

_NODE = 32


@compiled_inner
def _copy(source, at, target, to):  # type: ignore[no-untyped-def]
    for word in range(4):
        target[to, word] = source[at, word]


@compiled_inner
def _are_equal(node, one, other):  # type: ignore[no-untyped-def]
    for word in range(4):
        if node[one, word] != node[other, word]:
            return False
    return True


@compiled
def _pair_up(node, first, count, pair_start, mutated):  # type: ignore[no-untyped-def]
    """Where the pairs of a level begin, in bytes, into `pair_start`; returns how many. `node` has four
    words per node."""
    pairs = 0
    for block in range(count.size):
        at = first[block]
        n = count[block]
        if n == 1:
            continue
        for i in range(at, at + n - 1, 2):
            if _are_equal(node, i, i + 1):
                mutated[block] = True
        if n & 1:
            _copy(node, at + n - 1, node, at + n)
        for i in range(at, at + n, 2):
            pair_start[pairs] = _NODE * i
            pairs += 1
    return pairs


@compiled
def _go_up(parents, first, count, node):  # type: ignore[no-untyped-def]
    """Put a level's hashes in the place of the pairs."""
    parent = 0
    for block in range(count.size):
        if count[block] == 1:
            continue
        count[block] = (count[block] + 1) >> 1
        for i in range(first[block], first[block] + count[block]):
            _copy(parents, parent, node, i)
            parent += 1


@compiled
def _spread(txid, first, count, node):  # type: ignore[no-untyped-def]
    tx = 0
    for block in range(count.size):
        for i in range(first[block], first[block] + count[block]):
            _copy(txid, tx, node, i)
            tx += 1


def merkle_roots(txids: Bytes, tx_count: Ints) -> tuple[Bytes, Flags]:
    """Roots (n, 32) of consecutive blocks whose `txids` (sum(tx_count), 32) are in internal order.

    The second array marks blocks in which two paired nodes are equal: such a list of transactions
    has the root of a shorter one (CVE-2012-2459), which no valid block does.
    """
    count = tx_count.astype(np.int64)
    room = count + (count & 1)
    first = np.cumsum(room) - room
    mutated = np.zeros(len(count), dtype=np.bool_)
    nodes = np.empty((int(room.sum()), _NODE), dtype=np.uint8)
    node = nodes.view(np.uint64)
    _spread(txids.view(np.uint64), first, count, node)
    pair_start = np.empty(len(nodes) // 2, dtype=np.int64)
    while pairs := _pair_up(node, first, count, pair_start, mutated):
        parents = double_sha256_blocks(nodes.reshape(-1), pair_start[:pairs])
        _go_up(parents.view(np.uint64), first, count, node)
    return nodes[first], mutated
