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
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

LINE_EVERY_S = 5.0


def rates(blocks: int, raw_bytes: int, seconds: float) -> str:
    """Blocks and megabytes per second as text, "" before anything can be said."""
    if seconds <= 0 or not blocks:
        return ""
    text = f"{blocks / seconds:,.0f} blk/s"
    return text + (f", {raw_bytes / 1e6 / seconds:,.1f} MB/s" if raw_bytes else "")


def span(seconds: float) -> str:
    """A time span as 1:02:03 or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _Rates(TextColumn):
    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        return Text(rates(int(task.completed), task.fields["raw_bytes"], task.elapsed or 0))


class BarProgress:
    """An etl.progress.Progress that draws bars, one per station; a context manager."""

    def __init__(self, stream: TextIO) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            _Rates(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
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
        identity = self._bars.add_task(name, total=total_blocks or None, count="", raw_bytes=0)
        self._task = next(task for task in self._bars.tasks if task.id == identity)

    def advance(self, blocks: int, raw_bytes: int = 0) -> None:
        """Move the bar."""
        task = self._task
        if task is None or task.total is None:
            return
        done = int(task.completed) + blocks
        self._bars.update(
            task.id,
            completed=done,
            count=f"{done:,} of {task.total:,.0f} blocks",
            raw_bytes=task.fields["raw_bytes"] + raw_bytes,
        )

    def message(self, text: str) -> None:
        """A line above the bars."""
        self._bars.console.print(Text(text))

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
        self._total = total_blocks
        self._done = self._raw_bytes = 0
        self._started_at = self._clock()

    def advance(self, blocks: int, raw_bytes: int = 0) -> None:
        """Count, and write a line if the last one is old enough."""
        self._done += blocks
        self._raw_bytes += raw_bytes
        if self._total and self._clock() - self._written_at >= LINE_EVERY_S:
            self.message(self._line())
            self._written_at = self._clock()

    def message(self, text: str) -> None:
        """A line of its own."""
        print(text, file=self._stream, flush=True)  # noqa: T201

    def _line(self) -> str:
        seconds = self._clock() - self._started_at
        left = seconds * (self._total - self._done) / self._done if self._done else 0.0
        return (
            f"{self._name}: {self._done}/{self._total} blocks, "
            f"{rates(self._done, self._raw_bytes, seconds)}, {span(left)} left"
        )


def open_progress() -> BarProgress | LineProgress:
    """The progress that suits stderr."""
    return BarProgress(sys.stderr) if sys.stderr.isatty() else LineProgress(sys.stderr)
