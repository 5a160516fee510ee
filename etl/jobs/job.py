"""One run on a data directory: its place, its progress and its report."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

from etl.disk.datadir import DataDirectory
from etl.disk.files import disk_full_named
from etl.disk.lock import JobLock, job_lock
from etl.jobs.report import RunReport
from etl.lake.lake import Lake
from etl.options import JobOptions
from etl.progress import Progress
from etl.tracking.inputs import keep_inputs
from etl.warehouse import database as warehouse


class Job:
    """What the stations of a run share."""

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


@contextmanager
def working(job: Job) -> Iterator[None]:
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
