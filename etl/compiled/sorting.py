"""Sorting inside compiled code: heapsort, small to compile and without any array of its own.

And what is there once, by NumPy's sort: from NumPy 2.3 on np.unique puts each value into a hash table first,
which takes several times as long for millions of ids.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from etl.compiled import compiled_inner

_Integer = TypeVar("_Integer", bound=np.integer)


def distinct(values: npt.NDArray[_Integer]) -> npt.NDArray[_Integer]:
    """The values of an array of one dimension, each once, sorted."""
    ordered = np.sort(values)
    is_first = np.ones(len(ordered), np.bool_)
    is_first[1:] = ordered[1:] != ordered[:-1]
    return ordered[is_first]


@compiled_inner
def _sift(values, root, size):  # type: ignore[no-untyped-def]
    value = values[root]
    child = 2 * root + 1
    while child < size:
        if child + 1 < size and values[child] < values[child + 1]:
            child += 1
        if values[child] <= value:
            break
        values[root] = values[child]
        root = child
        child = 2 * root + 1
    values[root] = value


@compiled_inner
def sort(values, size):  # type: ignore[no-untyped-def]
    """Sort `values[:size]` in place, ascending."""
    for root in range(size // 2 - 1, -1, -1):
        _sift(values, root, size)
    for last in range(size - 1, 0, -1):
        largest = values[0]
        values[0] = values[last]
        values[last] = largest
        _sift(values, 0, last)
