"""The tree of block headers and its chain of most work.

Invariants: every block of the chain is in the files, from genesis on without a gap; of two tips with
equal work the one that the node stored first wins, as in Bitcoin Core. A block that is stored more than once
stands in the tree by its first copy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from etl.chain.blocks import block_hashes
from etl.chain.work import header_bits, work
from etl.compiled.arrays import Bytes, Ints


@dataclass(frozen=True)
class HeaderTree:
    """All stored blocks (row = position in storage order) and the rows of the active chain."""

    block_hash: Bytes
    """(b, 32) internal byte order"""
    parent: Ints
    """(b,) row of the parent, -1 for genesis and for blocks that connect to nothing"""
    height: Ints
    """(b,) -1 for blocks that connect to nothing"""
    first_copy: Ints
    """(b,) row of the first copy of the same block, mostly its own"""
    chain: Ints
    """(tip height + 1,) rows of the chain of most work by height"""


def _first_copies(hashes: Bytes) -> tuple[Ints, dict[bytes, int]]:
    """The first row with the same hash, by row and by hash."""
    rows: dict[bytes, int] = {}
    found = (rows.setdefault(block_hash, row) for row, block_hash in enumerate(map(bytes, hashes)))
    return np.fromiter(found, dtype=np.int64, count=len(hashes)), rows


def _parents(headers: Bytes, rows: dict[bytes, int]) -> Ints:
    previous = map(bytes, headers[:, 4:36])
    return np.fromiter((rows.get(p, -1) for p in previous), dtype=np.int64, count=len(headers))


def _in_tree_order(parent: Ints, first_copy: Ints, genesis: int) -> list[int]:
    """First copies that descend from genesis, parents before children, in storage order among siblings."""
    children: dict[int, list[int]] = {}
    for row, (its_parent, first) in enumerate(zip(parent.tolist(), first_copy.tolist(), strict=True)):
        if its_parent >= 0 and row == first:
            children.setdefault(its_parent, []).append(row)
    order, at = [genesis], 0
    while at < len(order):
        order.extend(children.get(order[at], ()))
        at += 1
    return order


def _heaviest(order: list[int], parent: Ints, bits: Ints, height: Ints) -> int:
    """Row of the tip of most work; fills `height`."""
    done = [0] * (len(parent) + 1)  # the last stands for the parent of genesis, row -1
    tip = order[0]
    for row in order:
        its_parent = int(parent[row])
        done[row] = done[its_parent] + work(int(bits[row]))
        height[row] = height[its_parent] + 1 if its_parent >= 0 else 0
        if done[row] > done[tip] or (done[row] == done[tip] and row < tip):
            tip = row
    return tip


def build_tree(headers: Bytes, genesis_hash: str) -> HeaderTree:
    """The tree of `headers` (b, 80) in storage order, among which is that of the genesis block."""
    hashes = block_hashes(headers)
    first_copy, rows = _first_copies(hashes)
    genesis = rows[bytes.fromhex(genesis_hash)[::-1]]
    parent = _parents(headers, rows)
    parent[genesis] = -1
    height = np.full(len(headers), -1, dtype=np.int64)
    order = _in_tree_order(parent, first_copy, genesis)
    row = _heaviest(order, parent, header_bits(headers), height)
    chain = np.empty(int(height[row]) + 1, dtype=np.int64)
    for at in range(len(chain) - 1, -1, -1):
        chain[at] = row
        row = int(parent[row])
    return HeaderTree(hashes, parent, height[first_copy], first_copy, chain)
