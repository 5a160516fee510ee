"""Writing files so that a reader, or the next run, sees the whole or nothing.

Invariant: what `commit` has renamed into place was on the disk before, and so was its name afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from etl.errors import TerminalError


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Have the system's errors say which file they are about."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def sync_file(path: Path) -> None:
    """Have the disk hold the contents of a file or the names in a directory."""
    with named(path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_tree(directory: Path) -> None:
    """`sync_file` for every file below a directory, then for the directory."""
    for path in directory.rglob("*"):
        sync_file(path)
    sync_file(directory)


def commit(temporary: Path, final: Path) -> None:
    """Make `temporary`, already synced, appear as `final` at once and for good."""
    temporary.rename(final)
    sync_file(final.parent)


def read_text(path: Path, error: type[TerminalError]) -> str:
    """The text of a file in UTF-8; raises `error` where it is none."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        raise error(f"{path} is no text in UTF-8 (byte {reason.start})", "save the file as UTF-8") from reason


def write_text(path: Path, text: str) -> None:
    """Replace a small text file atomically."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a small file atomically."""
    temporary = path.with_name(path.name + ".tmp")
    with named(temporary):
        temporary.write_bytes(content)
    sync_file(temporary)
    temporary.replace(path)
    sync_file(path.parent)
