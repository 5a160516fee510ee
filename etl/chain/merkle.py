"""Merkle roots of many blocks at once (Bitcoin's tree: an odd level repeats its last node)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from etl.chain.sha256 import sha256_spans
from etl.jit import compiled


@compiled
def _pair_up(nodes, first, count, pairs, pair_first, mutated):  # type: ignore[no-untyped-def]
    """Lay the pairs of every block with more than one node side by side in `pairs`."""
    at = 0
    for block in range(count.size):
        pair_first[block] = at
        n = count[block]
        if n == 1:
            for k in range(32):
                pairs[at, k] = nodes[first[block], k]
            at += 1
            continue
        for i in range(0, n, 2):
            left = first[block] + i
            right = left + 1 if i + 1 < n else left
            same = i + 1 < n
            for k in range(32):
                pairs[at, k] = nodes[left, k]
                pairs[at, k + 32] = nodes[right, k]
                if nodes[left, k] != nodes[right, k]:
                    same = False
            if same:
                mutated[block] = True
            at += 1
    return at


def merkle_roots(
    txids: npt.NDArray[np.uint8], tx_count: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Roots (n, 32) of consecutive blocks whose `txids` (sum(tx_count), 32) are in internal order.

    The second array marks blocks in which two paired nodes are equal: such a list of transactions
    has the root of a shorter one (CVE-2012-2459), which no valid block does.
    """
    count = tx_count.astype(np.int64)
    first = np.concatenate(([0], np.cumsum(count)[:-1])).astype(np.int64)
    mutated = np.zeros(len(count), dtype=np.bool_)
    nodes = txids
    while count.max(initial=1) > 1:
        next_count = (count + 1) // 2
        pairs = np.empty((int(next_count.sum()), 64), dtype=np.uint8)
        next_first = np.empty(len(count), dtype=np.int64)
        _pair_up(nodes, first, count, pairs, next_first, mutated)
        lone = np.repeat(count == 1, next_count)
        where = np.flatnonzero(~lone)
        length = np.full(len(where), 64, dtype=np.int64)
        nodes = np.ascontiguousarray(pairs[:, :32])
        nodes[where] = sha256_spans(pairs.reshape(-1), where * 64, length, double=True)
        count, first = next_count, next_first
    return nodes[first], mutated
