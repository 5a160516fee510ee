"""A reader that opens published files again and again: python -m tests.durability.reader.

Each line of its input names a file to watch from then on; each answer is how often the one before was opened,
or what was wrong with it.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path
from typing import IO

import duckdb

_SOUND = """
    SELECT
        (SELECT count(*) = max(height) - min(height) + 1 FROM blocks)
        AND (SELECT count(*) FROM supply) = 2 * (SELECT count(*) FROM blocks)
        AND (SELECT sum(value_sat) FROM daily_flows WHERE is_coinbase)
            = 2 * (SELECT sum(coinbase_sat) FROM blocks)
        AND (SELECT count(*) FROM days) = (SELECT count(DISTINCT day) FROM blocks)
        AND (SELECT count(*) FROM metrics) > 0
        AND (SELECT count(*) FROM addresses) > 0
"""
_CONTENT = "SELECT (SELECT max(hash) FROM blocks), (SELECT sum(hash(metrics)) FROM metrics)"


class Reader:
    """The reader as a process of its own; a context manager."""

    def __enter__(self) -> Reader:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.durability.reader"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._ask("")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def watch(self, published: Path) -> None:
        """Begin to read a file, which may not exist yet."""
        self._ask(str(published))

    def stop(self) -> int:
        """How often the file was opened, each time to find it sound. Raises AssertionError."""
        return int(self._ask(""))

    def _ask(self, line: str) -> str:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(line + "\n")
        stdin.flush()
        answer = stdout.readline().strip()
        assert answer.isdigit(), answer
        return answer


def _look(path: str) -> str:
    """What is wrong with a published file, nothing where all is well."""
    with duckdb.connect(path, read_only=True) as con:
        content = con.execute(_CONTENT).fetchall()
        if con.execute(_SOUND).fetchall() != [(True,)]:
            return "it contradicts itself"
        if con.execute(_CONTENT).fetchall() != content:
            return "it changed while it was open"
    return ""


def _watch(path: str, stream: IO[str]) -> str:
    """Read until the next line comes; the answer to it."""
    opened, seen = 0, False
    while not select.select([stream], [], [], 0)[0]:
        if not path or not (seen or os.path.exists(path)):  # noqa: PTH110
            select.select([stream], [], [], 0.005)
            continue
        seen = True
        try:
            wrong = _look(path)
        except duckdb.Error as error:
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            return f"{path}: {wrong}".replace("\n", " ")
        opened += 1
    return str(opened)


def main() -> None:
    """Answer each line."""
    path = ""
    while True:
        answer = _watch(path, sys.stdin)
        line = sys.stdin.readline()
        if not line:
            return
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()
        path = line.strip()


if __name__ == "__main__":
    main()
