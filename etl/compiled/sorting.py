"""Sorting inside compiled code: heapsort, small to compile and without any array of its own."""

from __future__ import annotations

from etl.compiled import compiled_inner


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
