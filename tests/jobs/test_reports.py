"""What a run's report says, and that there is one of a run that fails too."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import pytest

from etl.disk.datadir import DataDirectory
from etl.errors import DatabaseRefused, LabelFileError, MinerflowError, OutOfMemory, WorkerEnded
from etl.jobs import pipeline
from etl.jobs.pipeline import run_restate, run_update
from etl.lake import chunk, fill
from etl.lake.extract import ChunkTask, ExtractedChunk, extract_chunk
from etl.options import JobOptions
from etl.progress import Silent
from tests.support.golden import POOLS


def _reports(options: JobOptions) -> list[dict[str, Any]]:
    paths = sorted(DataDirectory(options.data_dir).logs.glob("*.json"), key=os.path.getmtime)
    return [json.loads(path.read_text()) for path in paths]


def test_a_run_that_fails_leaves_a_report(options: JobOptions, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("address,exchange\nnone,X\n")
    with pytest.raises(LabelFileError) as caught:
        run_update(replace(options, exchanges=bad), Silent())
    report = _reports(options)[-1]
    assert (report["command"], report["failure"]) == ("update", str(caught.value))
    assert caught.value.action in report["failure"]


def test_a_run_that_is_stopped_leaves_a_report(options: JobOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "track", stop)
    with pytest.raises(KeyboardInterrupt):
        run_update(options, Silent())
    assert _reports(options)[-1]["failure"] == "KeyboardInterrupt"


def test_a_run_with_nothing_new_says_so(options: JobOptions) -> None:
    assert not run_update(options, Silent()).is_current
    assert run_update(options, Silent()).is_current
    assert _reports(options)[-1]["is_current"] and _reports(options)[-1]["failure"] == ""


def test_pools_of_other_names_change_days(options: JobOptions, tmp_path: Path) -> None:
    """The same amounts between others: every day with a coinbase of a known pool."""
    run_update(options, Silent())
    run_restate(options, Silent())  # what is learnt later, so that names alone differ
    with duckdb.connect(str(DataDirectory(options.data_dir).published), read_only=True) as con:
        wanted = con.execute(
            "SELECT count(DISTINCT day) FROM blocks JOIN days USING (day) WHERE final AND pool <> 'Unknown'"
        ).fetchall()[0][0]
    assert wanted > 10
    pools = [{**pool, "name": pool["name"] + " II"} for pool in json.loads(POOLS.read_text())]
    path = tmp_path / "pools.json"
    path.write_text(json.dumps(pools))
    report = run_restate(replace(options, pools=path), Silent())
    changed = {str(row["day"]) for row in report.days_changed if row["profile"] == "entity"}
    assert len(changed) >= wanted
    assert {(row["value_sat"], row["tx_count"]) for row in report.days_changed} == {(0, 0)}


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (MemoryError(), OutOfMemory),
        (duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block"), OutOfMemory),
        (RuntimeError("can't start new thread"), OutOfMemory),
        (duckdb.InternalException("INTERNAL Error: attempted to access index 1"), DatabaseRefused),
    ],
)
def test_what_ends_a_run_is_named(
    options: JobOptions, monkeypatch: pytest.MonkeyPatch, error: Exception, named: type[MinerflowError]
) -> None:
    work = DataDirectory(options.data_dir).work
    before = work.read_bytes()

    def fail(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(pipeline, "track", fail)
    with pytest.raises(named) as caught:
        run_update(options, Silent())
    assert caught.value.action
    assert work.read_bytes() == before
    assert _reports(options)[-1]["failure"] == str(caught.value)


def test_a_worker_that_was_killed_is_named() -> None:
    """The pool says so of every chunk that is not finished."""
    future: Future[ExtractedChunk | None] = Future()
    future.set_exception(BrokenProcessPool("A process in the process pool was terminated abruptly"))
    with pytest.raises(WorkerEnded, match="memory") as caught:
        fill._made(future)
    assert "--workers" in caught.value.action


def test_a_worker_that_is_killed_ends_the_run_with_a_report(
    options: JobOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk, "CHUNK_BLOCKS", 2)
    monkeypatch.setattr(fill, "_SMALL_JOB_BLOCKS", 0)
    monkeypatch.setattr(fill, "extract_chunk", _extract_or_die)
    with pytest.raises(WorkerEnded):
        run_update(replace(options, workers=2), Silent())
    assert "--workers" in _reports(options)[-1]["failure"]


def _extract_or_die(task: ChunkTask) -> ExtractedChunk:
    """As the system does where memory runs out; the job's own process lives."""
    if multiprocessing.parent_process() is not None:
        os.kill(os.getpid(), signal.SIGKILL)
    return extract_chunk(task)
