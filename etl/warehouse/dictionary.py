"""What tables, views and their columns mean, read from the comments of the shipped SQL.

Invariant: a table's meaning stands above its CREATE TABLE and a column's beside it; a view's stands
in its header.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.resources import sql_dir
from etl.warehouse.models import tables, views

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from etl.warehouse.catalogue import Metric

_TABLE = re.compile(r"((?:--[^\n]*\n)*)CREATE TABLE (\w+) \(\n(.*?)\n\);", re.DOTALL)
_COLUMN = re.compile(r"\s+(\w+) [^\n]*?--\s*(.*)")


@dataclass(frozen=True)
class Meaning:
    """What a relation holds."""

    text: str
    unit: str
    grain: str
    columns: dict[str, str]
    """what columns mean, as far as it is written"""


def meanings() -> dict[str, Meaning]:
    """By the name of every table, view and metric view that is shipped."""
    found: dict[str, Meaning] = {}
    for path in sorted(sql_dir().glob("migrations/*.sql")):
        for comment, name, body in _TABLE.findall(path.read_text(encoding="utf-8")):
            found[name] = Meaning(_plain(comment), "", "", _column_comments(body))
    for name, model in (tables() | views()).items():
        text, unit, grain = (_single(model.values, key) for key in ("definition", "unit", "grain"))
        columns = found[name].columns if name in found else {}
        found[name] = Meaning(text, unit, grain, columns)
    return found


def dictionary_text(con: duckdb.DuckDBPyConnection, relations: Iterable[str], metrics: list[Metric]) -> str:
    """A Markdown text that explains relations of a database, column by column, and its metrics."""
    comments = con.execute(
        "SELECT table_name, comment FROM duckdb_tables() WHERE comment IS NOT NULL"
    ).fetchall()
    known = {name: Meaning(text, "", "", {}) for name, text in comments} | meanings()
    parts = ["# Data dictionary\n"]
    for name in sorted(relations):
        parts.append(_relation_text(con, name, known.get(name), metrics))
    parts.append(_metrics_text(metrics))
    return "\n".join(parts)


def _relation_text(
    con: duckdb.DuckDBPyConnection, name: str, meaning: Meaning | None, metrics: list[Metric]
) -> str:
    columns = con.execute(f"DESCRIBE {name}").fetchall()
    of_metrics = {m.column_name: f"{m.id}: {m.description}" for m in metrics if m.view == name}
    said = of_metrics | (meaning.columns if meaning else {})
    lines = [f"## {name}\n"]
    if meaning:
        told = (("", meaning.text), ("Unit: ", meaning.unit), ("One row per: ", meaning.grain))
        lines += [f"{title}{text}\n" for title, text in told if text]
    lines += ["| column | type | meaning |", "|---|---|---|"]
    lines += [f"| {column} | {kind} | {_cell(said.get(column, ''))} |" for column, kind, *_ in columns]
    return "\n".join([*lines, ""])


def _metrics_text(metrics: list[Metric]) -> str:
    lines = ["## Metrics\n", "| id | name | unit | per | vendor | meaning |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {m.id} | {_cell(m.name)} | {m.unit} | {m.interval} | {_cell(m.vendor)} | {_cell(m.description)} |"
        for m in metrics
    ]
    return "\n".join([*lines, ""])


def _column_comments(body: str) -> dict[str, str]:
    return {found[1]: found[2] for line in body.splitlines() if (found := _COLUMN.fullmatch(line))}


def _single(values: dict[str, list[str]], key: str) -> str:
    """A value that holds for the whole relation, nothing where each metric has its own."""
    given = values.get(key, [])
    return given[0] if len(given) == 1 else ""


def _plain(comment: str) -> str:
    return " ".join(line.removeprefix("--").strip() for line in comment.splitlines())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
