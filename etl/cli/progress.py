"""Showing a job's course: a bar on a terminal, a line every few seconds elsewhere.

Everything goes to stderr, so that results on stdout stay clean. Blocks of a station of unknown size
(total 0) are not counted.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, Task, TextColumn
from rich.text import Text

from etl.cli.speed import Pace, span
from etl.cli.text import printable

LINE_EVERY_S = 5.0


class _Course(TextColumn):
    """The pace of a station, and what it took once it is done."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        pace: Pace = task.fields["pace"]
        if task.stop_time is None:
            return Text(pace.text())
        return Text(f"in {span(task.elapsed or 0)}")


class BarProgress:
    """An etl.progress.Progress that draws bars, one per station; a context manager."""

    def __init__(self, stream: TextIO) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            _Course(),
            console=Console(file=stream),
        )
        self._task: Task | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._finish()
        self._bars.stop()

    def station(self, name: str, total_blocks: int) -> None:
        """Finish the bar before and start another."""
        self._finish()
        pace = Pace(total_blocks, time.monotonic)
        identity = self._bars.add_task(name, total=total_blocks or None, count="", pace=pace)
        self._task = next(task for task in self._bars.tasks if task.id == identity)

    def advance(self, blocks: int, raw_bytes: int = 0) -> None:
        """Move the bar."""
        task = self._task
        if task is None or task.total is None:
            return
        pace: Pace = task.fields["pace"]
        pace.advance(blocks, raw_bytes)
        self._bars.update(
            task.id, completed=pace.blocks, count=f"{pace.blocks:,} of {task.total:,.0f} blocks"
        )

    def message(self, text: str) -> None:
        """A line above the bars."""
        self._bars.console.print(Text(printable(text)))

    def _finish(self) -> None:
        if self._task is None:
            return
        if self._task.total is None:
            self._bars.update(self._task.id, total=1, completed=1)
        self._bars.stop_task(self._task.id)


class LineProgress:
    """An etl.progress.Progress that writes a line every few seconds; a context manager."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._written_at = clock()
        self.station("", 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def station(self, name: str, total_blocks: int) -> None:
        """Count from 0."""
        self._name = name
        self._pace = Pace(total_blocks, self._clock)

    def advance(self, blocks: int, raw_bytes: int = 0) -> None:
        """Count, and write a line if the last one is old enough."""
        pace = self._pace
        pace.advance(blocks, raw_bytes)
        if pace.total and self._clock() - self._written_at >= LINE_EVERY_S:
            counted = f"{self._name}: {pace.blocks}/{pace.total} blocks"
            self.message(", ".join(filter(None, (counted, pace.text()))))
            self._written_at = self._clock()

    def message(self, text: str) -> None:
        """A line of its own."""
        print(printable(text), file=self._stream, flush=True)  # noqa: T201


def open_progress() -> BarProgress | LineProgress:
    """The progress that suits stderr."""
    return BarProgress(sys.stderr) if sys.stderr.isatty() else LineProgress(sys.stderr)
