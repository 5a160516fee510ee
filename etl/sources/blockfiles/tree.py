"""The tree of block headers and its chain of most work.

Invariants: every block of the chain is in the files, from genesis on without a gap; of two tips with
equal work the one that the node stored first wins, as in Bitcoin Core. A block whose header does not
meet its own target is damaged. Blocks that build on none of ours are left out, but if one claims a
height above the tip, data is missing and that is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from etl.chain.blocks import block_hashes
from etl.errors import BlockDataError, BlocksDirectoryError

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


class Places(Protocol):
    """Where each stored block lies, for errors."""

    def __getitem__(self, row: int) -> str: ...


@dataclass(frozen=True)
class HeaderTree:
    """All stored blocks (row = position in storage order) and the rows of the active chain."""

    block_hash: Bytes
    """(b, 32) internal byte order"""
    parent: Ints
    """(b,) row of the parent, -1 for genesis and for blocks that connect to nothing"""
    height: Ints
    """(b,) -1 for blocks that connect to nothing"""
    chain: Ints
    """(tip height + 1,) rows of the chain of most work by height"""


@lru_cache(maxsize=4096)
def _target(bits: int) -> int:
    """The number that a header's hash must not exceed (Core: arith_uint256::SetCompact)."""
    exponent, mantissa = bits >> 24, bits & 0x7FFFFF
    return mantissa << 8 * (exponent - 3) if exponent > 3 else mantissa >> 8 * (3 - exponent)


def check_proofs_of_work(headers: Bytes, hashes: Bytes, places: Places) -> None:
    """Raise BlockDataError for the first header whose hash does not meet its own target."""
    bits = headers[:, 72:76].copy().view("<u4")[:, 0]
    for value in np.unique(bits).tolist():
        rows = np.flatnonzero(bits == value)
        target = _target(value)
        limit = np.frombuffer((target if target < 1 << 256 else 0).to_bytes(32, "big"), dtype=np.uint8)
        difference = hashes[rows][:, ::-1].astype(np.int16) - limit
        first = (difference != 0).argmax(axis=1)
        above = difference[np.arange(len(rows)), first] > 0
        if above.any():
            row = int(rows[above.argmax()])
            raise BlockDataError(
                f"{places[row]}: the block header does not meet its own proof-of-work target: "
                "bytes of it have changed",
                "check the disk, then let the node rebuild its block files (-reindex)",
            )


def _parents(headers: Bytes, hashes: Bytes) -> Ints:
    rows = {block_hash: row for row, block_hash in enumerate(map(bytes, hashes))}
    previous = map(bytes, headers[:, 4:36])
    return np.fromiter((rows.get(p, -1) for p in previous), dtype=np.int64, count=len(headers))


def _in_tree_order(parent: Ints, genesis: int) -> list[int]:
    """Rows that descend from genesis, parents before children, in storage order among siblings."""
    children: dict[int, list[int]] = {}
    for row, its_parent in enumerate(parent.tolist()):
        if its_parent >= 0:
            children.setdefault(its_parent, []).append(row)
    order, at = [genesis], 0
    while at < len(order):
        order.extend(children.get(order[at], ()))
        at += 1
    return order


def _heaviest(order: list[int], parent: Ints, bits: Ints, height: Ints) -> int:
    """Row of the tip of most work; fills `height`."""
    work = [0] * (len(parent) + 1)  # the last stands for the parent of genesis, row -1
    tip = order[0]
    for row in order:
        its_parent = int(parent[row])
        work[row] = work[its_parent] + 2**256 // (_target(int(bits[row])) + 1)
        height[row] = height[its_parent] + 1 if its_parent >= 0 else 0
        if work[row] > work[tip] or (work[row] == work[tip] and row < tip):
            tip = row
    return tip


def build_tree(headers: Bytes, places: Places, genesis_hash: str) -> HeaderTree:
    """The tree of `headers` (b, 80) in storage order; `places` say in errors where each lies."""
    hashes = block_hashes(headers)
    check_proofs_of_work(headers, hashes, places)
    wanted = np.frombuffer(bytes.fromhex(genesis_hash), dtype=np.uint8)[::-1]
    matches = np.flatnonzero((hashes == wanted).all(axis=1))
    if not len(matches):
        raise BlocksDirectoryError(
            "the block files do not hold the genesis block: the node has pruned its oldest blocks",
            "use an unpruned node (prune=0 and -reindex), or copy the missing block files here",
        )
    parent = _parents(headers, hashes)
    parent[matches[0]] = -1
    height = np.full(len(headers), -1, dtype=np.int64)
    order = _in_tree_order(parent, int(matches[0]))
    bits = headers[:, 72:76].copy().view("<u4")[:, 0].astype(np.int64)
    row = _heaviest(order, parent, bits, height)
    chain = np.empty(int(height[row]) + 1, dtype=np.int64)
    for at in range(len(chain) - 1, -1, -1):
        chain[at] = row
        row = int(parent[row])
    return HeaderTree(block_hash=hashes, parent=parent, height=height, chain=chain)
