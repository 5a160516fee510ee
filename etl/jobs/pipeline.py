"""The order of things: from a source to the published database, for every kind of job.

Invariants:
- Backfill, update and restate are one path: bring the lake in line with the source's chain, track from the
  best checkpoint, load, check, publish.
- Blocks that the source's chain has left, and everything derived from them, are undone before anything new
  is added.
- Nothing is published but results of the whole indexed range that passed every check.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from clustering.tracker import TrackerState
from etl.chain.heights import HeightRange, parse_range
from etl.chain.networks import Network, network_by_name
from etl.disk.datadir import DataDirectory
from etl.disk.files import disk_full_named
from etl.disk.lock import JobLock, job_lock
from etl.errors import ChainMoved, LakeDamaged, UsageError
from etl.jobs.day_changes import Flows, days_changed, final_days
from etl.jobs.report import RunReport
from etl.lake.fill import extract, missing_ranges
from etl.lake.lake import Lake
from etl.lake.reorg import undo_orphans
from etl.lake.spelling import write_address_texts
from etl.options import JobOptions
from etl.progress import Progress
from etl.sources.opening import open_source
from etl.sources.source import Source
from etl.tracking import checkpoints
from etl.tracking.checkpoints import Checkpoint
from etl.tracking.inputs import Inputs, keep_inputs, load_inputs
from etl.tracking.run import TrackingPlan, track
from etl.warehouse import database as warehouse
from etl.warehouse import loading
from etl.warehouse.publishing import forget_published, is_published, note_published

CONFIRMATIONS = 6
"""Blocks to stay below a node's tip unless told otherwise; block files are read to the tip."""

_REPLANS = 10
"""How often a job follows a chain that moves while it is read."""


@dataclass(frozen=True)
class Plan:
    """What a backfill would do."""

    source: str
    data_dir: Path
    wanted: HeightRange
    missing: list[tuple[int, int]] = field(repr=False)

    @property
    def blocks(self) -> int:
        """Blocks to be read."""
        return sum(last - first + 1 for first, last in self.missing)

    def lines(self) -> list[str]:
        """The plan for people."""
        return [
            f"source          {self.source}",
            f"data directory  {self.data_dir}",
            f"range           {self.wanted.first_height} to {self.wanted.last_height}",
            f"to be read      {self.blocks} blocks in {len(self.missing)} chunks",
            "then            track, load, check, publish",
        ]


class _Job:
    """One run: its place, its progress and its report."""

    def __init__(self, command: str, options: JobOptions, progress: Progress) -> None:
        self.options = options
        self.data_dir = DataDirectory(options.data_dir)
        self.lake = Lake(self.data_dir.lake)
        self.progress = progress
        self.report = RunReport(command)
        self.lock: JobLock

    @contextmanager
    def timed(self, station: str) -> Iterator[None]:
        """Add the time of a block to the report."""
        start = time.monotonic()
        try:
            yield
        finally:
            spent = time.monotonic() - start
            self.report.seconds[station] = round(self.report.seconds.get(station, 0) + spent, 3)

    def warn(self, text: str) -> None:
        """Say and report a warning."""
        self.progress.message(text)
        self.report.warnings.append(text)


def plan_backfill(options: JobOptions, wanted: str | None, progress: Progress) -> Plan:
    """What `run_backfill` would do, without doing it."""
    data_dir = DataDirectory(options.data_dir)
    lake = Lake(data_dir.lake)
    source = open_source(options.source, progress)
    span = _wanted_range(wanted, source, data_dir, options)
    return Plan(source.describe(), options.data_dir, span, missing_ranges(lake, span))


def run_backfill(options: JobOptions, wanted: str | None, progress: Progress) -> RunReport:
    """Index a range of blocks (see etl.chain.heights), or everything, and publish."""
    return _run("backfill", options, wanted, progress)


def run_update(options: JobOptions, progress: Progress) -> RunReport:
    """Go on from the last indexed block to the tip, and publish."""
    return _run("update", options, None, progress)


def run_restate(options: JobOptions, progress: Progress) -> RunReport:
    """Track the whole lake anew without asking the node, and publish."""
    job = _Job("restate", options, progress)
    with _working(job):
        warehouse.refuse_newer_schema(job.data_dir)
        chunks = job.lake.chunks()
        if not chunks:
            raise UsageError(f"{options.data_dir} holds no blocks yet", "run minerflow backfill first")
        network = network_by_name(chunks[0].network)
        inputs = load_inputs(options, job.data_dir, network)
        _publish_results(job, network, inputs, from_scratch=True)
    return job.report


def _run(command: str, options: JobOptions, wanted: str | None, progress: Progress) -> RunReport:
    job = _Job(command, options, progress)
    with _working(job):
        warehouse.refuse_newer_schema(job.data_dir)
        _repairing(job, lambda: _bring_up_to_date(job, wanted))
    return job.report


def _bring_up_to_date(job: _Job, wanted: str | None) -> None:
    network, inputs = _follow_chain(job, wanted)
    _publish_results(job, network, inputs, from_scratch=False)


def _repairing(job: _Job, work: Callable[[], None]) -> None:
    """Do the work, again wherever a damaged chunk was found: it is set aside and so read anew."""
    repaired: set[Path] = set()
    while True:
        try:
            return work()
        except LakeDamaged as error:
            if error.folder is None or error.folder in repaired:
                raise
            repaired.add(error.folder)
            job.warn(f"{error.what}; it is read anew from the source")
            job.lake.set_aside(error.folder)


def _follow_chain(job: _Job, wanted: str | None) -> tuple[Network, Inputs]:
    """Bring the lake in line with the source's chain, planning anew when that moves meanwhile."""
    for attempt in range(_REPLANS):
        with job.timed("source"):
            source = open_source(job.options.source, job.progress, job.data_dir.block_index)
        try:
            inputs = load_inputs(job.options, job.data_dir, source.network)
            _fill_lake(job, source, wanted)
            return source.network, inputs
        except ChainMoved:
            if attempt + 1 == _REPLANS:
                raise
            job.progress.message("the chain moved while it was read: planning anew")
    raise AssertionError("the last attempt returns or raises")


@contextmanager
def _working(job: _Job) -> Iterator[None]:
    """Hold the lock, clean up what a crash left, and save the report."""
    job.data_dir.create()
    with job_lock(job.data_dir) as job.lock, disk_full_named(job.data_dir.path):
        shutil.rmtree(job.data_dir.temporary, ignore_errors=True)
        warehouse.remove_unpublished(job.data_dir)
        job.lake.clean()
        try:
            yield
        finally:
            shutil.rmtree(job.data_dir.temporary, ignore_errors=True)
        keep_inputs(job.options, job.data_dir)
        job.report.save(job.data_dir.logs)


def _wanted_range(
    wanted: str | None, source: Source, data_dir: DataDirectory, options: JobOptions
) -> HeightRange:
    confirmations = options.confirmations
    if confirmations is None:
        confirmations = 0 if source.name == "blockfiles" else CONFIRMATIONS
    tip_height = source.tip_height - confirmations
    if tip_height < 0:
        raise UsageError(
            f"the chain is {source.tip_height + 1} blocks long, all less than {confirmations} deep",
            "wait for more blocks, or give --confirmations 0",
        )
    held = Lake(data_dir.lake).span()
    next_height = held.last_height + 1 if held else 0
    span = parse_range(wanted, next_height=next_height, tip_height=tip_height)
    if held is None and wanted is not None:
        return span
    if span.first_height > next_height:
        raise UsageError(
            f"blocks {next_height} to {span.first_height - 1} would be missing between what is "
            f"indexed and the range",
            f"start the range at {next_height} or below, or use another --data-dir",
        )
    starts = [warehouse.indexed_from(data_dir)]
    starts += [held.first_height] if held else []
    starts += [span.first_height] if wanted is not None else []
    first = min((start for start in starts if start is not None and start <= tip_height), default=0)
    held_last = held.last_height if held else 0
    return HeightRange(first, max(span.last_height, min(held_last, source.tip_height)))


def _fill_lake(job: _Job, source: Source, wanted: str | None) -> None:
    """Bring the lake in line with the source's chain."""
    job.report.source, job.report.network = source.describe(), source.network.name
    with job.timed("extract"):
        job.report.orphaned_blocks += undo_orphans(job.lake, source, job.warn)
        span = _wanted_range(wanted, source, job.data_dir, job.options)
        extract(
            source, job.lake, span, with_input_scripts=span.first_height > 0,
            workers=job.options.workers, lock=job.lock, progress=job.progress, report=job.report,
        )  # fmt: skip
        job.lake.compact()


def _publish_results(job: _Job, network: Network, inputs: Inputs, *, from_scratch: bool) -> None:
    job.lake.check_complete()
    chunks = job.lake.chunks()
    first, last = chunks[0].first_height, chunks[-1].last_height
    job.report.network, job.report.first_height, job.report.last_height = network.name, first, last
    before = _published_days(job)
    if from_scratch:
        _forget_results(job)
    try:
        changed = _load_and_publish(job, network, first, last, inputs)
    except duckdb.Error as error:
        if not warehouse.says_damaged(error):
            raise
        job.warn(f"{job.data_dir.work} is damaged and is built anew ({error})")
        _forget_results(job)
        changed = _load_and_publish(job, network, first, last, inputs)
    if changed:
        after = final_days(job.data_dir.published)
        job.report.days_newly_final = sorted(str(day) for day in after.keys() - before.keys())
        job.report.days_changed = days_changed(before, after)


def _load_and_publish(job: _Job, network: Network, first: int, last: int, inputs: Inputs) -> bool:
    """Bring the work database up to date and publish it; False where there is nothing new."""
    with warehouse.open_work(job.data_dir, job.options.memory_limit, job.warn) as con:
        if not _is_current(con, job, network, first, last, inputs):
            forget_published(job.data_dir)
            _track_and_load(job, con, network, first, last, inputs)
        elif not is_published(job.data_dir) or not loading.holds_prices(con, inputs):
            forget_published(job.data_dir)
            loading.replace_prices(con, inputs)
        else:
            job.progress.message("nothing new: everything up to the last block is published")
            return False
        with job.timed("publish"):
            job.progress.station("publish", 0)
            warehouse.publish(job.data_dir, con)
            note_published(job.data_dir)
    return True


def _published_days(job: _Job) -> dict[date, Flows]:
    """What was published before; nothing where there is none that can be read."""
    try:
        return final_days(job.data_dir.published)
    except duckdb.Error as error:
        job.warn(f"{job.data_dir.published} cannot be read and is replaced ({error})")
        forget_published(job.data_dir)
        return {}


def _forget_results(job: _Job) -> None:
    forget_published(job.data_dir)
    shutil.rmtree(job.data_dir.state / "checkpoints", ignore_errors=True)
    warehouse.remove_work(job.data_dir)


def _is_current(
    con: duckdb.DuckDBPyConnection, job: _Job, network: Network, first: int, last: int, inputs: Inputs
) -> bool:  # fmt: skip
    """Whether the work database already holds the results of exactly this range."""
    wanted = warehouse.Holding(network.name, first, last, inputs.digest)
    if warehouse.holding(con) != wanted:
        return False
    return warehouse.block_hash_at(con, last) == job.lake.chunks()[-1].last_hash


def _usable_base(
    con: duckdb.DuckDBPyConnection, job: _Job, network: Network, first: int, last: int, inputs: Inputs
) -> tuple[Checkpoint, TrackerState] | None:  # fmt: skip
    """The highest checkpoint that fits the chain, the inputs and what the database holds."""
    held = warehouse.holding(con)
    if held is None or (held.network, held.first_height, held.label_digest) != (
        network.name, first, inputs.digest,
    ):  # fmt: skip
        return None
    for checkpoint in checkpoints.stored(job.data_dir.state / "checkpoints"):
        height = checkpoint.height
        fits = (checkpoint.network, checkpoint.first_height, checkpoint.digest) == (
            network.name, first, inputs.digest,
        )  # fmt: skip
        if not fits or not first <= height <= min(last, held.last_height):
            continue
        known = {job.lake.hash_at(height), warehouse.block_hash_at(con, height)}
        if known != {checkpoint.block_hash}:
            continue
        state = checkpoints.load(job.data_dir.state / "checkpoints", checkpoint)
        if state is not None:
            return checkpoint, state
        job.warn(f"the checkpoint at height {height} is damaged and passed over")
    return None


def _track_and_load(
    job: _Job, con: duckdb.DuckDBPyConnection, network: Network, first: int, last: int, inputs: Inputs
) -> None:  # fmt: skip
    base = _usable_base(con, job, network, first, last, inputs)
    plan = TrackingPlan(network, first, last, base[0] if base else None)
    with job.timed("track"):
        tracked = track(plan, job.lake, job.data_dir, inputs, base[1] if base else None, job.progress)
    job.report.tracked_blocks = last - plan.from_height + 1
    job.report.addresses, job.report.tracker_bytes = tracked.address_count, tracked.state_bytes
    directory = job.data_dir.state / "checkpoints"
    checkpoints.drop_above(directory, base[0].height if base else -1)
    with job.timed("load"):
        job.progress.station("load", 0)
        ids = loading.tracked_ids(con, tracked)
        write_address_texts(job.lake, ids, network, tracked.path("texts"))
        loading.load(con, job.lake, network, first, plan.from_height, tracked, inputs)
    if plan.checkpoint_height is not None:
        checkpoints.appear(directory, plan.checkpoint_height)
