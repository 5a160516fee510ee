"""Running the tracker on an economy range by range, with nothing between ranges but a store on disk."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from clustering import resting
from clustering.tracker import Tracker
from clustering.waking import TrackerState
from etl.tracking.appearing import foreseen, ownable, with_members, woken
from etl.tracking.profile_file import load_profiles
from etl.tracking.store import contents, merging, segment
from etl.tracking.store.manifest import Identity
from etl.tracking.store.store import Store
from tests.clustering.economy import Economy
from tests.clustering.reference import SHIPPED_METHODOLOGY
from tests.clustering.tracking import Outcome, Tables, batches, learn, new_tracker, outcome


def cut_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks, segments and mergings such that few records make many of them; nothing waits for the disk."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(resting, "_PIECE", 2)
    monkeypatch.setattr(segment, "BLOCK_RECORDS", 2)
    monkeypatch.setattr(segment, "SEGMENT_BYTES", 150)
    monkeypatch.setattr(segment, "_SPAN_BLOCKS", 2)
    monkeypatch.setattr(segment, "_GAP_BLOCKS", 1)
    monkeypatch.setattr(merging, "TOGETHER", 2)
    monkeypatch.setattr(merging, "FOLDED_BYTES", 100)
    monkeypatch.setattr(merging, "_WINDOW_RECORDS", 2)


def open_store(directory: Path, economy: Economy, methodology: Path = SHIPPED_METHODOLOGY) -> Store:
    """A store in which nothing may be damaged."""
    found = contents.tables(new_tracker(economy).codes.dtype, load_profiles(methodology))
    return Store(directory, found, Identity("regtest", economy.first_height, "some inputs"), pytest.fail)


def _state(store: Store, economy: Economy, parts: list[Tables], methodology: Path) -> TrackerState | None:
    """What the store holds of whom the parts need; the first of them is to be tracked."""
    points = store.manifest.points()
    if not points:
        return None

    def tracker(state: TrackerState) -> Tracker:
        return new_tracker(economy, state, methodology)

    view = store.view(points[0])
    ids = np.unique(np.concatenate([ids for tables in parts for ids in ownable(tables)]))
    state = woken(view, ids)
    return with_members(view, state, foreseen(tracker, state, iter(parts[:1])))


def tracked_in_ranges(
    economy: Economy, cuts: Iterable[int], methodology: Path = SHIPPED_METHODOLOGY, *, as_updates: bool
) -> Outcome:
    """What the tracker says of an economy that is cut into ranges.

    `as_updates`: nothing is known in a range of the blocks after it; otherwise all joins are learnt first,
    as in a long run.
    """
    with tempfile.TemporaryDirectory() as folder:
        results = list(_results(Path(folder), economy, batches(economy, cuts), methodology, as_updates))
    last = results.pop()
    assert isinstance(last, Tracker)
    return outcome(last, results, economy, methodology)  # type: ignore[arg-type]


def _results(
    directory: Path, economy: Economy, parts: list[Tables], methodology: Path, as_updates: bool
) -> Iterator[Tables | Tracker]:
    """The results of all ranges, then the last tracker."""
    rng = random.Random(len(parts))
    for number, part in enumerate(parts):
        known = parts[number : number + 1] if as_updates else parts[number:]
        store = open_store(directory, economy, methodology)
        tracker = new_tracker(economy, _state(store, economy, known, methodology), methodology)
        ownership = None
        for place, learnt in enumerate(known):
            found = learn(tracker, learnt)
            if number == 0 or as_updates:
                yield found
            if place == 0:
                ownership = tracker.ownership()
        yield tracker.track(part)
        heights = part["blocks"].column("height")
        first, last = heights[0].as_py(), heights[-1].as_py()
        with tracker.rested(ownership) as rested:
            store.add([store.write(rested, first, last, f"hash {last}")])
        if rng.random() < 0.7:
            merging.tend(store, last, rng.choice([0, 2]))
    yield tracker
