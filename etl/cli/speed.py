"""How fast a station goes, and how long it may take still.

Invariant: nothing is said before it means something. Time counts from a station's first blocks on, so that
what starting and compiling took is left out, and the last minute stands for what is to come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

WINDOW_S = 60.0
MEASURED_S = 5.0
"""For how long blocks must have come before time left is told,"""
MEASURED_SHARE = 0.02
"""and how many of them."""


class _Mark(NamedTuple):
    at_s: float
    blocks: int
    raw_bytes: int


class Pace:
    """Counts the blocks of a station of `total` blocks."""

    def __init__(self, total: int, clock: Callable[[], float]) -> None:
        self.total = total
        self.blocks = 0
        self.raw_bytes = 0
        self._clock = clock
        self._first_s = 0.0
        self._marks: deque[_Mark] = deque()

    def advance(self, blocks: int, raw_bytes: int) -> None:
        """So many more are done."""
        self.blocks += blocks
        self.raw_bytes += raw_bytes
        now = self._clock()
        if not self._marks:
            self._first_s = now
        self._marks.append(_Mark(now, self.blocks, self.raw_bytes))
        while len(self._marks) > 2 and now - self._marks[1].at_s > WINDOW_S:
            self._marks.popleft()

    def text(self) -> str:
        """Blocks and megabytes per second, and time left; "" before anything can be said."""
        if len(self._marks) < 2:
            return ""
        oldest, latest = self._marks[0], self._marks[-1]
        seconds = self._clock() - oldest.at_s
        blocks = latest.blocks - oldest.blocks
        said = rates(blocks, latest.raw_bytes - oldest.raw_bytes, seconds)
        is_measured = latest.at_s - self._first_s >= MEASURED_S and self.blocks >= MEASURED_SHARE * self.total
        if said and is_measured and self.blocks < self.total:
            said += f", {span((self.total - self.blocks) * seconds / blocks)} left"
        return said


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
