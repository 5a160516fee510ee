"""One run on a data directory: its place, its progress and its report."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb

from etl.disk.datadir import DataDirectory
from etl.disk.failures import failures_named
from etl.disk.input_files import InputFiles, given_files
from etl.disk.lock import JobLock, job_lock
from etl.errors import MinerflowError
from etl.jobs.report import RunReport
from etl.lake.lake import Lake
from etl.options import JobOptions
from etl.progress import Progress
from etl.warehouse import database as warehouse


class Job:
    """What the stations of a run share."""

    def __init__(self, command: str, options: JobOptions, progress: Progress) -> None:
        self.options = options
        self.data_dir = DataDirectory(options.data_dir)
        self.lake = Lake(self.data_dir.lake)
        self.progress = progress
        self.report = RunReport(command)
        self.files: InputFiles
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

    def committed_inputs(self) -> dict[str, str]:
        """Digests of the label and price files that the results rest on, nothing where there are none."""
        return warehouse.committed_inputs(self.data_dir) or {}

    def warn(self, text: str) -> None:
        """Say and report a warning."""
        self.progress.message(text)
        self.report.warnings.append(text)


@contextmanager
def working(job: Job) -> Iterator[None]:
    """Hold the lock, clean up what a crash left, and save the report, of a run that fails too."""
    with failures_named(job.data_dir.path):
        job.data_dir.create()
        with job_lock(job.data_dir) as job.lock, _reporting(job), failures_named(job.data_dir.path):
            _clean(job)
            with _files_offered(job):
                yield


@contextmanager
def _files_offered(job: Job) -> Iterator[None]:
    """Take over the files that a run which was stopped had committed, and offer those given.

    Those that are committed when the run ends, however it does, are taken over, the others dropped.
    """
    committed = warehouse.committed_inputs(job.data_dir)
    job.files = InputFiles(job.data_dir, committed, given_files(job.options))
    job.files.take_over(committed or {})
    job.files.offer()
    try:
        yield
    except BaseException:
        with suppress(MinerflowError, OSError, duckdb.Error):  # a second error would hide the first
            job.files.take_over(job.committed_inputs())
        raise
    job.files.take_over(job.committed_inputs())


def _clean(job: Job) -> None:
    """Remove what a run that was stopped had not finished."""
    warehouse.refuse_newer_schema(job.data_dir)
    shutil.rmtree(job.data_dir.temporary, ignore_errors=True)
    warehouse.remove_unpublished(job.data_dir)
    job.lake.clean()


@contextmanager
def _reporting(job: Job) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        job.report.failure = str(error) or type(error).__name__
        with suppress(OSError):  # a second error would hide the first
            job.report.save(job.data_dir.logs)
        raise
    else:
        job.report.save(job.data_dir.logs)
    finally:
        shutil.rmtree(job.data_dir.temporary, ignore_errors=True)
