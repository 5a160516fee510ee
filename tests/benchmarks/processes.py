"""Runs each measured step in a fresh process and watches the memory of all that it starts.

Invariants: a step that fails gives `{"error": text}` and never stops the benchmark; memory of the
step itself is its own VmHWM, that of its children is sampled every SAMPLE_S.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.memory import make_ready

Figures = dict[str, Any]

SAMPLE_S = 0.05
TIMEOUT_S = 7_200
_ROOT = Path(__file__).parent.parent.parent


def run_step(step: str, **arguments: Any) -> Figures:
    """Figures of a step of `step_runner`, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.step_runner", step]
    command.append(json.dumps(arguments, default=str))
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, cwd=_ROOT)
        watch = MemoryWatch(process.pid)
        try:
            process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return {"error": f"not done after {TIMEOUT_S} s"}
        finally:
            watch.stop()
        out.seek(0)
        err.seek(0)
        if process.returncode:
            return {"error": failure(process.returncode, err.read() or out.read())}
        figures: Figures = json.loads(out.read().strip().splitlines()[-1])
    sampled = watch.figures()
    highest = max(sampled["sampled_process_bytes"], figures["peak_memory_bytes"])
    return figures | sampled | {"highest_process_bytes": highest}


def failure(code: int, printed: str) -> str:
    """Why a process failed: the end of what it printed."""
    reason = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    return "\n".join([reason, *printed.strip().splitlines()[-3:]])


def median_run(
    step: str, repeats: int, *, fresh: Path | None = None, files: Iterable[Path] = (), **arguments: Any
) -> Figures:
    """The run of median `seconds` among several, with the seconds of all in `all_seconds`.

    Before each the folder `fresh` is removed and memory made ready with `files`.
    """
    runs, files = [], list(files)
    for _ in range(repeats):
        if fresh is not None:
            shutil.rmtree(fresh, ignore_errors=True)
        make_ready(files)
        figures = run_step(step, **arguments)
        if "error" in figures:
            return figures
        runs.append(figures)
    return median_of(runs)


def median_of(runs: list[Figures]) -> Figures:
    """The run whose `seconds` are the (lower) median."""
    seconds = [run["seconds"] for run in runs]
    middle = statistics.median_low(seconds)
    return runs[seconds.index(middle)] | {"all_seconds": seconds}


class MemoryWatch:
    """Samples the resident memory of a process and of all its descendants."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._highest: dict[int, int] = {}
        self._sum = self._private_sum = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End sampling."""
        self._stop.set()
        self._thread.join()

    def figures(self) -> Figures:
        """Highest memory of one process, of all at once, and of that what no file backs; bytes."""
        return {
            "sampled_process_bytes": max(self._highest.values(), default=0),
            "sampled_sum_bytes": self._sum,
            "sampled_private_sum_bytes": self._private_sum,
        }

    def _sample(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            found = {pid: facts for pid in tree(self._pid) if (facts := memory_of(pid))}
            for pid, facts in found.items():
                self._highest[pid] = max(self._highest.get(pid, 0), facts.get("VmHWM", 0))
            self._sum = max(self._sum, _total(found.values(), "VmRSS"))
            self._private_sum = max(self._private_sum, _total(found.values(), "RssAnon"))


def _total(found: Iterable[dict[str, int]], key: str) -> int:
    return sum(facts.get(key, 0) for facts in found)


def tree(pid: int) -> Iterator[int]:
    """A process and its descendants."""
    yield pid
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        texts = [(thread / "children").read_text() for thread in threads]
    except OSError:
        return
    for text in texts:
        for child in text.split():
            yield from tree(int(child))


def memory_of(pid: int | str) -> dict[str, int]:
    """The memory lines of /proc/<pid>/status in bytes; none for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    fields = (line.split() for line in lines if line.startswith(("Vm", "Rss")))
    return {field[0].rstrip(":"): int(field[1]) * 1024 for field in fields}
