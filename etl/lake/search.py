"""Finding the first rows at which wanted ids stand.

Invariant: ids are hashes, so they spread evenly: about one wanted id shares its highest bits with any other.
"""

from __future__ import annotations

import numpy as np
from numba import uint64

from etl.compiled import compiled
from etl.compiled.arrays import Ids, Ints
from etl.compiled.prefetch import prefetch

_PLACE_AHEAD, _ID_AHEAD = 32, 16


@compiled
def _take_new(ids, wanted, start, shift, is_found, rows):  # type: ignore[no-untyped-def]
    """Write the first rows of wanted ids not found before to `rows`; returns how many."""
    found = 0
    for i in range(ids.size):
        if i + _PLACE_AHEAD < ids.size:
            prefetch(start, ids[i + _PLACE_AHEAD] >> shift)
        if i + _ID_AHEAD < ids.size:
            ahead = np.int64(start[ids[i + _ID_AHEAD] >> shift])
            if ahead < wanted.size:
                prefetch(wanted, ahead)
        place = ids[i] >> shift
        for k in range(np.int64(start[place]), np.int64(start[place + uint64(1)])):
            if wanted[k] == ids[i]:
                if not is_found[k]:
                    is_found[k] = True
                    rows[found] = i
                    found += 1
                break
    return found


class Wanted:
    """Ids that are looked for, sorted and distinct."""

    def __init__(self, ids: Ids) -> None:
        bits = max(1, (len(ids) - 1).bit_length())
        self._ids = ids
        self._shift = np.uint64(64 - bits)
        bounds = np.arange(1 << bits, dtype=np.uint64) << self._shift
        self._start = np.append(np.searchsorted(ids, bounds), len(ids)).astype(np.uint32)
        self._is_found = np.zeros(len(ids), dtype=np.bool_)
        self.left = len(ids)
        """how many have not been found"""

    def new_among(self, ids: Ids) -> Ints:
        """Rows of `ids` that hold a wanted one for the first time."""
        rows = np.empty(min(len(ids), self.left), dtype=np.int64)
        found = int(_take_new(ids, self._ids, self._start, self._shift, self._is_found, rows))
        self.left -= found
        return rows[:found]
