"""Which coinbase outputs have been spent.

Invariant: a transaction is known by the first eight bytes of its id, in internal byte order, as a number: of
1.5 billion transactions one shares them with one of a million coinbases with a chance of 1 in 10,000.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import uint64

from etl.jit import compiled

_SLOTS_EACH = 4
_SMALLEST = 1024

Ints = npt.NDArray[np.int64]
Ids = npt.NDArray[np.uint64]


@compiled
def _enter(ids, slot):  # type: ignore[no-untyped-def]
    mask = uint64(slot.size - 1)
    for number in ids:
        at = number & mask
        while slot[at] != 0 and slot[at] != number:
            at = (at + uint64(1)) & mask
        slot[at] = number


@compiled
def _moved(tx_count, in_count, spent, in_sat, slot, moved):  # type: ignore[no-untyped-def]
    mask = uint64(slot.size - 1)
    tx = i = 0
    for block in range(tx_count.size):
        end = i
        for t in range(tx, tx + tx_count[block]):
            end += in_count[t]
        tx += tx_count[block]
        value = np.int64(0)
        for k in range(i, end):
            at = spent[k] & mask
            while slot[at] != 0 and slot[at] != spent[k]:
                at = (at + uint64(1)) & mask
            if slot[at] != 0:
                value += in_sat[k]
        moved[block] = value
        i = end


def short_ids(txids: pa.Array, rows: Ints) -> Ids:
    """The numbers of the transactions in these rows of a column of ids in display order."""
    taken = txids.take(pa.array(rows))
    data = np.frombuffer(taken.buffers()[1], dtype=np.uint8)[taken.offset * 32 :].reshape(-1, 32)
    return np.asarray(np.ascontiguousarray(data[: len(taken), 24:]).view(">u8")[:, 0].astype(np.uint64))


class Coinbases:
    """All coinbases so far, as a hash table of their numbers."""

    def __init__(self, ids: Ids) -> None:
        self._ids = [ids]
        self._count = len(ids)
        self._slot = np.zeros(_SMALLEST, np.uint64)
        self._make_room()

    def state(self) -> Ids:
        """(m,) the numbers, in chain order; a new Coinbases goes on from them."""
        self._ids = [np.concatenate(self._ids)]
        return self._ids[0]

    def add(self, ids: Ids) -> None:
        """Take in the coinbases of a batch of blocks."""
        self._ids.append(ids)
        self._count += len(ids)
        if self._count * _SLOTS_EACH > len(self._slot):
            self._make_room()
        else:
            _enter(ids, self._slot)

    def moved(self, tx_count: Ints, in_count: Ints, spent: Ids, in_sat: Ints) -> Ints:
        """Satoshis of coinbases that each block of a batch spends; columns as in kernel.Batch."""
        moved = np.empty(len(tx_count), np.int64)
        _moved(tx_count, in_count, spent, in_sat, self._slot, moved)
        return moved

    def _make_room(self) -> None:
        wanted = max(_SMALLEST, 2 * _SLOTS_EACH * self._count)
        self._slot = np.zeros(1 << (wanted - 1).bit_length(), np.uint64)
        _enter(self.state(), self._slot)
