"""Blocks as they are published, told to all who listen.

Invariant: after an announcement a listener knows the chain of the file that is served: what left the
chain is taken back by one `reorg`, which names the last block that stays, and each block after that one
follows as a `new_block`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from etl.serve.refusals import Refused
from etl.serve.snapshot import Block, Snapshot
from etl.serve.times import time_text

NEW_BLOCK, REORG = "new_block", "reorg"
MOST_LISTENERS = 500
_MOST_WAITING = 1_000
_FALLING_BEHIND = 600
"""How many announcements may wait until the listener is warned, and told to go."""


@dataclass(frozen=True)
class Announcement:
    """A block that joined the chain, or for REORG the last one that stays."""

    kind: str
    block: Block


def announced(before: Snapshot | None, after: Snapshot) -> list[Announcement]:
    """What one snapshot taking another's place says of blocks; nothing of a first one."""
    if before is None or not before.blocks:
        return []
    known = {block.height: block.hash for block in before.blocks}
    shared = [block.height for block in after.blocks if known.get(block.height) == block.hash]
    common = max(shared, default=-1)
    stays = [block for block in after.blocks if block.height == common]
    gone = before.tip.height > common
    told = [Announcement(REORG, block) for block in stays if gone]
    return told + [Announcement(NEW_BLOCK, block) for block in after.blocks if block.height > common]


def message(announcement: Announcement, asset: str, metrics: list[str], number: int) -> dict[str, Any]:
    """An announcement as the vendor's clients read it; `number` counts those of one connection."""
    block = announcement.block
    told: dict[str, Any] = {
        "time": time_text(block.time),
        "asset": asset,
        "height": str(block.height),
        "hash": block.hash,
        "parent_hash": block.parent_hash,
        "type": announcement.kind,
    }
    if announcement.kind == NEW_BLOCK:
        told |= {metric: block.values.get(metric) for metric in metrics}
    return told | {"cm_sequence_id": str(number)}


class Announcements:
    """Everybody who listens to one server."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[Listener] = set()
        self._closed = False

    def open(self) -> None:
        """Call this in the event loop that listeners are in."""
        self._loop = asyncio.get_running_loop()

    def take(self, before: Snapshot | None, after: Snapshot) -> None:
        """Tell what a new snapshot says; may be called from any thread."""
        told = announced(before, after)
        if told and self._loop is not None:
            self._loop.call_soon_threadsafe(self._tell, told)

    def close(self) -> None:
        """Let every listener go."""
        self._closed = True
        for listener in self._listeners:
            listener.end()

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """A new listener. Raises Refused where there are too many."""
        if len(self._listeners) >= MOST_LISTENERS or self._closed:
            raise Refused(503, "too many listen already, or the server is stopping; come back later")
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def _tell(self, told: list[Announcement]) -> None:
        for listener in self._listeners:
            listener.put(told)


class Listener:
    """One connection's announcements that are not sent yet."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Announcement | None] = asyncio.Queue()
        self.has_stalled = False
        """whether more waited than may"""

    @property
    def falls_behind(self) -> bool:
        """Whether so many wait that the client should be warned."""
        return self._waiting.qsize() > _FALLING_BEHIND

    def put(self, told: list[Announcement]) -> None:
        """Have announcements wait; too many end the listener."""
        for each in told:
            if self._waiting.qsize() >= _MOST_WAITING:
                self.has_stalled = True
                self.end()
                return
            self._waiting.put_nowait(each)

    def end(self) -> None:
        """Let the client go once it has read what waits."""
        self._waiting.put_nowait(None)

    async def announcements(self, quiet_s: float) -> AsyncIterator[Announcement | None]:
        """What is told from now on; None each time nothing was for `quiet_s`."""
        while True:
            try:
                told = await asyncio.wait_for(self._waiting.get(), quiet_s)
            except TimeoutError:
                yield None
                continue
            if told is None or self.has_stalled:
                return
            yield told
