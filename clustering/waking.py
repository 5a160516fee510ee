"""Records of addresses that rested in a store, woken into a registry for the blocks in which they appear.

Invariants:
- A stored record names addresses by id alone. Its parent is an owner's address above it in that forest, or
  itself; who follows parents comes to the root. An address without a record is as if never seen: it holds
  nothing, bears nothing and is its own root.
- Woken addresses lie right below their roots. Labelled addresses come first, then the roots of the forest
  whose exchanges own retroactively, so that there a parent has a lower index than its child.
- The rings of woken addresses link those that are awake; members that still rest are in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clustering.profiles import Profile, forests
from clustering.registry import Registry
from etl.compiled.sorting import distinct

Ints = npt.NDArray[np.int64]
Ids = npt.NDArray[np.uint64]
Records = npt.NDArray[np.void]

NO_MINER = -1
"""Instead of a height: no mining cluster has this root in this profile."""

MEMBER = np.dtype([("id", np.uint64), ("member", np.uint64)])
"""A cluster's root, and an address that joined it then."""


def stored_dtype(code: npt.DTypeLike, profiles: Sequence[Profile]) -> np.dtype[np.void]:
    """Layout of a stored record whose codes are of type `code`."""
    return np.dtype(
        [
            ("id", np.uint64), ("balance_sat", np.int64),
            ("parent", np.uint64, (max(forests(profiles)) + 1,)), ("code", code, (len(profiles),)),
        ]
    )  # fmt: skip


def miner_dtype(profiles: Sequence[Profile]) -> np.dtype[np.void]:
    """Layout of a mining cluster's record: its root, the height of its first known pool in each profile."""
    return np.dtype([("id", np.uint64), ("height", np.int32, (len(profiles),))])


@dataclass(frozen=True)
class Carry:
    """What is carried from range to range beside records."""

    supply: Ints
    """(profiles, 2 + codes): balances, see clustering.holdings"""
    active_day: int
    """the running day, see clustering.activity; the next two are who has been active in it"""
    active_ids: Ids
    active_others: Ids
    coinbases: Ids
    """see clustering.coinbase_spends"""


@dataclass(frozen=True)
class TrackerState:
    """What the tracker must know of the blocks before a range, to track the range."""

    records: Records
    """(n,) of stored_dtype, by id: of all addresses that appear and have one, and of all their roots"""
    miners: Records
    """(m,) of miner_dtype: mining clusters among the roots"""
    carry: Carry


def new_records(ids: Ids, dtype: np.dtype[np.void]) -> Records:
    """Records of addresses never seen."""
    records = np.zeros(len(ids), dtype)
    records["id"] = ids
    records["parent"] = ids[:, None]
    return records


def is_new(records: Records) -> npt.NDArray[np.bool_]:
    """Which records are as those of addresses never seen, (n,)."""
    alone = (records["parent"] == records["id"][:, None]).all(axis=1)
    found: npt.NDArray[np.bool_] = alone & (records["balance_sat"] == 0) & (records["code"] == 0).all(axis=1)
    return found


def strangers(wanted: Ids, known: Ids) -> Ids:
    """Which of `wanted` are not among `known`, which are sorted; sorted, each once."""
    wanted = distinct(wanted)
    if not len(known):
        return wanted
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.asarray(wanted[known[at] != wanted])


def root_places(records: Records) -> Ints:
    """(n, forests): the row of each record's root; the rows of all parents are there, sorted by id."""
    up = np.searchsorted(records["id"], records["parent"]).astype(np.int64)
    for forest in range(up.shape[1]):
        column = up[:, forest]
        while True:
            above = column[column]
            if (above == column).all():
                break
            column[:] = above
    return up


@dataclass(frozen=True)
class Woken:
    """The records that were woken, and where they are in the registry."""

    records: Records
    roots: Ids
    """(n, forests): ids of their roots"""
    place: Ints
    """by index in the registry: the row in `records`, -1 of a labelled address that has none"""


def wake(registry: Registry, labels: Ids, state: TrackerState | None, profiles: Sequence[Profile]) -> Woken:
    """Register the labelled addresses, sorted ids, and those of a state."""
    registry.register(labels)
    table = registry.table()
    dtype = stored_dtype(table.code.dtype, profiles)
    records = np.zeros(0, dtype) if state is None else state.records
    ids, up = records["id"], root_places(records)
    index = _indices(ids, labels, up[:, max(forests(profiles))])
    order = np.argsort(index)
    registry.register(ids[order][np.searchsorted(index[order], len(labels)) :])
    table = registry.table()
    table.records["balance_sat"][index] = records["balance_sat"]
    table.code[index] = records["code"]
    for forest in range(up.shape[1]):
        root = index[up[:, forest]]
        table.parent[index, forest] = root
        if forest < table.ring.shape[1]:
            _link(table.ring[:, forest], index, root)
    place = np.full(len(registry), -1, np.int64)
    place[index] = np.arange(len(index))
    return Woken(records, ids[up], place)


def _indices(ids: Ids, labels: Ids, shared_root: Ints) -> Ints:
    """The index in the registry that each record is to get."""
    is_root = shared_root == np.arange(len(ids))
    at = np.searchsorted(labels, ids)
    is_labelled = np.zeros(len(ids), np.bool_)
    inside = at < len(labels)
    is_labelled[inside] = labels[at[inside]] == ids[inside]
    index = at.astype(np.int64)
    others = np.flatnonzero(~is_labelled)
    roots_first = others[np.argsort(~is_root[others], kind="stable")]
    index[roots_first] = len(labels) + np.arange(len(others))
    return index


def _link(ring: npt.NDArray[np.uint32], index: Ints, root: Ints) -> None:
    """Have each address's entry in `ring` lead to the next one with the same root."""
    if not len(index):
        return
    order = np.argsort(root, kind="stable")
    member, of = index[order], root[order]
    is_first = np.append(True, of[1:] != of[:-1])
    following = np.roll(member, -1)
    following[np.append(is_first[1:], True)] = member[is_first]
    ring[member] = following


def miner_places(state: TrackerState | None, woken: Woken, profiles: Sequence[Profile]) -> Ints:
    """(m, 3) rows (profile, index, height) of a state's mining clusters."""
    if state is None or not len(state.miners):
        return np.empty((0, 3), np.int64)
    index = np.empty(len(woken.records), np.int64)
    held = np.flatnonzero(woken.place >= 0)
    index[woken.place[held]] = held
    at = index[np.searchsorted(woken.records["id"], state.miners["id"])]
    rows = [
        np.column_stack((np.full(len(at), number), at, state.miners["height"][:, number]))
        for number in range(len(profiles))
    ]
    found = np.concatenate(rows).astype(np.int64)
    return np.asarray(found[found[:, 2] != NO_MINER])
