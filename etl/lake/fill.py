"""Growing the lake: which chunks are missing, and a pool of processes that makes them.

Invariants: a finished chunk is never made again; chunks become visible whole and in any order, so a run
that is stopped loses at most the chunks in hand; the number of processes changes nothing but the time. A
worker ends with the job that started it, and holds the job's lock until then.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for

import numpy as np
import numpy.typing as npt

from etl.chain.heights import HeightRange
from etl.chain.mediantime import WINDOW, median_times
from etl.compiled.memory import give_back_memory, keep_freed_memory
from etl.disk.lock import JobLock
from etl.errors import WorkerEnded
from etl.lake.chunk import chunk_ranges
from etl.lake.extract import ChunkTask, ExtractedChunk, extract_chunk
from etl.lake.lake import Lake
from etl.progress import Progress
from etl.sources.source import Source

_SMALL_JOB_BLOCKS = 512
"""Up to this many blocks starting processes costs more than it saves."""


@dataclass
class Totals:
    """What was read from a source."""

    blocks: int = 0
    transactions: int = 0
    raw_bytes: int = 0
    made: set[str] = field(default_factory=set)
    """names of chunks"""


def missing_ranges(lake: Lake, wanted: HeightRange) -> list[tuple[int, int]]:
    """Ranges of chunks still to be made, both ends included."""
    missing = []
    at = wanted.first_height
    for chunk in lake.chunks():
        if chunk.first_height > at:
            missing += chunk_ranges(at, min(chunk.first_height - 1, wanted.last_height))
        at = max(at, chunk.last_height + 1)
    return missing + chunk_ranges(at, wanted.last_height)


def _mediantimes(source: Source, wanted: HeightRange) -> npt.NDArray[np.int64]:
    lead_in = min(WINDOW - 1, wanted.first_height)
    times = source.times(wanted.first_height - lead_in, wanted.last_height)
    return median_times(times, lead_in)


def chunk_tasks(
    source: Source, lake: Lake, ranges: list[tuple[int, int]], *, with_input_scripts: bool
) -> Iterator[ChunkTask]:
    """A task for each range."""
    if not ranges:
        return
    span = HeightRange(ranges[0][0], ranges[-1][1])
    hashes = source.hashes(span.first_height, span.last_height)
    mediantimes = _mediantimes(source, span)
    for first, last in ranges:
        rows = slice(first - span.first_height, last + 1 - span.first_height)
        yield ChunkTask(
            reader=source.chunk(first, last),
            lake_dir=lake.directory,
            first_height=first,
            last_height=last,
            network=source.network.name,
            block_hash=hashes[rows],
            mediantime=mediantimes[rows],
            with_input_scripts=with_input_scripts,
        )


def extract(
    source: Source, lake: Lake, wanted: HeightRange, *, with_input_scripts: bool, workers: int,
    lock: JobLock, progress: Progress,
) -> Totals:  # fmt: skip
    """Make the chunks of `wanted` that the lake lacks."""
    keep_freed_memory()
    ranges = missing_ranges(lake, wanted)
    blocks = sum(last - first + 1 for first, last in ranges)
    progress.station("extract", blocks)
    tasks = chunk_tasks(source, lake, ranges, with_input_scripts=with_input_scripts)
    one_by_one = workers == 1 or blocks <= _SMALL_JOB_BLOCKS
    done = map(extract_chunk, tasks) if one_by_one else _in_parallel(tasks, workers, lock)
    totals = Totals()
    for extracted in done:
        lake.add(extracted.chunk)
        count = extracted.chunk.blocks
        progress.advance(count, extracted.raw_bytes)
        totals.made.add(extracted.chunk.name)
        totals.blocks += count
        totals.transactions += extracted.transactions
        totals.raw_bytes += extracted.raw_bytes
    give_back_memory()
    return totals


def _in_parallel(tasks: Iterator[ChunkTask], workers: int, lock: JobLock) -> Iterator[ExtractedChunk]:
    """Make chunks in this process and in `workers` - 1 others; who has finished one takes the next."""
    first = next(tasks, None)
    if first is None:
        return
    context = multiprocessing.get_context("spawn")
    shared = lock.share()
    others = ProcessPoolExecutor(workers - 1, context, initializer=_start_worker, initargs=(shared,))
    own = ThreadPoolExecutor(1)
    try:
        started = [others.submit(_nothing) for _ in range(workers - 1)]
        yield extract_chunk(first)  # compiles meanwhile what is not compiled yet, once
        maker: dict[Future[ExtractedChunk | None], Executor] = dict.fromkeys(started, others)
        maker[own.submit(_nothing)] = own
        while maker:
            finished, _ = wait(maker, return_when=FIRST_COMPLETED)
            for future in finished:
                free = maker.pop(future)
                made = _made(future)
                task = next(tasks, None)
                if task is not None:
                    maker[free.submit(extract_chunk, task)] = free
                if made is not None:
                    yield made
    finally:
        own.shutdown(wait=True, cancel_futures=True)
        others.shutdown(wait=True, cancel_futures=True)
        shared.close()


def _made(future: Future[ExtractedChunk | None]) -> ExtractedChunk | None:
    """What a process has made. Raises WorkerEnded where it is no more."""
    try:
        return future.result()
    except BrokenExecutor as error:
        raise WorkerEnded(
            "a process that read blocks was ended from outside, most likely because memory ran out",
            "run the same command again, which goes on; if it comes back, give fewer --workers",
        ) from error


def _nothing() -> ExtractedChunk | None:
    """What there is to do for a process that is to start early: no chunk."""
    return None


def _start_worker(lock: Connection) -> None:
    """Ctrl-C is for the parent, which lets the chunks in hand be finished."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()
    threading.Thread(target=_end_with_parent, args=(lock,), daemon=True).start()


def _end_with_parent(lock: Connection) -> None:
    """Wait, with the lock in hand, until the parent is gone."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait_for([parent.sentinel])
    lock.close()
    os._exit(1)
