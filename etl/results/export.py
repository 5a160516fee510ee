"""Writing all results into files, partitioned by profile and year.

Invariants: a file appears whole or stays as it was; one whose rows have not changed since the last
export is not touched; the manifest names exactly the files that belong to the export.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from etl.disk.files import write_text
from etl.errors import UsageError
from etl.results.answers import WRITERS, ask, write_file
from etl.results.metrics import literal
from etl.warehouse.catalogue import LONG_COLUMN, read_catalogue
from etl.warehouse.dictionary import dictionary_text

if TYPE_CHECKING:
    from etl.warehouse.catalogue import Metric

_MANIFEST = "manifest.json"
_DICTIONARY = "DICTIONARY.md"
_FORMAT = 1
_BY_DAY = ("blocks", "days", "daily_flows", "transfers", "miner_flow_days", "active_addresses",
           "exchange_flows", "metrics")  # fmt: skip
_BY_HEIGHT = {
    "supply": "height", "pool_supply": "height", "exchange_supply": "height",
    "chain_stats": "height", "conflicts": "height", "coinjoins": "height",
    "addresses": "since_height",
}  # fmt: skip
_WHOLE = ("chain", "prices", "labels", "metric_catalogue")


@dataclass(frozen=True)
class _Dataset:
    """A relation to export, as SQL that adds the column `year` (NULL: not by year)."""

    name: str
    sql: str
    has_profile: bool


@dataclass
class Exported:
    """What an export did, in files and rows."""

    written: int = 0
    written_rows: int = 0
    unchanged: int = 0
    deleted: int = 0
    partitions: dict[str, dict[str, object]] = field(default_factory=dict, repr=False)


def export(con: duckdb.DuckDBPyConnection, directory: Path, form: str, since: date | None = None) -> Exported:
    """Bring a directory in line with a database; `form` is parquet or csv.

    With `since`, files of earlier years are left as they are. Raises UsageError for a directory that
    holds other files than an export of that form.
    """
    before = _manifest(directory, form)
    if not before:
        directory.mkdir(parents=True, exist_ok=True)
        _write_manifest(directory, form, {})  # an export that is stopped can be told from other files
    metrics = read_catalogue(con)
    result = Exported()
    datasets = list(_datasets(con, metrics))
    for dataset in datasets:
        for partition in _partitions(con, dataset):
            _bring_up_to_date(con, directory, form, partition, before, since, result)
    for path in before.keys() - result.partitions.keys():
        (directory / path).unlink(missing_ok=True)
        result.deleted += 1
    text = dictionary_text(con, [dataset.name for dataset in datasets], metrics)
    _write_if_other(directory / _DICTIONARY, text)
    _write_manifest(directory, form, result.partitions)
    return result


def _datasets(con: duckdb.DuckDBPyConnection, metrics: list[Metric]) -> Iterator[_Dataset]:
    wide = {m.view for m in metrics if m.interval == "day" and m.column_name != LONG_COLUMN}
    for name in (*_BY_DAY, *sorted(wide)):
        yield _dataset(con, name, f"SELECT *, year(day) AS year FROM {name}")
    for name, height in _BY_HEIGHT.items():
        sql = f"SELECT r.*, year(b.day) AS year FROM {name} AS r JOIN blocks AS b ON b.height = r.{height}"
        yield _dataset(con, name, sql)
    for name in _WHOLE:
        yield _dataset(con, name, f"SELECT *, NULL AS year FROM {name}")


def _dataset(con: duckdb.DuckDBPyConnection, name: str, sql: str) -> _Dataset:
    columns = {row[0] for row in con.execute(f"DESCRIBE {name}").fetchall()}
    return _Dataset(name, sql, "profile" in columns)


@dataclass(frozen=True)
class _Partition:
    folder: str
    sql: str
    year: int | None
    rows: int
    digest: str


def _partitions(con: duckdb.DuckDBPyConnection, dataset: _Dataset) -> Iterator[_Partition]:
    keys = ["profile", "year"] if dataset.has_profile else ["year"]
    found = con.execute(
        f"SELECT {', '.join(keys)}, count(*), bit_xor(hash(r)), sum(CAST(hash(r) AS HUGEINT)) "
        f"FROM ({dataset.sql}) AS r GROUP BY {', '.join(keys)} ORDER BY {', '.join(keys)}"
    ).fetchall()
    for *values, rows, mixed, total in found:
        given = [(key, value) for key, value in zip(keys, values, strict=True) if value is not None]
        where = " AND ".join(f"{key} = {literal(str(value))}" for key, value in given) or "true"
        yield _Partition(
            folder="/".join([dataset.name, *(f"{key}={value}" for key, value in given)]),
            sql=f"SELECT * EXCLUDE ({', '.join(keys)}) FROM ({dataset.sql}) WHERE {where} ORDER BY ALL",
            year=dict(given).get("year"),
            rows=rows,
            digest=f"{mixed:x}-{total:x}",
        )


def _bring_up_to_date(
    con: duckdb.DuckDBPyConnection, directory: Path, form: str, partition: _Partition,
    before: dict[str, dict[str, object]], since: date | None, result: Exported,
) -> None:  # fmt: skip
    name = f"{partition.folder}/part.{form}"
    path = directory / name
    known = before.get(name, {})
    is_old = since is not None and partition.year is not None and partition.year < since.year
    is_there = path.is_file() and path.stat().st_size == known.get("bytes")
    if is_there and (is_old or known.get("digest") == partition.digest):
        result.unchanged += 1
        result.partitions[name] = known
        return
    if is_old:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(ask(con, partition.sql), path, WRITERS[form])
    result.written += 1
    result.written_rows += partition.rows
    result.partitions[name] = {
        "rows": partition.rows, "bytes": path.stat().st_size, "digest": partition.digest,
    }  # fmt: skip


def _manifest(directory: Path, form: str) -> dict[str, dict[str, object]]:
    """The files of the last export; none where DuckDB, whose digests they are, was another."""
    path = directory / _MANIFEST
    if not path.is_file():
        if directory.is_dir() and any(directory.iterdir()):
            raise UsageError(
                f"{directory} holds files that are no export", "name a new or an empty directory"
            )
        return {}
    facts = json.loads(path.read_text(encoding="utf-8"))
    if facts["format"] != _FORMAT or facts["form"] != form:
        raise UsageError(
            f"{directory} holds an export in another format ({facts['form']})",
            "give the same --format, or name another directory",
        )
    partitions: dict[str, dict[str, object]] = facts["partitions"]
    if facts["duckdb"] != duckdb.__version__:
        return {name: known | {"digest": ""} for name, known in partitions.items()}
    return partitions


def _write_manifest(directory: Path, form: str, partitions: dict[str, dict[str, object]]) -> None:
    facts = {
        "format": _FORMAT, "form": form, "duckdb": duckdb.__version__,
        "partitions": dict(sorted(partitions.items())),
    }  # fmt: skip
    _write_if_other(directory / _MANIFEST, json.dumps(facts, indent=1) + "\n")


def _write_if_other(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
