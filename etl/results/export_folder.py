"""The directory of an export: which files in it are the export's, and how they come there.

Invariants: only paths of the form that an export gives are read, written or deleted, all of them below the
directory and none through a link; what is written lies in a folder of its own until it is whole, and each
export empties that folder first; one export at a time works on a directory; the manifest names exactly the
files that belong to the export.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from etl.disk.failures import failures_named
from etl.disk.files import commit, sync_file
from etl.errors import DataDirectoryLocked, UsageError
from etl.foreign_text import escaped

MANIFEST = "manifest.json"
SUFFIXES = {"parquet": "parquet", "csv": "csv", "csv-for-spreadsheets": "csv"}
"""of the files, by the form of the export"""

_UNFINISHED = ".minerflow-unfinished"
_FORMAT = 1
_FILE = re.compile(r"\w+(/profile=[\w.~%-]+)?(/year=\d{1,4})?/part\.(parquet|csv)", re.ASCII)


@dataclass(frozen=True)
class Part:
    """A file of the export, as it was written."""

    rows: int
    bytes: int
    digest: str
    """of the rows; empty where the file is not to be relied on"""


@dataclass(frozen=True)
class Manifest:
    """What an export left: the version of DuckDB, whose digests they are, and the files by their paths."""

    duckdb: str
    parts: dict[str, Part]


def part_path(dataset: str, keys: list[tuple[str, object]], form: str) -> str:
    """The path, in the directory, of the rows of a dataset that have these values (Hive's form, escaped)."""
    folders = [f"{key}={quote(str(value), safe='')}" for key, value in keys]
    return "/".join([dataset, *folders, f"part.{SUFFIXES[form]}"])


class ExportFolder:
    """A directory that `opened` has made sure of."""

    def __init__(self, path: Path, form: str) -> None:
        self._path = path
        self._form = form

    @classmethod
    @contextmanager
    def opened(cls, directory: Path, form: str) -> Iterator[ExportFolder]:
        """The directory for one export, made where it is missing.

        Raises UsageError for one that holds something else, and DataDirectoryLocked.
        """
        directory.mkdir(parents=True, exist_ok=True)
        folder = cls(directory.resolve(), form)
        with _locked(folder._path), failures_named(folder._path):
            folder._refuse_other_files()
            folder._clear_unfinished()
            folder._own(_UNFINISHED).mkdir(exist_ok=True)
            try:
                yield folder
            finally:
                folder._clear_unfinished()

    def read_manifest(self) -> Manifest | None:
        """What the last export left, nothing where there was none.

        Raises UsageError where it cannot be what an export wrote, or was one in another form.
        """
        path = self._own(MANIFEST)
        if not path.exists():
            return None
        facts = self._facts(path)
        if facts["form"] != self._form:
            raise UsageError(
                f"{self._path} holds an export in another format ({escaped(facts['form'])})",
                "give the same --format, or name another directory",
            )
        parts = {name: Part(**part) for name, part in facts["partitions"].items()}
        for name in parts:
            self._own(name)
        return Manifest(facts["duckdb"], parts)

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace the manifest, if it is another."""
        facts = {
            "format": _FORMAT, "form": self._form, "duckdb": manifest.duckdb,
            "partitions": {name: asdict(part) for name, part in sorted(manifest.parts.items())},
        }  # fmt: skip
        self.write_text(MANIFEST, json.dumps(facts, indent=1) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Replace a text file, if it is another."""
        path = self._own(name)
        if not path.is_file() or path.read_bytes() != text.encode():
            self.write(name, lambda temporary: temporary.write_bytes(text.encode()))

    def write(self, name: str, write: Callable[[Path], object]) -> int:
        """Have `write` make a file, which appears whole. Gives its bytes."""
        final = self._own(name)
        temporary = self._own(_UNFINISHED) / final.name
        write(temporary)
        sync_file(temporary)
        final.parent.mkdir(parents=True, exist_ok=True)
        commit(temporary, final)
        return final.stat().st_size

    def holds(self, name: str, part: Part) -> bool:
        """Whether a file is there, as long as it was written."""
        path = self._own(name)
        return path.is_file() and path.stat().st_size == part.bytes

    def delete(self, name: str) -> None:
        """Delete a file of the export."""
        self._own(name).unlink(missing_ok=True)

    def _own(self, name: str) -> Path:
        """The path of what the export calls by a name. Raises UsageError where a link is on the way."""
        path = self._path
        for part in name.split("/"):
            path = path / part
            if path.is_symlink():
                raise UsageError(
                    f"{escaped(str(path))} is a link, and an export follows none",
                    "remove the link, or name another directory",
                )
        return path

    def _refuse_other_files(self) -> None:
        is_export = self._own(MANIFEST).is_file()
        if not is_export and any(path.name != _UNFINISHED for path in self._path.iterdir()):
            raise UsageError(
                f"{self._path} holds files that are no export", "name a new or an empty directory"
            )

    def _clear_unfinished(self) -> None:
        """Delete what an export was writing when it was stopped."""
        folder = self._own(_UNFINISHED)
        if folder.is_dir():
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()

    def _facts(self, path: Path) -> dict[str, Any]:
        """The manifest's text, checked. Raises UsageError."""
        try:
            facts = json.loads(path.read_bytes())
            reason = _fault_of(facts)
        except (ValueError, RecursionError) as error:
            reason = f"it is no JSON ({error})"
        if reason:
            raise UsageError(
                f"{path} is damaged or not of an export: {reason}",
                "nothing was written or deleted; name another directory, or delete this one and export anew",
            )
        checked: dict[str, Any] = facts
        return checked


def _fault_of(facts: Any) -> str | None:
    """Why something read is no manifest."""
    if not isinstance(facts, dict) or not isinstance(facts.get("partitions"), dict):
        return "it has no partitions"
    if facts.get("format") != _FORMAT:
        return "it is of another version of minerflow"
    if not isinstance(facts.get("form"), str) or not isinstance(facts.get("duckdb"), str):
        return "it does not say by what it was written"
    for name, part in facts["partitions"].items():
        if not _FILE.fullmatch(name):
            return f"{escaped(name)!r} is no file of an export"
        if not isinstance(part, dict) or {key: type(value) for key, value in part.items()} != _PART_TYPES:
            return f"it says other things of {name} than rows, bytes and digest"
    return None


_PART_TYPES = {"rows": int, "bytes": int, "digest": str}


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold a directory for one export; a dead process never keeps it."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataDirectoryLocked(
                f"another export writes to {directory}", "wait for it to end, or stop it"
            ) from error
        yield
    finally:
        os.close(descriptor)
