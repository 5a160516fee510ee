"""Addresses active in a day: distinct identities in inputs and ownable outputs.

Invariants: a day's ownable addresses are gathered as their indices in the registry, and counted when the
day ends; an address has no memory of when it was active. Who was active in the running day before the range
of blocks at hand is known by id, and part of the tracker's state. Genesis counts nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from clustering.registry import NOT_OWNABLE
from etl.compiled import compiled, compiled_inner
from etl.compiled.sorting import distinct

_BUCKET_BITS = 21
"""Indices are counted in buckets whose bitmap fits into a core's own cache (256 KB)."""

Ints = npt.NDArray[np.int64]
Indices = npt.NDArray[np.uint32]
Ids = npt.NDArray[np.uint64]


@compiled_inner
def gather(index, start, end, gathered, used):  # type: ignore[no-untyped-def]
    """Append the ownable ones of `index[start:end]` to `gathered`; returns how many it holds."""
    for k in range(start, end):
        if index[k] != NOT_OWNABLE:
            gathered[used] = index[k]
            used += 1
    return used


@compiled
def _bucketed(indices):  # type: ignore[no-untyped-def]
    """(the indices by bucket, where each bucket ends)"""
    end = np.zeros((np.int64(indices.max()) >> _BUCKET_BITS) + 1, np.int64)
    for index in indices:
        end[np.int64(index) >> _BUCKET_BITS] += 1
    total = 0
    for bucket in range(end.size):
        size = end[bucket]
        end[bucket] = total
        total += size
    ordered = np.empty_like(indices)
    for index in indices:
        home = np.int64(index) >> _BUCKET_BITS
        ordered[end[home]] = index
        end[home] += 1
    return ordered, end


@compiled
def count_distinct(indices):  # type: ignore[no-untyped-def]
    """How many different ones there are among `indices`, unsigned 32-bit numbers."""
    if indices.size == 0:
        return 0
    ordered, end = _bucketed(indices)
    bitmap = np.zeros((1 << _BUCKET_BITS) // 64, np.uint64)
    distinct = 0
    start = 0
    for bucket in range(end.size):
        for k in range(start, end[bucket]):
            place = ordered[k] & np.uint32((1 << _BUCKET_BITS) - 1)
            bit = np.uint64(1) << np.uint64(place & np.uint32(63))
            if bitmap[place >> np.uint32(6)] & bit == 0:
                bitmap[place >> np.uint32(6)] |= bit
                distinct += 1
        for k in range(start, end[bucket]):
            bitmap[(ordered[k] & np.uint32((1 << _BUCKET_BITS) - 1)) >> np.uint32(6)] = 0
        start = end[bucket]
    return distinct


class ActiveDay:
    """What the running day has gathered so far."""

    def __init__(self, day: int, ids: Ids, others: Ids) -> None:
        """`ids` and `others` are who was active in `day`, -1 for none, before the range: ownable or not."""
        self._day = day
        self._before = ids, others
        self._indices: list[Indices] = []
        self._others: list[Ids] = []

    def gathered(self, ids: Ids) -> tuple[int, Ids, Ids]:
        """(running day, ownable identities, others) of the range; `ids` is by index of address."""
        indices = np.concatenate([np.empty(0, np.uint32), *self._indices])
        return self._day, distinct(ids[distinct(indices)]), self._distinct_others()

    def add(self, days: Ints, indices: Indices, ends: Ints, ids: Ids, others: tuple[Ids, Ints]) -> Ints:
        """Take in a batch of n blocks; returns rows (day, distinct addresses) of the days that ended.

        `days` and `ends` are (n,): each block's day, and where its part of `indices` ends; `ids` is by index
        of address; `others` are other identities and where each block's part of them ends.
        """
        rows = list(self._rows(days, indices, ends, ids, others))
        return np.array(rows, np.int64).reshape(-1, 2)

    def _rows(
        self, days: Ints, indices: Indices, ends: Ints, ids: Ids, others: tuple[Ids, Ints]
    ) -> Iterator[tuple[int, int]]:
        lasts = np.flatnonzero(np.append(days[1:] != days[:-1], True)).tolist()
        start = other_start = 0
        for last in lasts:
            day, end, other_end = int(days[last]), int(ends[last]), int(others[1][last])
            if day != self._day:
                if self._day >= 0:
                    yield self._day, self._count(ids)
                self._day, self._indices, self._others = day, [], []
                self._before = np.empty(0, np.uint64), np.empty(0, np.uint64)
            self._indices.append(indices[start:end].copy())
            self._others.append(others[0][other_start:other_end].copy())
            start, other_start = end, other_end

    def running(self, ids: Ids) -> Ints:
        """The row (day, distinct addresses) of the running day, (1, 2), as it stands."""
        return np.array([[self._day, self._count(ids)]], np.int64)

    def _distinct_others(self) -> Ids:
        return distinct(np.concatenate([np.empty(0, np.uint64), *self._others]))

    def _count(self, ids: Ids) -> int:
        indices = np.concatenate([np.empty(0, np.uint32), *self._indices])
        earlier, earlier_others = self._before
        if len(earlier):
            owned = len(distinct(np.concatenate([earlier, ids[indices]])))
        else:
            owned = int(count_distinct(indices))
        return owned + len(distinct(np.concatenate([earlier_others, *self._others])))
