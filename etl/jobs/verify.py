"""Checking what is published, and with `deep` also the lake and the source behind it.

Invariant: nothing is written, and every finding says what was compared; what could not be compared is said to
be skipped, never taken for sound nor for wrong. A job may be at work meanwhile.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from etl.disk.datadir import DataDirectory
from etl.disk.failures import failures_named
from etl.errors import LakeDamaged, MinerflowError, NodeIncapable, ResultsDamaged
from etl.jobs.left_branch import left_by_node
from etl.jobs.unspent import node_unspent, unspent_outputs
from etl.lake.chunk import Chunk
from etl.lake.columns import TABLES
from etl.lake.extract import ChunkTask, chunk_tables
from etl.lake.lake import Lake, cut_batch
from etl.lake.prevouts import false_in_all
from etl.lake.reorg import fork_height
from etl.options import JobOptions
from etl.progress import Progress
from etl.results.published import reading
from etl.sources.opening import open_source
from etl.sources.source import Source
from etl.warehouse.database import migrations, read_tables, schema_version
from etl.warehouse.models import run_checks
from etl.warehouse.publishing import changed_bytes

_BROUGHT_UP = "run minerflow update, which tracks all anew from the lake"
SAMPLE_BLOCKS = 50
"""Blocks that a deep verification reads again from the source."""


@dataclass(frozen=True)
class Verdict:
    """One thing that was checked: sound, not sound, or (None) not to be checked here."""

    subject: str
    is_sound: bool | None
    what: str


def verify(options: JobOptions, *, deep: bool, progress: Progress) -> Iterator[Verdict]:
    """Check the published database, then, if `deep`, lake and source."""
    data_dir = DataDirectory(options.data_dir)
    with failures_named(data_dir.path):
        yield from _verify_published(data_dir)
        if deep:
            yield from _verify_deeply(options, Lake(data_dir.lake), progress)


def _verify_published(data_dir: DataDirectory) -> Iterator[Verdict]:
    try:
        with reading(data_dir) as con:
            if schema_version(con) < migrations()[-1][0]:
                yield Verdict(
                    "published file", None, f"skipped: an earlier version published it; {_BROUGHT_UP}"
                )
                return
            read_tables(con)
            failures = run_checks(con)
    except ResultsDamaged as error:
        yield Verdict("published file", False, error.what)
        return
    yield _as_written(data_dir)
    for failure in failures:
        yield Verdict(f"check {failure.name}", False, f"{failure.meaning} ({failure.example})")
    if not failures:
        yield Verdict("checks", True, "every check of the published tables holds")


def _as_written(data_dir: DataDirectory) -> Verdict:
    changed = changed_bytes(data_dir)
    if changed is None:
        return Verdict("published file", None, "skipped: a job is to publish it anew")
    if changed:
        what = f"{data_dir.published} has changed since it was written; minerflow update writes it anew"
        return Verdict("published file", False, what)
    return Verdict("published file", True, "it is as it was written")


def _verify_deeply(options: JobOptions, lake: Lake, progress: Progress) -> Iterator[Verdict]:
    lake_verdict = _verify_lake(lake, progress)
    yield lake_verdict
    if not lake_verdict.is_sound:
        return
    yield _verify_prevouts(lake, progress)
    try:
        source = open_source(options.source, progress)
    except MinerflowError as error:
        yield Verdict("source", None, f"skipped: {error.what}")
        return
    yield from _verify_against(options, source, lake, progress)


def _verify_lake(lake: Lake, progress: Progress) -> Verdict:
    """Read every column of every chunk: each read checks the sums of its pages."""
    try:
        chunks = lake.chunks()
        progress.station("verify", sum(chunk.blocks for chunk in chunks))
        for chunk in chunks:
            _read_whole(lake, chunk)
            progress.advance(chunk.blocks)
        lake.forget_index()
        lake.check_complete()
    except MinerflowError as error:
        return Verdict("lake", False, error.what)
    if not chunks:
        return Verdict("lake", None, "skipped: it holds no blocks")
    return Verdict("lake", True, f"the checksums of {len(chunks)} chunks hold")


def _read_whole(lake: Lake, chunk: Chunk) -> None:
    """Raises LakeDamaged, but not for a chunk that a job has meanwhile replaced."""
    try:
        lake.check_manifest(chunk)
        for table, schema in TABLES.items():
            lake.read(chunk, table, schema.names)
    except LakeDamaged:
        if lake.folder(chunk).exists():
            raise


def _verify_prevouts(lake: Lake, progress: Progress) -> Verdict:
    subject = "spent outputs"
    chunks = lake.chunks()
    if chunks[0].first_height != 0:
        return Verdict(subject, None, "skipped: the indexed range does not start at genesis")
    progress.message("every input is held against the output that it spends")
    try:
        false = false_in_all(lake)
    except LakeDamaged as error:
        return Verdict(subject, None, f"skipped, for the lake has changed meanwhile: {error.what}")
    if false is not None:
        return Verdict(
            subject, False, f"{false}; delete the lake and index it from a node that tells the truth"
        )
    return Verdict(subject, True, "every input spends an output as the lake has it")


def _verify_against(options: JobOptions, source: Source, lake: Lake, progress: Progress) -> Iterator[Verdict]:
    """Compare with a source, first whether it has the same chain."""
    left = left_by_node(source, options.source)
    if left is not None:
        yield Verdict("node", False, f"{left}; --source rest or rpc follows the node")
    subject = "tip"
    try:
        tip = _verify_tip(source, lake)
        yield tip
        if tip.is_sound is not False:
            subject = "sample"
            yield _verify_sample(source, lake)
            subject = "unspent"
            yield _verify_unspent(options, source, lake, progress)
    except LakeDamaged as error:
        yield Verdict(subject, None, f"skipped, for the lake has changed meanwhile: {error.what}")
    except MinerflowError as error:
        yield Verdict(subject, None, f"skipped: {error.what}")


def _verify_tip(source: Source, lake: Lake) -> Verdict:
    lake.forget_index()
    lake.check_complete()
    last = lake.chunks()[-1].last_height
    fork = fork_height(lake, source)
    if fork < last:
        what = (
            f"the blocks {fork + 1} to {last} are not in the chain of {source.describe()}: "
            "minerflow update undoes them"
        )
        return Verdict("tip", False, what)
    if source.tip_height < last:
        what = f"skipped: the source's chain ends at {source.tip_height}, below the last indexed block {last}"
        return Verdict("tip", None, what)
    return Verdict("tip", True, f"the last indexed block, {last}, is in the chain of {source.describe()}")


def _verify_sample(source: Source, lake: Lake) -> Verdict:
    """Read a random sample of blocks from the source and compare every column with the lake."""
    first, last = lake.chunks()[0].first_height, min(lake.chunks()[-1].last_height, source.tip_height)
    heights = sorted(random.sample(range(first, last + 1), min(SAMPLE_BLOCKS, last + 1 - first)))
    compared, reason = 0, ""
    for height in heights:
        chunk = lake.index.at(height)
        try:
            theirs = _from_source(source, chunk, height, lake)
        except NodeIncapable as error:
            reason = error.what
            continue
        if theirs != _from_lake(lake, chunk, height):
            return Verdict("sample", False, f"the block at height {height} differs from the source's")
        compared += 1
    if not compared:
        return Verdict("sample", None, f"skipped: {reason}")
    lacking = f"; {len(heights) - compared} others are not to be had: {reason}" if reason else ""
    return Verdict("sample", True, f"{compared} random blocks are as the source has them{lacking}")


def _from_lake(lake: Lake, chunk: Chunk, height: int) -> dict[str, pa.Table]:
    tables = {table: lake.read(chunk, table, schema.names) for table, schema in TABLES.items()}
    cut = cut_batch(tables, height, height)
    return {name: table.combine_chunks() for name, table in cut.items()}


def _from_source(source: Source, chunk: Chunk, height: int, lake: Lake) -> dict[str, pa.Table]:
    lead_in = min(10, height)
    times = np.sort(source.times(height - lead_in, height))
    task = ChunkTask(
        reader=source.chunk(height, height),
        lake_dir=lake.directory,
        first_height=height,
        last_height=height,
        network=source.network.name,
        block_hash=source.hashes(height, height),
        mediantime=times[[len(times) // 2]],
        with_input_scripts=chunk.has_input_scripts,
    )
    return next(chunk_tables(task))


def _verify_unspent(options: JobOptions, source: Source, lake: Lake, progress: Progress) -> Verdict:
    chunks = lake.chunks()
    if chunks[0].first_height != 0:
        return Verdict("unspent", None, "skipped: the indexed range does not start at genesis")
    progress.message("the node counts its unspent outputs, which may take minutes")
    theirs = node_unspent(_one_try(options), chunks[-1], progress)
    if theirs is None:
        return Verdict(
            "unspent", None,
            f"skipped: the node counts at its tip only, not at height {chunks[-1].last_height} "
            "(start it with coinstatsindex=1, or update with --confirmations 0 first)",
        )  # fmt: skip
    ours = unspent_outputs(lake, source.network)
    return Verdict(
        "unspent",
        ours == theirs,
        f"{ours.outputs} outputs of {ours.value_sat} sat here, {theirs.outputs} of "
        f"{theirs.value_sat} sat at the node, after block {chunks[-1].last_height}",
    )


def _one_try(options: JobOptions) -> JobOptions:
    """The same without waiting for a node that nobody named: block files may be read without one."""
    source = options.source
    if source.rpc_url is not None or source.kind in ("rest", "rpc"):
        return options
    return replace(options, source=replace(source, timeout_s=0.0))
