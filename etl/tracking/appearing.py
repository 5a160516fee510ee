"""Whose records a range of blocks needs: who appears in it, their roots, and members of changing clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from clustering.tracker import TXIDS, Tracker
from clustering.waking import Records, TrackerState, new_records, strangers
from etl.chain.scripts import LAST_OWNABLE, P2PKH
from etl.compiled.sorting import distinct
from etl.lake.lake import Lake
from etl.lake.lookahead import ahead
from etl.tracking.store.store import View

Ids = npt.NDArray[np.uint64]

IDENTITIES = {
    "blocks": TXIDS["blocks"],
    "txs": ["input_count", "output_count"],
    "inputs": ["address_id", "kind"],
    "outputs": ["address_id", "kind"],
}
"""What `appearing` reads of the lake."""

_UNIFIED = 1 << 23
"""Ids that are gathered before those that are there twice are looked for."""


def ownable(tables: dict[str, pa.Table]) -> Iterator[Ids]:
    """Ids of the ownable addresses of a batch, each once per table."""
    for name in ("inputs", "outputs"):
        ids = tables[name].column("address_id").to_numpy()
        kind = tables[name].column("kind").to_numpy()
        yield distinct(ids[(kind >= P2PKH) & (kind <= LAST_OWNABLE)].astype(np.uint64, copy=False))


def appearing(lake: Lake, first_height: int, last_height: int) -> Ids:
    """Ids of the ownable addresses in the blocks of a range, sorted."""
    found = [np.empty(0, np.uint64)]
    for tables in ahead(lake.batches(IDENTITIES, first_height, last_height)):
        found += ownable(tables)
        if sum(map(len, found[1:])) > max(_UNIFIED, len(found[0])):
            found = [distinct(np.concatenate(found))]
    return distinct(np.concatenate(found))


def _with_roots(view: View, records: Records, wanted: Ids) -> Records:
    """The records with those of `wanted` and of all that are above them; those that have none as new."""
    wanted = strangers(wanted, records["id"])
    while len(wanted):
        found = view.addresses(wanted)
        without = new_records(strangers(wanted, found["id"]), records.dtype)
        records = np.concatenate([records, found, without])
        records = records[np.argsort(records["id"])]
        wanted = strangers(found["parent"].ravel(), records["id"])
    return records


def woken(view: View, ids: Ids) -> TrackerState:
    """The state of a view for blocks in which these addresses appear, sorted ids.

    It is enough to learn joins and to foresee changes.
    """
    found = view.addresses(ids)
    records = _with_roots(view, found, found["parent"].ravel())
    return TrackerState(records, view.miners(distinct(records["parent"].ravel())), view.carry())


def with_members(view: View, state: TrackerState, changing: dict[int, Ids]) -> TrackerState:
    """The state with all members of the clusters that change, by forest as Tracker.changing tells them."""
    if not changing:
        return state
    members = np.concatenate([_members(view, *each) for each in changing.items()])
    records = _with_roots(view, state.records, members)
    return replace(state, records=records, miners=view.miners(distinct(records["parent"].ravel())))


def _members(view: View, forest: int, roots: Ids) -> Ids:
    """All that have joined below these addresses in a forest, and they."""
    found = following = roots
    while len(following):
        following = strangers(view.members(forest, following), found)
        found = np.union1d(found, following)
    return found


def foreseen(
    tracker: Callable[[TrackerState], Tracker], state: TrackerState, batches: Iterator[dict[str, pa.Table]]
) -> dict[int, Ids]:
    """Which clusters get other attributes in the batches, as Tracker.changing tells them."""
    looking = tracker(state)
    for tables in batches:
        looking.foresee(tables)
    return looking.changing()
