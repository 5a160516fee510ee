"""The shipped SQL: derived tables, views, metric views and checks, run in the right order.

A file of tables/, views/ or metrics/ makes the one relation that bears its name, and reads
others by theirs. The order in which files run follows from that alone. Every file starts
with a header of `-- key: value` lines, which continue on lines indented further. A table whose
header has the key `build` is made span by span of days (see etl.warehouse.day_spans).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from etl.resources import sql_dir
from etl.warehouse.day_spans import build_by_days

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

_COMMENT = re.compile(r"--[^\n]*")
_KEY = re.compile(r"-- ([a-z]+): (.*)")
_CONTINUED = re.compile(r"-- {2,}(.*)")


@dataclass(frozen=True)
class FailedCheck:
    """A check of sql/checks/ that found a row: its name, what a row means, and the first one."""

    name: str
    meaning: str
    example: str


def header(sql: str) -> dict[str, list[str]]:
    """The values of each key in the comment that opens an SQL text, in the order written."""
    values: dict[str, list[str]] = {}
    key = ""
    for line in sql.splitlines():
        if found := _KEY.fullmatch(line):
            key = found[1]
            values.setdefault(key, []).append(found[2])
        elif found := _CONTINUED.fullmatch(line):
            values[key][-1] += f" {found[1]}"
        else:
            break
    return values


def build_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Rebuild the tables that follow from the loaded ones, such as days and daily_flows."""
    texts = _texts("tables")
    version = hashlib.sha256("".join(texts.values()).encode()).hexdigest()
    for name in _in_order(texts):
        if "build" in header(texts[name]):
            build_by_days(con, name, texts[name], version)
        else:
            con.execute(texts[name])


def apply_views(con: duckdb.DuckDBPyConnection) -> None:
    """Create every view, or replace it; the tables must exist, those of `build_tables` included."""
    texts = _texts("views", "metrics")
    for name in _in_order(texts):
        con.execute(texts[name])


def run_checks(con: duckdb.DuckDBPyConnection) -> list[FailedCheck]:
    """Run every check on built tables and views; the failures by name, none when all is sound."""
    failures = (_check(con, path) for path in sorted(sql_dir().glob("checks/*.sql")))
    return [failure for failure in failures if failure is not None]


def _check(con: duckdb.DuckDBPyConnection, path: Path) -> FailedCheck | None:
    sql = path.read_text(encoding="utf-8")
    row = con.execute(sql).fetchone()
    if row is None:
        return None
    columns = [column[0] for column in con.description or []]
    example = ", ".join(f"{name} {value}" for name, value in zip(columns, row, strict=True))
    return FailedCheck(path.stem, header(sql)["row"][0], example)


def _texts(*folders: str) -> dict[str, str]:
    paths = [path for folder in folders for path in sorted((sql_dir() / folder).rglob("*.sql"))]
    return {path.stem: path.read_text(encoding="utf-8") for path in paths}


def _in_order(texts: dict[str, str]) -> list[str]:
    """Names of relations such that each comes after those its SQL mentions."""
    mentions = {name: (_words(text) & texts.keys()) - {name} for name, text in texts.items()}
    return list(TopologicalSorter(mentions).static_order())


def _words(text: str) -> set[str]:
    """The words of an SQL text without its comments, but with what it is built by."""
    return set(re.findall(r"\w+", " ".join([_COMMENT.sub("", text), *header(text).get("build", [])])))
