"""What a registry gives back to the store when a range of blocks ends: the records that are others now.

Invariants: a record is given back if it is not what it was when it was woken, or, of an address that had
none, not what nobody's is. An address is told as a member once, when its root becomes another's for the
first time, and not of a cluster that bears an exchange: such a cluster's attributes never change again, so
nobody asks for its members.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clustering.owners import root_of
from clustering.profiles import Profile
from clustering.registry import Table
from clustering.waking import MEMBER, NO_MINER, Carry, Ids, Ints, Records, Woken, miner_dtype
from etl.compiled import compiled

_PIECE = 1 << 21
"""Records that are sorted at once, about."""
_MOST_BITS = 8

Indices = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Rested:
    """What a range leaves; the iterators read the registry, so consume them before it goes on."""

    records: Iterator[Records]
    """of clustering.waking.stored_dtype, by id"""
    members: list[Iterator[Records]]
    """per point-in-time forest, of MEMBER, by root and member"""
    miners: Records
    """of miner_dtype, by id"""
    carry: Carry
    """who was active in the running day, and the coinbases, are those of the range alone"""


@compiled
def lie_below_roots(parent, count):  # type: ignore[no-untyped-def]
    """Put each of the first `count` addresses right below its root, in every forest."""
    for forest in range(parent.shape[1]):
        column = parent[:, forest]
        for index in range(count):
            column[index] = root_of(column, index)


@compiled
def _changed(table, place, balance_sat, parent, code):  # type: ignore[no-untyped-def]
    """Indices of addresses whose record is not what it was; the last three are by row of those woken."""
    records, count = table.records, table.used[0]
    found, used = np.empty(count, np.uint32), 0
    for i in range(count):
        row = place[i] if i < place.size else -1
        differs = records[i].balance_sat != (balance_sat[row] if row >= 0 else 0)
        for forest in range(table.parent.shape[1]):
            was = parent[row, forest] if row >= 0 else records[i].id
            differs |= records[table.parent[i, forest]].id != was
        for profile in range(table.code.shape[1]):
            differs |= table.code[i, profile] != (code[row, profile] if row >= 0 else 0)
        if differs:
            found[used] = i
            used += 1
    return found[:used]


@compiled
def _joined(table, forest, place, root, labels):  # type: ignore[no-untyped-def]
    """Indices of addresses that were roots and now lie below one that is not among the labelled."""
    records, count = table.records, table.used[0]
    found, used = np.empty(count, np.uint32), 0
    for i in range(count):
        up = np.int64(table.parent[i, forest])
        if up == i or up < labels:
            continue
        row = place[i] if i < place.size else -1
        if row < 0 or root[row, forest] == records[i].id:
            found[used] = i
            used += 1
    return found[:used]


@compiled
def _partitioned(indices, keys, bits):  # type: ignore[no-untyped-def]
    """(the indices by the highest `bits` of `keys[index]`, where each part ends)"""
    counts = np.zeros(1 << bits, np.int64)
    shift = np.uint64(63 - bits)  # by one bit less, then by one: a shift by 64 is none
    for index in indices:
        counts[np.int64(keys[index] >> shift >> np.uint64(1))] += 1
    end = np.cumsum(counts) - counts
    ordered = np.empty_like(indices)
    for index in indices:
        part = np.int64(keys[index] >> shift >> np.uint64(1))
        ordered[end[part]] = index
        end[part] += 1
    return ordered, end


@compiled
def _keys_of_roots(table, forest):  # type: ignore[no-untyped-def]
    keys = np.empty(table.used[0], np.uint64)
    for i in range(keys.size):
        keys[i] = table.records[table.parent[i, forest]].id
    return keys


def _pieces(indices: Indices, keys: Ids) -> Iterator[Indices]:
    """The indices in parts, each of higher `keys[index]` than the one before."""
    bits = min(_MOST_BITS, max(0, (len(indices) // _PIECE).bit_length()))
    ordered, ends = _partitioned(indices, keys, bits)
    start = 0
    for end in ends.tolist():
        if end > start:
            yield ordered[start:end]
        start = end


def changed_records(table: Table, woken: Woken) -> Iterator[Records]:
    """Records by id, of addresses that lie below their roots, in parts."""
    was = woken.records
    changed = _changed(
        table, woken.place, *(np.ascontiguousarray(was[name]) for name in ("balance_sat", "parent", "code"))
    )
    ids = table.records["id"]
    for piece in _pieces(changed, ids):
        index = piece[np.argsort(ids[piece])]
        records = np.zeros(len(index), was.dtype)
        records["id"] = ids[index]
        records["balance_sat"] = table.records["balance_sat"][index]
        records["parent"] = ids[table.parent[index]]
        records["code"] = table.code[index]
        yield records


def new_members(table: Table, woken: Woken, forest: int, labels: int) -> Iterator[Records]:
    """Rows of MEMBER of a point-in-time forest, by root and member, in parts."""
    joined = _joined(table, forest, woken.place, np.ascontiguousarray(woken.roots), labels)
    ids = table.records["id"]
    keys = _keys_of_roots(table, forest) if len(joined) else np.empty(0, np.uint64)
    for piece in _pieces(joined, keys):
        index = piece[np.lexsort((ids[piece], keys[piece]))]
        rows = np.empty(len(index), MEMBER)
        rows["id"], rows["member"] = keys[index], ids[index]
        yield rows


def miner_records(ids: Ids, places: Ints, profiles: Sequence[Profile]) -> Records:
    """Mining clusters' records by id, of (m, 3) rows (profile, index, height); `ids` is by index."""
    index, row = np.unique(places[:, 1], return_inverse=True)
    records = np.empty(len(index), miner_dtype(profiles))
    records["id"] = ids[index]
    records["height"] = NO_MINER
    records["height"][row, places[:, 0]] = places[:, 2]
    return np.asarray(records[np.argsort(records["id"])])
