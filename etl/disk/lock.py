"""One job at a time per data directory.

Invariants: the lock is the operating system's (flock), so a dead process never keeps it; the processes that a
job starts hold it too, so as long as one of them may still write, no other job begins. The file tells who
holds it.
"""

from __future__ import annotations

import fcntl
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import IO

from etl.disk.datadir import DataDirectory
from etl.errors import DataDirectoryLocked

_DYING_S = 15.0
"""How long to wait for the processes of a job that was killed: they see it at once, but finish a call."""


class JobLock:
    """A lock that is held."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def share(self) -> Connection:
        """A handle on the lock to give to a process at its start, which holds it from then on.

        It is a Connection only because multiprocessing hands these on.
        """
        return Connection(os.dup(self._file.fileno()))


@contextmanager
def job_lock(data_dir: DataDirectory) -> Iterator[JobLock]:
    """Hold the data directory for one job. Raises DataDirectoryLocked."""
    path = data_dir.state / "lock"
    with path.open("a+", encoding="utf-8") as file:
        _acquire(file, data_dir)
        started = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        file.truncate(0)
        file.write(f"process {os.getpid()} ({' '.join(sys.argv[:2])}) since {started}\n")
        file.flush()
        yield JobLock(file)
        file.truncate(0)


def _acquire(file: IO[str], data_dir: DataDirectory) -> None:
    deadline = time.monotonic() + _DYING_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            if not _is_dead(holder) or time.monotonic() > deadline:
                raise DataDirectoryLocked(
                    f"{data_dir.path} is in use by {holder}", "wait for it to end, or stop it"
                ) from error
            time.sleep(0.05)


def _is_dead(holder: str) -> bool:
    """Whether the job that took the lock has ended, and only its processes still hold it."""
    match = re.match(r"process (\d+) ", holder)
    if match is None:
        return False
    try:
        os.kill(int(match[1]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
