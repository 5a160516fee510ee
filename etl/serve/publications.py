"""Which snapshot is served: the newest, and those that reads began on.

Invariants: a new file is read beside the old one and takes its place in one step; a snapshot that gave
out a page token lasts ten minutes from the last one, so that a paged read ends on the file that it began on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from etl.errors import MinerflowError
from etl.serve.refusals import Refused
from etl.serve.revisions import RunHistory
from etl.serve.snapshot import Snapshot, file_facts, load_snapshot

if TYPE_CHECKING:
    from etl.disk.datadir import DataDirectory

POLL_S = 0.5
MOST_WAIT_S = 60
"""Between two tries to read a file that could not be read."""
KEPT_S = 600
MOST_KEPT = 8
_LOG = logging.getLogger(__name__)


class Publications:
    """The snapshots of one data directory's published file."""

    def __init__(self, data_dir: DataDirectory) -> None:
        self._data_dir = data_dir
        self._history = RunHistory(data_dir.logs)
        self._current: Snapshot | None = None
        self._seen: object = None
        self._failures = 0
        self._retry_at = 0.0
        self._kept: dict[str, tuple[Snapshot, float]] = {}
        self.listeners: list[Callable[[Snapshot | None, Snapshot], None]] = []
        """called with the snapshot before and the new one, each time one takes the other's place"""

    @property
    def is_ready(self) -> bool:
        """Whether a file is loaded."""
        return self._current is not None

    @property
    def current(self) -> Snapshot:
        """The newest snapshot. Raises Refused until the first file is loaded."""
        if self._current is None:
            raise Refused(503, "no published file is loaded yet; minerflow backfill makes the first")
        return self._current

    def of_file(self, file: str) -> Snapshot | None:
        """The snapshot of a file that a page token names, None where it is no longer kept."""
        if self._current is not None and self._current.file == file:
            return self._current
        self._drop_old()
        kept = self._kept.get(file)
        return kept[0] if kept else None

    def keep(self, snapshot: Snapshot) -> None:
        """Have a snapshot last, because a page token that names it is given out."""
        self._kept.pop(snapshot.file, None)
        self._kept[snapshot.file] = (snapshot, time.monotonic())
        self._drop_old()

    def refresh(self) -> bool:
        """Load the published file if it is another than before; whether it was.

        One that was not read is tried again after a while, longer each time. Raises TerminalError where it
        cannot be read.
        """
        seen = (file_facts(self._data_dir), self._history.names())
        is_failed = bool(self._failures) and time.monotonic() >= self._retry_at
        if seen[0] is None or (seen == self._seen and not is_failed):
            return False
        self._seen = seen
        self._failures += 1
        self._retry_at = time.monotonic() + min(2**self._failures, MOST_WAIT_S)
        before = self._current
        self._take(load_snapshot(self._data_dir, self._history, in_background=before is not None))
        self._failures = 0
        return True

    async def follow(self) -> None:
        """Refresh for ever; a file that cannot be read leaves the one before in its place."""
        while True:
            try:
                await asyncio.to_thread(self.refresh)
            except MinerflowError as error:
                _LOG.warning("%s; tried again in %.0f s", error.what, self._retry_at - time.monotonic())
            except Exception:
                _LOG.exception("the published file was not loaded")
            await asyncio.sleep(POLL_S)

    def _take(self, snapshot: Snapshot) -> None:
        before, self._current = self._current, snapshot
        if before is not None and before.file != snapshot.file:
            self.keep(before)
        for listener in self.listeners:
            listener(before, snapshot)

    def _drop_old(self) -> None:
        oldest = time.monotonic() - KEPT_S
        stale = [file for file, (_, used) in self._kept.items() if used < oldest]
        for file in [*stale, *list(self._kept)[: max(0, len(self._kept) - MOST_KEPT)]]:
            self._kept.pop(file, None)
