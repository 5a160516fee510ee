"""The order of things: from a source to the published database, for every kind of job.

Invariants:
- Backfill, update and restate are one path: bring the lake in line with the source's chain, track from the
  best point of the store, load, check, publish.
- Blocks that the source's chain has left, and everything derived from them, are undone before anything new
  is added.
- Nothing is published but results of the whole indexed range that passed every check.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from etl.chain.heights import HeightRange
from etl.chain.networks import Network, network_by_name
from etl.errors import (
    ChainMoved,
    DatabaseDamaged,
    DatabaseToRebuild,
    LakeDamaged,
    NodeAnswerError,
    StoreDamaged,
    UsageError,
)
from etl.jobs.day_changes import Flows, days_changed, final_days, first_change
from etl.jobs.job import Job, working
from etl.jobs.left_branch import left_by_node
from etl.jobs.plan import wanted_range
from etl.jobs.report import RunReport
from etl.jobs.target import Target, Terms, read_terms
from etl.jobs.unchanged import block_facts, note_end
from etl.lake.fill import extract
from etl.lake.prevouts import false_among
from etl.lake.reorg import set_aside_strangers, undo_orphans
from etl.lake.spelling import write_address_texts
from etl.options import JobOptions
from etl.progress import Progress
from etl.sources.opening import open_source
from etl.sources.source import Source
from etl.tracking import run as tracking
from etl.tracking.run import Tracked, TrackingPlan, track
from etl.tracking.store.contents import tables
from etl.tracking.store.manifest import Delta, Identity
from etl.tracking.store.merging import tend
from etl.tracking.store.store import Store
from etl.warehouse import database as warehouse
from etl.warehouse import loading
from etl.warehouse.addresses import name_addresses
from etl.warehouse.day_spans import stretch_from
from etl.warehouse.failures import database_failures
from etl.warehouse.publishing import forget_published, is_published, note_published
from etl.warehouse.superseded import first_changed_price, keep_superseded, published_beside

_REPLANS = 10
"""How often a job follows a chain that moves while it is read."""
_KEPT_RANGES = 6
"""Ranges of LAST_RANGE blocks below the tip of which the store can still take back one by one."""


def run_backfill(options: JobOptions, wanted: str | None, progress: Progress) -> RunReport:
    """Index a range of blocks (see etl.chain.heights), or everything, and publish."""
    return _run("backfill", options, wanted, progress)


def run_update(options: JobOptions, progress: Progress) -> RunReport:
    """Go on from the last indexed block to the tip, and publish."""
    return _run("update", options, None, progress)


def run_restate(options: JobOptions, progress: Progress) -> RunReport:
    """Track the whole lake anew without asking the node, and publish."""
    job = Job("restate", options, progress)
    with working(job):
        chunks = job.lake.chunks()
        if not chunks:
            raise UsageError(f"{options.data_dir} holds no blocks yet", "run minerflow backfill first")
        network = network_by_name(chunks[0].network)
        terms = read_terms(job.files, network)
        _bring_results_to(job, _target(job, network, terms), from_scratch=True)
    return job.report


def _run(command: str, options: JobOptions, wanted: str | None, progress: Progress) -> RunReport:
    job = Job(command, options, progress)
    with working(job):
        blocks = block_facts(options) if wanted is None else None
        _repairing(job, lambda: _index_and_publish(job, wanted))
    note_end(job.data_dir, options, blocks, job.report)
    return job.report


def _index_and_publish(job: Job, wanted: str | None) -> None:
    network, terms = _bring_lake_up_to_date(job, wanted)
    _bring_results_to(job, _target(job, network, terms), from_scratch=False)


def _repairing(job: Job, work: Callable[[], None]) -> None:
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


def _bring_lake_up_to_date(job: Job, wanted: str | None) -> tuple[Network, Terms]:
    """Follow the source's chain and fill the lake, planning anew when that moves meanwhile."""
    for attempt in range(_REPLANS):
        with job.timed("source"):
            source = open_source(job.options.source, job.progress, job.data_dir.block_index)
        try:
            terms = read_terms(job.files, source.network)
            _follow(job, source)
            _fill(job, source, wanted)
            return source.network, terms
        except ChainMoved:
            if attempt + 1 == _REPLANS:
                raise
            job.progress.message("the chain moved while it was read: planning anew")
    raise AssertionError("the last attempt returns or raises")


def _follow(job: Job, source: Source) -> None:
    """Undo the blocks that the source's chain has left."""
    job.report.source, job.report.network = source.describe(), source.network.name
    with job.timed("extract"):
        left = left_by_node(source, job.options.source)
        if left is not None:
            job.warn(f"{left}; results rest on them: --source rest or rpc follows the node")
        job.report.orphaned_blocks += undo_orphans(job.lake, source, job.warn)
        set_aside_strangers(job.lake, source, job.warn)


def _fill(job: Job, source: Source, wanted: str | None) -> None:
    """Read the blocks that the lake lacks."""
    with job.timed("extract"):
        span = wanted_range(job.options, wanted, source, job.lake)
        totals = extract(
            source, job.lake, span, with_input_scripts=span.first_height > 0,
            workers=job.options.workers, lock=job.lock, progress=job.progress,
        )  # fmt: skip
        _vouch(job, source, totals.made)
        job.lake.compact()
        job.lake.save_index()
    job.report.blocks += totals.blocks
    job.report.transactions += totals.transactions
    job.report.raw_bytes += totals.raw_bytes


def _vouch(job: Job, source: Source, made: set[str]) -> None:
    """Hold what a node says of spent outputs against those that the lake has. Raises NodeAnswerError.

    Block files need it not: each undo record bears the checksum that the node wrote when it had validated it.
    """
    if source.name == "blockfiles":
        return
    chunks = job.lake.chunks()
    committed = warehouse.committed_blocks(job.data_dir, [chunk.last_height for chunk in chunks])
    new = [c for c in chunks if c.name in made or committed.get(c.last_height) != c.last_hash]
    false = false_among(job.lake, new)
    if false is not None:
        for chunk in false.chunks:
            job.lake.remove(chunk)
        job.lake.save_index()
        raise NodeAnswerError(
            f"{source.describe()} does not tell the truth: {false}",
            "nothing was published; use another node, or --source blockfiles, and run the same command again",
        )


def _target(job: Job, network: Network, terms: Terms) -> Target:
    """All that the lake holds."""
    job.lake.check_complete()
    chunks = job.lake.chunks()
    span = HeightRange(chunks[0].first_height, chunks[-1].last_height)
    return Target(network, span, chunks[-1].last_hash, terms)


def _bring_results_to(job: Job, target: Target, *, from_scratch: bool) -> None:
    """Track, load, check and publish what is new, and report what that changes."""
    job.report.network = target.network.name
    job.report.first_height, job.report.last_height = target.span.first_height, target.span.last_height
    if from_scratch:
        _forget_results(job)
    try:
        _update_results(job, target)
    except DatabaseToRebuild as error:
        aside = warehouse.set_work_aside(job.data_dir)
        job.warn(f"{error.what}; it is built anew, and until then kept as {aside}")
        _forget_results(job)
        _update_results(job, target)


def _update_results(job: Job, target: Target) -> None:
    """Bring the work database to the target and publish it, if there is anything new."""
    store = None
    with warehouse.open_work(job.data_dir, job.options.memory_limit) as con:
        if not _is_current(con, target):
            was_published = forget_published(job.data_dir)
            store = _open_store(job, target)
            plan, tracked = _track(job, con, target, store)
            _load(job, con, target, plan, tracked)
            store.add(tracked.deltas)
            _publish(job, con, plan.from_height if was_published else 0)
        else:
            _refresh(job, con, target)
    if store is not None:
        _tend_store(job, target, store)


def _refresh(job: Job, con: duckdb.DuckDBPyConnection, target: Target) -> None:
    """Publish results that are there, with the label and price files in force, unless that was done."""
    was_published = is_published(job.data_dir)
    if was_published and _is_in_force(con, target):
        job.progress.message("nothing new: everything up to the last block is published")
        job.report.is_current = True
        return
    forget_published(job.data_dir)
    nothing = target.span.last_height + 1
    with warehouse.transaction(con):
        _load_files(con, target)
        _check(job, con, nothing)
    _publish(job, con, nothing if was_published else 0)


def _is_current(con: duckdb.DuckDBPyConnection, target: Target) -> bool:
    """Whether the work database already holds the results of exactly this range."""
    first, last = target.span.first_height, target.span.last_height
    wanted = warehouse.Holding(target.network.name, first, last, target.terms.inputs.digest)
    return warehouse.holding(con) == wanted and warehouse.block_hash_at(con, last) == target.last_hash


def _is_in_force(con: duckdb.DuckDBPyConnection, target: Target) -> bool:
    """Whether the work database rests on the label and price files in force, to the letter."""
    return warehouse.input_digests(con) == target.terms.digests and loading.holds_prices(
        con, target.terms.prices
    )


def _load_files(con: duckdb.DuckDBPyConnection, target: Target) -> None:
    """Replace what comes from label and price files, and note which they are."""
    loading.load_labels(con, target.terms.inputs.labels)
    loading.load_prices(con, target.terms.prices)
    warehouse.note_inputs(con, target.terms.digests)


def _open_store(job: Job, target: Target) -> Store:
    """The store of addresses; what an earlier version left in its place is removed."""
    if job.data_dir.earlier_store.exists():
        job.warn("what an earlier version knew of addresses is replaced: all is tracked anew from the lake")
        shutil.rmtree(job.data_dir.earlier_store)
    inputs = target.terms.inputs
    identity = Identity(target.network.name, target.span.first_height, inputs.digest)
    return Store(job.data_dir.store, tables(inputs.codes.dtype, inputs.profiles), identity, job.warn)


def _base(job: Job, con: duckdb.DuckDBPyConnection, target: Target, store: Store) -> Delta | None:
    """The last delta of the store that fits the chain and what the database holds, and ends below the tip."""
    held = warehouse.holding(con)
    wanted = (target.network.name, target.span.first_height, target.terms.inputs.digest)
    if held is None or (held.network, held.first_height, held.label_digest) != wanted:
        return None
    highest = min(target.span.last_height - 1, held.last_height)
    for found in store.manifest.points():
        if (
            found.last_height <= highest
            and job.lake.hash_at(found.last_height) == found.block_hash
            and warehouse.block_hash_at(con, found.last_height) == found.block_hash
        ):
            return found
    return None


def _track(
    job: Job, con: duckdb.DuckDBPyConnection, target: Target, store: Store
) -> tuple[TrackingPlan, Tracked]:
    """Go on from the store, and drop what it holds of blocks that were tracked anew."""
    with job.timed("track"):
        while True:
            base = _base(job, con, target, store)
            plan = TrackingPlan(target.network, target.span.first_height, target.span.last_height, base)
            try:
                tracked = track(plan, job.lake, job.data_dir, target.terms.inputs, store, job.progress)
                break
            except StoreDamaged as error:
                _leave_out(job, store, error)
    job.report.tracked_blocks = plan.last_height - plan.from_height + 1
    job.report.addresses, job.report.tracker_bytes = tracked.address_count, tracked.state_bytes
    store.drop_above(base.last_height if base else -1)
    return plan, tracked


def _leave_out(job: Job, store: Store, error: StoreDamaged) -> None:
    job.warn(f"{error.what}; what it holds is tracked anew from the lake")
    store.leave_out(error.path.name)


def _tend_store(job: Job, target: Target, store: Store) -> None:
    """Merge what the store has gathered, now that the results are published."""
    with job.timed("merge"):
        try:
            tend(store, target.span.last_height, _KEPT_RANGES * tracking.LAST_RANGE)
        except StoreDamaged as error:
            _leave_out(job, store, error)


def _load(
    job: Job, con: duckdb.DuckDBPyConnection, target: Target, plan: TrackingPlan, tracked: Tracked
) -> None:
    """Replace what was tracked and derive the rest, in one transaction that passes every check."""
    with job.timed("load"):
        job.progress.station("load", 0)
        ids = name_addresses(con, tracked)
        write_address_texts(job.lake, ids, target.network, tracked.path("texts"))
        with warehouse.transaction(con):
            loading.load(con, job.lake, plan, tracked, target.terms.inputs)
            _load_files(con, target)
            _check(job, con, plan.from_height)


def _check(job: Job, con: duckdb.DuckDBPyConnection, from_height: int) -> None:
    """Derive what rests on what changed from a height on, and check it. Raises CheckFailed."""
    job.progress.station("check", 0)
    loading.derive_and_check(con, from_height)


def _publish(job: Job, con: duckdb.DuckDBPyConnection, from_height: int) -> None:
    """Make the work database the published one, and report what that changes; closes the connection.

    Below the height, both say the same.
    """
    with job.timed("publish"):
        job.progress.station("publish", 0)
        before, after = _compared(job, con, stretch_from(con, from_height).day)
        warehouse.publish(job.data_dir, con)
        note_published(job.data_dir)
    job.report.days_newly_final = sorted(str(day) for day in after.keys() - before.keys())
    job.report.days_changed = days_changed(before, after)


def _compared(
    job: Job, con: duckdb.DuckDBPyConnection, since: date
) -> tuple[dict[date, Flows], dict[date, Flows]]:
    """The final days as they are published, none where nothing is that can be read, and as they will be.

    What is superseded is noted in what will be published.
    """
    after = final_days(con, since)
    if not job.data_dir.published.exists():
        return {}, after
    path = job.data_dir.published
    try:
        with database_failures(path):
            with duckdb.connect(str(path), read_only=True) as published:
                before = final_days(published, since)
            with published_beside(con, path), warehouse.transaction(con):
                firsts = [first_change(before, after), first_changed_price(con)]
                first = min(filter(None, firsts), default=None)
                keep_superseded(con, first, datetime.now(UTC).replace(tzinfo=None))
            return before, after
    except (DatabaseDamaged, duckdb.Error) as error:
        job.warn(f"{path} cannot be compared and is replaced ({error})")
        return {}, after


def _forget_results(job: Job) -> None:
    forget_published(job.data_dir)
    shutil.rmtree(job.data_dir.store, ignore_errors=True)
    warehouse.remove_work(job.data_dir)
