"""Runs one job and kills itself, as kill -9 does, where it is told: python -m tests.durability.killjob SPEC.

A fault point is a line of one of the modules that write, before it is executed for the n-th time. Without one
the job runs to its end and the lines that it went through are written down, with how often.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from etl.jobs import pipeline
from etl.jobs.pipeline import run_backfill, run_restate, run_update
from etl.lake import chunk, extract
from etl.lake import fill as extraction
from etl.options import JobOptions, SourceOptions
from etl.progress import Silent
from etl.tracking import run as tracking
from etl.tracking.store import merging, segment
from tests.support.golden import POOLS

WRITERS = (
    "etl.disk.files", "etl.disk.input_files", "etl.disk.lock", "etl.jobs.job", "etl.jobs.pipeline",
    "etl.jobs.report",
    "etl.lake.chunk", "etl.lake.extract", "etl.lake.fill", "etl.lake.index", "etl.lake.lake",
    "etl.lake.reorg", "etl.tracking.inputs", "etl.tracking.run", "etl.tracking.store.carry",
    "etl.tracking.store.manifest", "etl.tracking.store.merging", "etl.tracking.store.segment",
    "etl.tracking.store.store",
    "etl.warehouse.database", "etl.warehouse.loading", "etl.warehouse.models", "etl.warehouse.publishing",
)  # fmt: skip
STARTED = "started"
"""What the process says when it begins the job."""


@dataclass(frozen=True)
class Spec:
    """A job to run, in a form that can be written to a file."""

    command: str
    data_dir: str
    blocks_dir: str
    exchanges: str
    workers: int = 1
    site: str | None = None
    """module and line of the fault point, as "lake:120" """
    hit: int = 0
    lines_to: str | None = None
    """where to write the lines that were executed"""

    def options(self) -> JobOptions:
        """For the pipeline."""
        return JobOptions(
            data_dir=Path(self.data_dir),
            source=SourceOptions("blockfiles", Path(self.blocks_dir), None, None, timeout_s=5),
            confirmations=0,
            workers=self.workers,
            memory_limit="1GB",
            pools=POOLS,
            exchanges=Path(self.exchanges),
            prices=None,
        )


SMALL = (
    (chunk, "CHUNK_BLOCKS", 16), (extract, "BATCH_BYTES", 2000), (extraction, "_SMALL_JOB_BLOCKS", 0),
    (tracking, "LAST_RANGE", 8), (pipeline, "_KEPT_RANGES", 1), (merging, "TOGETHER", 2),
    (merging, "BASE_SHARE", 1000), (merging, "FOLDED_BYTES", 8000), (segment, "SEGMENT_BYTES", 4000),
)  # fmt: skip
"""Chunks, batches, ranges and pieces of the store such that a short chain has many, and merges them."""


def cut_small() -> None:
    """Set them in this process."""
    for module, name, value in SMALL:
        setattr(module, name, value)


def run(spec: Spec) -> None:
    """The job."""
    options = spec.options()
    if spec.command == "backfill":
        run_backfill(options, None, Silent())
    elif spec.command == "update":
        run_update(options, Silent())
    else:
        run_restate(options, Silent())


class _Tracer:
    """Counts the lines executed in the writers' modules, and kills at one."""

    def __init__(self, site: str | None, hit: int) -> None:
        self._site, self._hit = site, hit
        self.lines: Counter[str] = Counter()
        self._names = {str(sys.modules[name].__file__): name for name in WRITERS}

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        name = self._names.get(frame.f_code.co_filename)
        if name is None:
            return None
        if event == "line":
            site = f"{name}:{frame.f_lineno}"
            self.lines[site] += 1
            if site == self._site and self.lines[site] == self._hit:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


def main() -> None:
    """Run the job that the first argument describes."""
    spec = Spec(**json.loads(sys.argv[1]))
    cut_small()
    sys.stdout.write(STARTED + "\n")
    sys.stdout.flush()
    tracer = _Tracer(spec.site, spec.hit)
    if spec.site or spec.lines_to:
        sys.settrace(tracer)
    run(spec)
    sys.settrace(None)
    if spec.lines_to:
        Path(spec.lines_to).write_text(json.dumps(tracer.lines))


if __name__ == "__main__":
    main()
