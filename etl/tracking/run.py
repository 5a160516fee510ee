"""From the lake to the tracker's results: restore, learn ownership, track, leave a checkpoint.

Invariants: results are files in a folder that the warehouse loads whole; a checkpoint is left
CHECKPOINT_DEPTH blocks below the last one tracked, so that the next run, and any reorganisation that is
less deep, replays few blocks. Results from the checkpoint on replace earlier ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from clustering.attributes import CodeBook
from clustering.result_tables import TABLES
from clustering.tracker import COLUMNS, OWNERSHIP_COLUMNS, TXIDS, Tracker, TrackerState
from etl.chain.networks import Network
from etl.compiled.memory import give_back_memory, keep_freed_memory
from etl.disk.datadir import DataDirectory
from etl.lake.lake import Lake
from etl.lake.lookahead import ahead
from etl.progress import Progress
from etl.tracking import checkpoints
from etl.tracking.checkpoints import Checkpoint
from etl.tracking.inputs import Inputs

CHECKPOINT_DEPTH = 144
"""Blocks (about a day) between the checkpoint that a run leaves and its last block."""


@dataclass(frozen=True)
class TrackingPlan:
    """What a tracking run is to do."""

    network: Network
    first_height: int
    """where the indexed range starts"""
    last_height: int
    base: Checkpoint | None
    """where to go on; None to start from first_height"""

    @property
    def from_height(self) -> int:
        """First height to be tracked."""
        return self.first_height if self.base is None else self.base.height + 1

    @property
    def checkpoint_height(self) -> int | None:
        """Where to leave a checkpoint, None where the run is too short to need a new one."""
        height = self.last_height - CHECKPOINT_DEPTH
        return height if height >= self.from_height + (CHECKPOINT_DEPTH if self.base else 0) else None


@dataclass(frozen=True)
class Tracked:
    """Results of a run: Parquet files by table name (see clustering.result_tables.TABLES)."""

    folder: Path
    codes: CodeBook
    address_count: int
    state_bytes: int

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
    plan: TrackingPlan, lake: Lake, data_dir: DataDirectory, inputs: Inputs, state: TrackerState | None,
    progress: Progress,
) -> Tracked:  # fmt: skip
    """Run the tracker over the plan's blocks and leave a checkpoint."""
    keep_freed_memory()
    tracker = Tracker(plan.network, inputs.pools, inputs.labels, inputs.profiles, plan.first_height, state)
    folder = data_dir.temporary / "results"
    writer = ResultWriter(folder)
    owners = _learn_ownership(plan, lake, tracker, writer, progress)
    progress.station("track", plan.last_height - plan.from_height + 1)
    for first, last in _stretches(plan):
        for tables in ahead(lake.batches(COLUMNS, first, last)):
            writer.write(tracker.track(tables))
            progress.advance(tables["blocks"].num_rows)
        if last == plan.checkpoint_height:
            _leave_checkpoint(plan, lake, data_dir, inputs, tracker, owners)
    writer.write(tracker.finish())
    writer.close()
    give_back_memory()
    return Tracked(folder, tracker.codes, tracker.address_count, tracker.nbytes)


def _stretches(plan: TrackingPlan) -> Iterator[tuple[int, int]]:
    """The plan's heights, cut after the height of the checkpoint."""
    at = plan.checkpoint_height
    if at is not None:
        yield plan.from_height, at
    yield (plan.from_height if at is None else at + 1), plan.last_height


def _learn_ownership(
    plan: TrackingPlan, lake: Lake, tracker: Tracker, writer: ResultWriter, progress: Progress
) -> npt.NDArray[np.uint32]:
    """Learn all joins; returns the ownership as it was at the height of the checkpoint."""
    progress.station("own", plan.last_height - plan.from_height + 1)
    owners = np.empty(0, dtype=np.uint32)
    for first, last in _stretches(plan):
        for tables in ahead(lake.batches(OWNERSHIP_COLUMNS, first, last)):
            writer.write(tracker.learn_ownership(tables, partial(_txids, lake, tables)))
            progress.advance(tables["blocks"].num_rows)
        if last == plan.checkpoint_height:
            owners = tracker.ownership()
    return owners


def _txids(lake: Lake, tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables of TXIDS of a batch."""
    heights = tables["blocks"].column("height")
    return next(lake.batches(TXIDS, heights[0].as_py(), heights[-1].as_py()))


def _leave_checkpoint(
    plan: TrackingPlan, lake: Lake, data_dir: DataDirectory, inputs: Inputs, tracker: Tracker,
    owners: npt.NDArray[np.uint32],
) -> None:  # fmt: skip
    """Save the state with the ownership known at its height: later joins may yet be undone."""
    height = plan.checkpoint_height
    assert height is not None
    with tracker.state_with(owners) as state:
        checkpoints.save(
            data_dir.state / "checkpoints", state, height=height, block_hash=lake.hash_at(height),
            network=plan.network.name, first_height=plan.first_height, digest=inputs.digest,
        )  # fmt: skip
