"""Where the blocks of the tree lie in their files, and beside what.

Invariant: rows are positions in storage order, as in the tree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from etl.compiled.arrays import Bytes, Ints
from etl.sources.blockfiles.records import Records
from etl.sources.blockfiles.tree import HeaderTree


@dataclass(frozen=True)
class StoredBlocks:
    """Every block of every file, in storage order."""

    file_number: Ints
    offset: Ints
    size: Ints
    header: Bytes


def stored_blocks(numbers: list[int], found: list[Records]) -> StoredBlocks:
    """The blocks of the numbered files."""
    return StoredBlocks(
        file_number=np.repeat(np.array(numbers), [len(records.offset) for records in found]),
        offset=np.concatenate([records.offset for records in found]),
        size=np.concatenate([records.size for records in found]),
        header=np.concatenate([records.head for records in found]),
    )


def ranks(tree: HeaderTree, blocks: StoredBlocks) -> Ints:
    """Position of each block by height among the connected blocks of its file."""
    order = np.lexsort((tree.height, blocks.file_number))
    order = order[tree.height[order] > 0]
    numbers = blocks.file_number[order]
    starts = np.searchsorted(numbers, numbers, side="left")
    rank = np.zeros(len(tree.height), dtype=np.int64)
    rank[order] = np.arange(len(order)) - starts
    return rank


def rivals(tree: HeaderTree, blocks: StoredBlocks) -> dict[int, tuple[tuple[int, int], ...]]:
    """Offset and size of the other blocks of the same file with the same parent, by row of the block."""
    families: dict[tuple[int, int], list[int]] = {}
    parents, counts = np.unique(tree.parent[tree.parent >= 0], return_counts=True)
    for row in np.flatnonzero(np.isin(tree.parent, parents[counts > 1])).tolist():
        families.setdefault((int(tree.parent[row]), int(blocks.file_number[row])), []).append(row)
    return {row: _places_of_others(row, rows, tree, blocks) for rows in families.values() for row in rows}


def _places_of_others(
    row: int, rows: list[int], tree: HeaderTree, blocks: StoredBlocks
) -> tuple[tuple[int, int], ...]:
    """Of the rows that are not copies of `row`, one of each block."""
    others = {int(tree.first_copy[other]): other for other in rows}
    others.pop(int(tree.first_copy[row]))
    return tuple((int(blocks.offset[other]), int(blocks.size[other])) for other in others.values())


def copies(tree: HeaderTree) -> dict[int, tuple[int, ...]]:
    """All rows of each block that is stored more than once, by the first."""
    found: dict[int, list[int]] = {}
    for row in np.flatnonzero(tree.first_copy != np.arange(len(tree.first_copy))).tolist():
        first = int(tree.first_copy[row])
        found.setdefault(first, [first]).append(row)
    return {first: tuple(rows) for first, rows in found.items()}
