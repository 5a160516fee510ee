"""What the system refuses, as errors that name a file and the next action."""

from __future__ import annotations

import errno
import os
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from etl.disk.failures import failures_named
from etl.disk.files import commit, sync_file, write_text
from etl.errors import DiskFull, DiskRefused, MinerflowError, OutOfMemory, UsageError


def _os_error(code: int, path: str | None = None) -> OSError:
    return OSError(code, os.strerror(code), path)


@pytest.mark.parametrize(
    ("error", "named", "words"),
    [
        (_os_error(errno.ENOSPC), DiskFull, "make space"),
        (_os_error(errno.EDQUOT), DiskFull, "make space"),
        (OSError("Write failed: No space left on device"), DiskFull, "make space"),
        (_os_error(errno.EIO, "/d/lake/x"), DiskRefused, "check the disk"),
        (_os_error(errno.EACCES, "/d/lake/x"), DiskRefused, "user"),
        (_os_error(errno.EROFS, "/d/lake/x"), DiskRefused, "mount"),
        (_os_error(errno.EFBIG, "/d/lake/x"), DiskRefused, "ulimit -f"),
        (_os_error(errno.EMFILE, "/d/lake/x"), DiskRefused, "ulimit -n"),
        (_os_error(errno.ENODEV, "/d/lake/x"), DiskRefused, "check the path"),
        (duckdb.IOException("IO Error: Cannot open file: Too many open files"), DiskRefused, "ulimit -n"),
        (duckdb.IOException("IO Error: Could not write file: File too large"), DiskRefused, "ulimit -f"),
        (_os_error(errno.ENOMEM), OutOfMemory, "memory"),
        (MemoryError(), OutOfMemory, "memory"),
        (pa.ArrowMemoryError("malloc of size 64 failed"), OutOfMemory, "memory"),
    ],
)
def test_errors_are_named(error: Exception, named: type[MinerflowError], words: str) -> None:
    with pytest.raises(named) as caught, failures_named(Path("/d")):
        raise error
    assert type(caught.value) is named
    assert words in caught.value.action
    assert named is OutOfMemory or str(getattr(error, "filename", None) or "/d") in caught.value.what


@pytest.mark.parametrize(
    "error", [UsageError("a", "b"), BrokenPipeError(), ZeroDivisionError(), KeyError("x")]
)
def test_others_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, failures_named(Path("/d")):
        raise error
    assert caught.value is error


def test_an_error_of_a_sync_names_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    path.write_text("")

    def failing(_: int) -> None:
        raise _os_error(errno.EIO)

    monkeypatch.setattr(os, "fsync", failing)
    for write in (
        partial(sync_file, path),
        partial(write_text, path, "y"),
        partial(commit, path, tmp_path / "z"),
    ):
        with (
            pytest.raises(DiskRefused, match=f"{tmp_path}.*: Input/output error"),
            failures_named(Path("/d")),
        ):
            write()
