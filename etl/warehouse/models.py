"""The shipped SQL: macros, derived tables, views, metric views and checks, run in the right order.

A file of tables/, views/ or metrics/ makes the one relation that bears its name, and reads others by theirs.
The order in which files run follows from that alone. Every file starts with a header of `-- key: value`
lines, which continue on lines indented further. Three keys of a header make more of its file than it spells
out:

- `build`: the table is made span by span of days (see etl.warehouse.day_spans), and only from where anything
  has changed;
- `also`: the file's last statement, which makes NAME_{also}, stands for one view of each of the shorter
  intervals listed (hours, blocks); {key} in it is the column that tells their rows apart;
- `each`: the SELECT stands for one per view of metrics in rows by day, named {view} in it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from etl.resources import sql_dir
from etl.warehouse.day_spans import WHOLE, Stretch, build_by_days, day_spans, limit_to

if TYPE_CHECKING:
    import duckdb

LONG_COLUMN = "value"
"""Column of the values in views that hold several metrics in rows, named in the column metric."""

SHORTER = {"hours": "hour", "blocks": "height"}
"""By the name of an interval shorter than a day, the column that tells its rows apart."""

_COMMENT = re.compile(r"--[^\n]*")
_KEY = re.compile(r"-- ([a-z]+): (.*)")
_CONTINUED = re.compile(r"-- {2,}(.*)")

_CHECKS = "checks"
_LOADING_CHECKS = "checks/loading"


@dataclass(frozen=True)
class Model:
    """One relation of the shipped SQL."""

    name: str
    sql: str
    """the statements that make it"""
    values: dict[str, list[str]]
    """of each key of its header"""
    daily: str | None = None
    """the view of days whose metrics it has too, at a shorter interval"""


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


def tables() -> dict[str, Model]:
    """The derived tables by name, and the views that they are made from."""
    return {name: Model(name, text, header(text)) for name, text in _texts("tables/*.sql")}


def views() -> dict[str, Model]:
    """The views by name, those of metrics included."""
    found = {name: Model(name, text, header(text)) for name, text in _texts("views/*.sql")}
    metrics = metric_views()
    for model in found.values():
        if "each" in model.values:
            found[model.name] = _united(model, metrics)
    return found | metrics


def metric_views() -> dict[str, Model]:
    """The views of sql/metrics by name, those of shorter intervals included."""
    found: dict[str, Model] = {}
    for name, text in _texts("metrics/*/*.sql"):
        found |= {model.name: model for model in _with_shorter(name, text)}
    return found


def sql_digest() -> str:
    """Of all SQL that is shipped, which another version of minerflow may change."""
    digest = hashlib.sha256()
    for path in sorted(sql_dir().rglob("*.sql")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def build_tables(con: duckdb.DuckDBPyConnection, stretch: Stretch = WHOLE) -> None:
    """Derive tables from the loaded ones, such as days and daily_flows, from the first day of a stretch on.

    What is earlier must have been derived by the same SQL.
    """
    con.execute((sql_dir() / "macros.sql").read_text(encoding="utf-8"))
    spans = day_spans(con, stretch)
    for model in _in_order(tables()):
        if "build" not in model.values:
            con.execute(model.sql)
            continue
        if stretch == WHOLE and f"CREATE TABLE IF NOT EXISTS {model.name} " in model.sql:
            con.execute(f"DROP TABLE IF EXISTS {model.name}")  # its columns may be an earlier version's
        build_by_days(con, model.sql, spans)


def apply_views(con: duckdb.DuckDBPyConnection) -> None:
    """Create every view, or replace it; the tables must exist, those of `build_tables` included."""
    for model in _in_order(views()):
        con.execute(model.sql)


def run_checks(con: duckdb.DuckDBPyConnection, stretch: Stretch = WHOLE) -> list[FailedCheck]:
    """Run the checks of what is published; the failures by name, none when all is sound."""
    return _failures(con, _CHECKS, stretch)


def run_loading_checks(con: duckdb.DuckDBPyConnection, stretch: Stretch = WHOLE) -> list[FailedCheck]:
    """Run the checks of what the work database alone holds; the failures by name."""
    return _failures(con, _LOADING_CHECKS, stretch)


def _failures(con: duckdb.DuckDBPyConnection, folder: str, stretch: Stretch) -> list[FailedCheck]:
    limit_to(con, stretch)
    failures = (_check(con, name, sql) for name, sql in _texts(f"{folder}/*.sql"))
    return [failure for failure in failures if failure is not None]


def _check(con: duckdb.DuckDBPyConnection, name: str, sql: str) -> FailedCheck | None:
    row = con.execute(sql).fetchone()
    if row is None:
        return None
    columns = [column[0] for column in con.description or []]
    example = ", ".join(f"{column} {value}" for column, value in zip(columns, row, strict=True))
    return FailedCheck(name, header(sql)["row"][0], example)


def _texts(pattern: str) -> Iterator[tuple[str, str]]:
    """(name, text) of the files that match, by name."""
    for path in sorted(sql_dir().glob(pattern), key=lambda path: path.stem):
        yield path.stem, path.read_text(encoding="utf-8")


def _with_shorter(name: str, text: str) -> Iterator[Model]:
    """The view of a file, then those of shorter intervals that its last statement stands for."""
    values = header(text)
    start = f"CREATE OR REPLACE VIEW {name}_{{also}}"
    sql, found, rest = text.partition(start)
    yield Model(name, sql, values)
    grain = values["grain"][0].split(":")[0] if found else ""
    for also in (values["also"][0].split(", ")) if found else []:
        said = {
            "definition": [f"{name} per {also.removesuffix('s')}; only where something moved."],
            "grain": [grain.replace("day", SHORTER[also], 1)],
            "source": [f"miner_flow_{also}"],
        }
        shorter = (start + rest).replace("{also}", also).replace("{key}", SHORTER[also])
        yield Model(f"{name}_{also}", shorter, said, daily=name)


def _united(model: Model, metrics: dict[str, Model]) -> Model:
    """A view whose SELECT is repeated for every view of metrics in rows by day."""
    start, select = re.split(r"(?<=AS\n)(?=SELECT )", model.sql.rstrip().removesuffix(";"), maxsplit=1)
    long = [
        name
        for name, metric in metrics.items()
        if metric.values["grain"][0] == "profile, day" and "column" not in metric.values
    ]
    united = "\nUNION ALL\n".join(select.replace("{view}", name) for name in long)
    return Model(model.name, f"{start}{united};\n", model.values)


def _in_order(models: dict[str, Model]) -> list[Model]:
    """The models such that each comes after those its SQL mentions."""
    mentions = {name: (_words(model) & models.keys()) - {name} for name, model in models.items()}
    return [models[name] for name in TopologicalSorter(mentions).static_order()]


def _words(model: Model) -> set[str]:
    """The words of a model's SQL without its comments."""
    return set(re.findall(r"\w+", _COMMENT.sub("", model.sql)))
