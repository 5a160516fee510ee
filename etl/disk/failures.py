"""What the system refuses a job, as the errors of etl.errors.

Invariant: an error names a file or a directory, what the system said of it, and the next action.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from etl.errors import DiskFull, DiskRefused, MinerflowError, OutOfMemory

_ACTIONS = {
    errno.EIO: "check the disk (the system's log says more), then run the same command again",
    errno.EACCES: "run as the user that owns it, or give yours the right to read and write it",
    errno.EPERM: "run as the user that owns it, or give yours the right to read and write it",
    errno.EROFS: "mount the file system for writing, or use another --data-dir",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f), or use another file system",
    errno.EMFILE: "raise the limit on open files (ulimit -n) to 1024, or give fewer --workers",
    errno.ENFILE: "close other programs, or raise the system's limit on open files",
}


_NO_ROOM = ("can't start new thread", os.strerror(errno.ENOMEM))


@contextmanager
def failures_named(directory: Path) -> Iterator[None]:
    """Turn what the system or a library says of disks, rights, limits and memory into our errors."""
    try:
        yield
    except Exception as error:
        named = named_failure(error, directory)
        if named is None:
            raise
        raise named from error


def named_failure(error: Exception, directory: Path) -> MinerflowError | None:
    """What an error is to the user, None where it is none of the system's."""
    if isinstance(error, MinerflowError | BrokenPipeError):
        return None
    if is_disk_full(error):
        return DiskFull(
            f"no space is left on the disk of {directory}",
            "make space and run the same command again; nothing that was finished is lost",
        )
    if _is_out_of_memory(error):
        return OutOfMemory(
            f"the memory that this job may use is not enough ({_said(error)})",
            "close other programs, raise the limit (ulimit -v, the container's), or set a lower memory_limit "
            "and fewer --workers; the same command goes on",
        )
    code = _code(error)
    if code is None and not isinstance(error, OSError):
        return None
    action = _ACTIONS.get(code or 0, "check the path and its disk, then run the same command again")
    return DiskRefused(f"{getattr(error, 'filename', None) or directory}: {_said(error)}", action)


def _code(error: Exception) -> int | None:
    """The system's number for an error; libraries that do not keep it quote its text."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    return next((code for code in _ACTIONS if os.strerror(code) in str(error)), None)


def is_disk_full(error: BaseException) -> bool:
    """Whether a library's error says that no space is left."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return "no space left" in str(error).lower() or "quota exceeded" in str(error).lower()


def _is_out_of_memory(error: Exception) -> bool:
    """Also DuckDB's own error, and that of a thread that finds no room for its stack."""
    if isinstance(error, OSError) and error.errno:
        return error.errno == errno.ENOMEM
    is_named_so = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryException"
    return is_named_so or any(words in str(error) for words in _NO_ROOM)


def _said(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error).split("\n")[0] or type(error).__name__
