"""From the lake to the tracker's results, range by range: wake records, learn ownership, track, rest.

Invariants: a range needs the store as it was before, and nothing else; it leaves results and a delta of the
store. Results are files in a folder that the warehouse loads whole; none reaches across the end of a range,
and what was held at the end of the block before the first is told again: its day may end there now.
A long run is cut LAST_RANGE blocks below its last block, so that a reorganisation replays few.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from clustering.attributes import CodeBook
from clustering.result_tables import TABLES
from clustering.tracker import COLUMNS, OWNERSHIP_COLUMNS, TXIDS, Tracker
from clustering.waking import TrackerState
from etl.chain.networks import Network
from etl.compiled.memory import give_back_memory, keep_freed_memory
from etl.disk.datadir import DataDirectory
from etl.lake.lake import Lake
from etl.lake.lookahead import ahead
from etl.progress import Progress
from etl.tracking.appearing import appearing, foreseen, with_members, woken
from etl.tracking.inputs import Inputs
from etl.tracking.store.manifest import Delta
from etl.tracking.store.store import Store, View

LAST_RANGE = 144
"""Blocks (about a day) of the last range of a long run."""


@dataclass(frozen=True)
class TrackingPlan:
    """What a tracking run is to do."""

    network: Network
    first_height: int
    """where the indexed range starts"""
    last_height: int
    base: Delta | None
    """where to go on; None to start from first_height"""

    @property
    def from_height(self) -> int:
        """First height to be tracked."""
        return self.first_height if self.base is None else self.base.last_height + 1

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """First and last height of each range."""
        first, last = self.from_height, self.last_height
        cut = last - LAST_RANGE
        if cut < first + (LAST_RANGE if self.base else 0):
            return [(first, last)]
        return [(first, cut), (cut + 1, last)]


@dataclass(frozen=True)
class Tracked:
    """Results of a run: Parquet files by table name (see clustering.result_tables.TABLES)."""

    folder: Path
    codes: CodeBook
    address_count: int
    state_bytes: int
    deltas: list[Delta]
    """written, but not part of the store yet"""

    def path(self, table: str) -> Path:
        """File of one table."""
        return self.folder / f"{table}.parquet"


class ResultWriter:
    """Appends the tracker's tables to Parquet files."""

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._writers = {
            name: pq.ParquetWriter(folder / f"{name}.parquet", schema, compression="lz4")
            for name, schema in TABLES.items()
        }

    def write(self, tables: dict[str, pa.Table]) -> None:
        """Append rows; tables not named get none."""
        for name, table in tables.items():
            if table.num_rows:
                self._writers[name].write_table(table)

    def close(self) -> None:
        """Finish the files."""
        for writer in self._writers.values():
            writer.close()


def track(
    plan: TrackingPlan, lake: Lake, data_dir: DataDirectory, inputs: Inputs, store: Store, progress: Progress
) -> Tracked:
    """Run the tracker over the plan's blocks. Raises StoreDamaged."""
    keep_freed_memory()
    run = _Run(plan, lake, inputs, store, ResultWriter(data_dir.temporary / "results"), progress)
    view, deltas = store.view(plan.base), []
    addresses = state_bytes = 0
    for first, last in plan.ranges:
        tracker = _Range(run, view, first, last).track()
        with tracker.rested(run.ownership) as rested:
            deltas.append(store.write(rested, first, last, lake.hash_at(last)))
        view = view.with_delta(deltas[-1])
        addresses = max(addresses, tracker.address_count)
        state_bytes = max(state_bytes, tracker.nbytes)
        del tracker, rested
    run.writer.close()
    give_back_memory()
    return Tracked(data_dir.temporary / "results", inputs.codes, addresses, state_bytes, deltas)


@dataclass
class _Run:
    """What the ranges of a run share."""

    plan: TrackingPlan
    lake: Lake
    inputs: Inputs
    store: Store
    writer: ResultWriter
    progress: Progress
    ownership: npt.NDArray[np.uint32] | None = None
    """as it was learnt up to the end of the range at hand; None where nothing was learnt beyond"""


@dataclass(frozen=True)
class _Range:
    """Blocks that are tracked after what a view holds."""

    run: _Run
    view: View
    first: int
    last: int

    def track(self) -> Tracker:
        """Learn, track and write the results; returns the tracker as it is after the last block."""
        run, plan = self.run, self.run.plan
        tracker = self._tracker(self._state() if self.view else None)
        self._learn_ownership(tracker)
        if self._is_first:
            run.progress.station("track", plan.last_height - plan.from_height + 1)
            if plan.base is not None:
                run.writer.write(tracker.held(plan.base.last_height))
        for tables in ahead(run.lake.batches(COLUMNS, self.first, self.last)):
            run.writer.write(tracker.track(tables))
            run.progress.advance(tables["blocks"].num_rows)
        if self.last == plan.last_height:
            run.writer.write(tracker.finish())
        return tracker

    @property
    def _is_first(self) -> bool:
        return self.first == self.run.plan.from_height

    def _tracker(self, state: TrackerState | None) -> Tracker:
        inputs, plan = self.run.inputs, self.run.plan
        return Tracker(plan.network, inputs.pools, inputs.labels, inputs.profiles, plan.first_height, state)

    def _state(self) -> TrackerState:
        """What the view holds of whom the range needs."""
        lake = self.run.lake
        state = woken(self.view, appearing(lake, self.first, self.run.plan.last_height))
        batches = ahead(lake.batches(COLUMNS, self.first, self.last))
        return with_members(self.view, state, foreseen(self._tracker, state, batches))

    def _learn_ownership(self, tracker: Tracker) -> None:
        """Learn all joins up to the last block of the run; conflicts are told once."""
        run, last = self.run, self.run.plan.last_height
        run.ownership = None
        if self._is_first:
            run.progress.station("own", last - self.first + 1)
        for start, end in ((self.first, self.last), (self.last + 1, last)):
            if start > end:
                continue
            if start > self.last:
                run.ownership = tracker.ownership()
            for tables in ahead(run.lake.batches(OWNERSHIP_COLUMNS, start, end)):
                found = tracker.learn_ownership(tables, partial(_txids, run.lake, tables))
                if self._is_first:
                    run.writer.write(found)
                    run.progress.advance(tables["blocks"].num_rows)


def _txids(lake: Lake, tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables of TXIDS of a batch."""
    heights = tables["blocks"].column("height")
    return next(lake.batches(TXIDS, heights[0].as_py(), heights[-1].as_py()))
