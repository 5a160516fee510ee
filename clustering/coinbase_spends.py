"""Which coinbase outputs have been spent.

Invariants:
- A transaction is known by the first eight bytes of its id, in internal byte order, as a number: of 1.5
  billion transactions one shares them with one of a million coinbases with a chance of 1 in 10,000.
- Few inputs spend a coinbase: a bitmap of 8 to 32 bits for each, which stays in the processor's cache, tells
  nearly all others, so that the table itself is seldom looked at.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import uint64

from etl.compiled import compiled, compiled_inner

_SLOTS_EACH = 2
_BITS_EACH = 4
"""Bits of the bitmap per slot."""
_SMALLEST = 1024

Ints = npt.NDArray[np.int64]
Ids = npt.NDArray[np.uint64]


@compiled_inner
def _bit_of(number, bits):  # type: ignore[no-untyped-def]
    """(word, bit) of a number in the bitmap, from other bits than its slot's."""
    place = (number >> uint64(32)) & uint64(64 * bits.size - 1)
    return place >> uint64(6), uint64(1) << (place & uint64(63))


@compiled
def _enter(ids, slot, bits):  # type: ignore[no-untyped-def]
    mask = uint64(slot.size - 1)
    for number in ids:
        word, bit = _bit_of(number, bits)
        bits[word] |= bit
        at = number & mask
        while slot[at] != 0 and slot[at] != number:
            at = (at + uint64(1)) & mask
        slot[at] = number


@compiled
def _moved(tx_count, in_count, spent, in_sat, slot, bits, moved):  # type: ignore[no-untyped-def]
    mask = uint64(slot.size - 1)
    tx = i = 0
    for block in range(tx_count.size):
        end = i
        for t in range(tx, tx + tx_count[block]):
            end += in_count[t]
        tx += tx_count[block]
        value = np.int64(0)
        for k in range(i, end):
            word, bit = _bit_of(spent[k], bits)
            if bits[word] & bit == 0:
                continue
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
    """All coinbases so far, as a hash table of their numbers and a bitmap before it."""

    def __init__(self, ids: Ids) -> None:
        self._ids = [ids]
        self._count = len(ids)
        self._make_room()

    def added(self) -> Ids:
        """(m,) the numbers that were added, in chain order."""
        return np.concatenate([np.empty(0, np.uint64), *self._ids[1:]])

    def add(self, ids: Ids) -> None:
        """Take in the coinbases of a batch of blocks."""
        self._ids.append(ids)
        self._count += len(ids)
        if self._count * _SLOTS_EACH > len(self._slot):
            self._make_room()
        else:
            _enter(ids, self._slot, self._bits)

    def moved(self, tx_count: Ints, in_count: Ints, spent: Ids, in_sat: Ints) -> Ints:
        """Satoshis of coinbases that each block of a batch spends; columns as in kernel.Batch."""
        moved = np.empty(len(tx_count), np.int64)
        _moved(tx_count, in_count, spent, in_sat, self._slot, self._bits, moved)
        return moved

    def _make_room(self) -> None:
        wanted = max(_SMALLEST, 2 * _SLOTS_EACH * self._count)
        self._slot = np.zeros(1 << (wanted - 1).bit_length(), np.uint64)
        self._bits = np.zeros(len(self._slot) * _BITS_EACH // 64, np.uint64)
        for ids in self._ids:
            _enter(ids, self._slot, self._bits)
