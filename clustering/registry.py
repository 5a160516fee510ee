"""Every ownable address of a range: a hash table from 64-bit ids to dense indices, and one record each.

Invariants:
- Records of the two shipped profiles are 32 bytes (36 where codes need 32 bits), so that one look at an
  address touches one line of the processor's cache. A slot of the table is 5 bytes: an index, and 8 bits of
  the id that tell most other addresses apart without a look at their records. At a load of 0.64 to 0.8 that
  is less than 40 bytes per address.
- Labelled addresses come first: index < number of labels if and only if labelled.
- A record has a code per profile; a parent per forest of owners, which leads to the root of its cluster;
  and, per forest that is point in time, the next member of its cluster, in a ring.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import uint8, uint64

from clustering.profiles import Profile, forests
from etl.compiled import compiled, compiled_inner
from etl.compiled.growing import Room
from etl.compiled.prefetch import prefetch

_MAX_LOAD = 0.8
_TABLE_GROWTH = 1.25
_SMALLEST = 1024
_SLOT_AHEAD = 32
_RECORD_AHEAD = 16

_SLOT = np.dtype([("entry", np.uint32), ("tag", np.uint8)])
"""index + 1, 0 where free; the lowest bits of the id"""

NOT_OWNABLE = -1
"""Index of an input or output that nobody can own."""


def record_dtype(code: npt.DTypeLike, profiles: Sequence[Profile]) -> np.dtype[np.void]:
    """Layout of a record whose codes are of type `code`: multiples of 4 bytes, so that all is aligned."""
    point_in_time = sum(not profile.retroactive_exchanges for profile in profiles)
    columns: list[tuple[str, npt.DTypeLike, int]] = [
        ("parent", np.uint32, max(forests(profiles)) + 1),
        ("ring", np.uint32, point_in_time),
        ("code", code, len(profiles)),
    ]
    fields: list[tuple[str, npt.DTypeLike] | tuple[str, npt.DTypeLike, tuple[int]]] = [
        ("id", np.uint64),
        ("balance_sat", np.int64),
        *((name, kind, (count,)) for name, kind, count in columns if count),
    ]
    packed = np.dtype(fields)
    spare = -packed.itemsize % 4
    return np.dtype([*fields, ("spare", np.uint8, (spare,))]) if spare else packed


@compiled_inner
def _home(address_id, slots):  # type: ignore[no-untyped-def]
    """First slot to look at: ids are hashes, so their upper half spreads evenly."""
    return ((address_id >> uint64(32)) * uint64(slots)) >> uint64(32)


@compiled
def _rebuild(records, slot, count):  # type: ignore[no-untyped-def]
    slots = slot.size
    for index in range(count):
        if index + _SLOT_AHEAD < count:
            prefetch(slot, _home(records[index + _SLOT_AHEAD].id, slots))
        address_id = records[index].id
        at = _home(address_id, slots)
        while slot[at].entry != 0:
            at += uint64(1)
            if at == uint64(slots):
                at = uint64(0)
        slot[at].entry = index + 1
        slot[at].tag = uint8(address_id)


@compiled_inner
def index_of(address_id, table):  # type: ignore[no-untyped-def]
    """Index of an address in a Table, registering it where it is new."""
    records, slot = table.records, table.slot
    slots = slot.size
    at = _home(address_id, slots)
    tag = uint8(address_id)
    while True:
        entry = slot[at].entry
        if entry == 0:
            break
        if slot[at].tag == tag and records[uint64(entry) - uint64(1)].id == address_id:
            return np.int64(entry) - 1
        at += uint64(1)
        if at == uint64(slots):
            at = uint64(0)
    index = table.used[0]
    table.used[0] = index + 1
    slot[at].entry = index + 1
    slot[at].tag = tag
    records[index].id = address_id
    for forest in range(table.parent.shape[1]):
        table.parent[index, forest] = index
    for forest in range(table.ring.shape[1]):
        table.ring[index, forest] = index
    return index


@compiled_inner
def look_ahead(ids, i, table):  # type: ignore[no-untyped-def]
    """Have the processor fetch what `index_of` will need for the ids some way after the `i`-th."""
    records, slot = table.records, table.slot
    ahead = i + _SLOT_AHEAD
    if ahead < ids.size:
        prefetch(slot, _home(ids[ahead], slot.size))
    ahead = i + _RECORD_AHEAD
    if ahead < ids.size:
        tag = uint8(ids[ahead])
        at = _home(ids[ahead], slot.size)
        while at < uint64(slot.size) and slot[at].entry != 0:
            if slot[at].tag == tag:
                prefetch(records, uint64(slot[at].entry) - uint64(1))
                break
            at += uint64(1)


@compiled
def _register(ids, table):  # type: ignore[no-untyped-def]
    for address_id in ids:
        index_of(address_id, table)


class Table(NamedTuple):
    """The arrays behind a registry, for compiled code; valid until it grows."""

    records: npt.NDArray[np.void]
    slot: npt.NDArray[np.void]
    """the hash table"""
    used: npt.NDArray[np.int64]
    """(1,) how many addresses there are"""
    parent: npt.NDArray[np.uint32]
    """(records, forests), a view of the records, as are the next two"""
    ring: npt.NDArray[np.uint32]
    """(records, point-in-time forests)"""
    code: npt.NDArray[np.unsignedinteger]
    """(records, profiles)"""


class Registry:
    """Owner of the records and the hash table; grows between batches only."""

    def __init__(self, code: npt.DTypeLike, profiles: Sequence[Profile]) -> None:
        """`code` is the type of codes."""
        self._room = Room(record_dtype(code, profiles))
        self._records = self._room.first(_SMALLEST)
        self._slot = np.zeros(int(_SMALLEST / _MAX_LOAD) + 1, dtype=_SLOT)
        self._count = np.zeros(1, dtype=np.int64)

    def __len__(self) -> int:
        return int(self._count[0])

    @property
    def nbytes(self) -> int:
        """Memory taken."""
        return len(self) * self._records.itemsize + self._slot.nbytes

    def table(self) -> Table:
        """The arrays for compiled code."""
        records = self._records
        parent = records["parent"]
        ring = records["ring"] if "ring" in (records.dtype.names or ()) else parent[:, :0]
        return Table(records, self._slot, self._count, parent, ring, records["code"])

    def reserve(self, more: int) -> None:
        """Make room for `more` new addresses."""
        wanted = len(self) + more
        if wanted > len(self._records):
            self._records = self._room.first(wanted)
        if wanted > len(self._slot) * _MAX_LOAD:
            slots = max(int(wanted / _MAX_LOAD) + 1, int(len(self._slot) * _TABLE_GROWTH))
            self._slot = np.zeros(0, dtype=_SLOT)
            self._slot = np.zeros(slots, dtype=_SLOT)
            _rebuild(self._records, self._slot, len(self))

    def register(self, ids: npt.NDArray[np.uint64]) -> None:
        """Add addresses by id; known ones stay as they are."""
        self.reserve(len(ids))
        _register(ids, self.table())
