"""The label and price files of a data directory: which are in force, and that they are what results rest on.

Invariants: a file given once replaces the shipped one for this data directory from then on. It waits beside
the kept one until the results that rest on it are committed, with its digest; only then does it count,
whatever ends the process in between. A kept file whose digest is not the committed one is never used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from etl.disk.datadir import DataDirectory
from etl.disk.files import commit, write_bytes
from etl.errors import InputFileLost, UsageError
from etl.options import JobOptions
from etl.resources import config_dir

POOLS, EXCHANGES, PRICES = "pools.json", "exchanges.csv", "prices.csv"
NAMES = (POOLS, EXCHANGES, PRICES)

Digests = Mapping[str, str]
"""SHA-256, in hex, of files by name; a name that is missing stands for the shipped file."""


Given = Mapping[str, Path]
"""Files to be used from now on, by name."""


def given_files(options: JobOptions) -> dict[str, Path]:
    """The files that a job was given."""
    given = {POOLS: options.pools, EXCHANGES: options.exchanges, PRICES: options.prices}
    return {name: path for name, path in given.items() if path is not None}


class InputFiles:
    """The files in force for a job."""

    def __init__(self, data_dir: DataDirectory, committed: Digests | None, given: Given) -> None:
        """`committed` are those that the results rest on, None where there are no results."""
        self._folder = data_dir.inputs
        self._committed = committed
        self._given = given

    def path(self, name: str) -> Path:
        """The file that counts: the one given, else the one kept, else the shipped one.

        Raises UsageError where the one given is missing, InputFileLost where the one kept is not what it was.
        """
        given = self._given.get(name)
        if given is None:
            return self._kept(name) or config_dir() / name
        if not given.is_file():
            raise UsageError(f"{given} is not a file", "check the path")
        return given

    def digests(self) -> dict[str, str]:
        """What results that rest on these files are committed with."""
        found = {}
        for name in NAMES:
            path = self._pending(name)
            if not path.exists():
                path = self._folder / name if name in self._given else self._kept(name) or path
            if path.exists():
                found[name] = _digest(path)
        return found

    def offer(self) -> None:
        """Lay the files given beside those kept, to be taken over by `take_over`."""
        for name, given in self._given.items():
            if given.is_file() and given.resolve() != (self._folder / name).resolve():
                self.lay(name, given.read_bytes())

    def lay(self, name: str, content: bytes) -> None:
        """Lay what a file is to hold beside the one kept, to be taken over by `take_over`."""
        write_bytes(self._pending(name), content)

    def take_over(self, committed: Digests) -> None:
        """Keep what was offered and then committed, drop what was only offered."""
        for name in NAMES:
            pending = self._pending(name)
            if pending.exists() and committed.get(name) == _digest(pending):
                commit(pending, self._folder / name)
            pending.unlink(missing_ok=True)

    def _kept(self, name: str) -> Path | None:
        path = self._folder / name
        wanted = None if self._committed is None else self._committed.get(name)
        if wanted is None:
            return path if path.exists() else None
        if not path.exists():
            raise _lost(path, "is gone", name)
        if _digest(path) != wanted:
            raise _lost(path, "has changed", name)
        return path

    def _pending(self, name: str) -> Path:
        return self._folder / f"{name}.offered"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _lost(path: Path, fault: str, name: str) -> InputFileLost:
    option = f"--{name.partition('.')[0]}"
    return InputFileLost(
        f"{path} {fault}, and the results rest on what it was",
        f"put it back, or say with {option} FILE which one counts from now on; the shipped one is "
        f"{config_dir() / name}",
    )
