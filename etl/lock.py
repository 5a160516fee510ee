"""One job at a time per data directory.

Invariant: the lock is the operating system's (flock), so a dead process never keeps it; the file tells who
holds it.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from etl.datadir import DataDirectory
from etl.errors import DataDirectoryLocked


@contextmanager
def job_lock(data_dir: DataDirectory) -> Iterator[None]:
    """Hold the data directory for one job. Raises DataDirectoryLocked."""
    path = data_dir.state / "lock"
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise DataDirectoryLocked(
                f"{data_dir.path} is in use by {holder}", "wait for it to end, or stop it"
            ) from error
        started = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        file.truncate(0)
        file.write(f"process {os.getpid()} ({' '.join(sys.argv[:2])}) since {started}\n")
        file.flush()
        yield
        file.truncate(0)
