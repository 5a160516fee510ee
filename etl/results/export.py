"""Writing all results into files, partitioned by profile and year.

Invariants: a file appears whole or stays as it was; one whose rows have not changed since the last
export is not touched; what is read is what is exported: with a first day, the years from its own on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from etl.results.answers import WRITERS, ask, write_file
from etl.results.export_folder import ExportFolder, Manifest, Part, part_path
from etl.warehouse.catalogue import read_catalogue
from etl.warehouse.dictionary import dictionary_text
from etl.warehouse.models import LONG_COLUMN
from etl.warehouse.sqltext import literal

if TYPE_CHECKING:
    from etl.warehouse.catalogue import Metric

_DICTIONARY = "DICTIONARY.md"
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


@dataclass(frozen=True)
class _Partition:
    """Rows of a dataset that become one file."""

    name: str
    """of the file, as a path in the directory"""
    sql: str
    rows: int
    digest: str


@dataclass
class Exported:
    """What an export did, in files and rows."""

    written: int = 0
    written_rows: int = 0
    unchanged: int = 0
    deleted: int = 0
    parts: dict[str, Part] = field(default_factory=dict, repr=False)


def export(con: duckdb.DuckDBPyConnection, directory: Path, form: str, since: date | None = None) -> Exported:
    """Bring a directory in line with a database; `form` is parquet, csv or csv-for-spreadsheets.

    With `since`, files of earlier years are left as they are. Raises UsageError for a directory that
    holds other files than an export of that form, DataDirectoryLocked beside another export.
    """
    metrics = read_catalogue(con)
    datasets = list(_datasets(con, metrics))
    with ExportFolder.opened(directory, form) as folder:
        before = _before(folder)
        found = [each for dataset in datasets for each in _partitions(con, dataset, form, since)]
        stale = [each for each in found if not _is_written(folder, each, before)]
        kept = {each.name for each in found} - {each.name for each in stale}
        kept |= {name for name in before if since is not None and _is_earlier(name, since)}
        result = Exported(unchanged=len(kept), parts={name: before[name] for name in kept})
        _announce(folder, before, stale, result)
        for partition in stale:
            _write(con, folder, form, partition, result)
        for name in before.keys() - result.parts.keys():
            folder.delete(name)
            result.deleted += 1
        names = [dataset.name for dataset in datasets]
        folder.write_text(_DICTIONARY, dictionary_text(con, names, metrics))
        folder.write_manifest(Manifest(duckdb.__version__, result.parts))
    return result


def _before(folder: ExportFolder) -> dict[str, Part]:
    """The files of the last export; no digests where DuckDB, whose they are, was another."""
    manifest = folder.read_manifest()
    if manifest is None:
        return {}
    if manifest.duckdb != duckdb.__version__:
        return {name: Part(part.rows, part.bytes, digest="") for name, part in manifest.parts.items()}
    return manifest.parts


def _is_written(folder: ExportFolder, partition: _Partition, before: dict[str, Part]) -> bool:
    """Whether the last export wrote these rows and its file is still there."""
    part = before.get(partition.name)
    return part is not None and part.digest == partition.digest and folder.holds(partition.name, part)


def _announce(
    folder: ExportFolder, before: dict[str, Part], stale: list[_Partition], result: Exported
) -> None:
    """Note, before anything is written, all files that there may be and on which not to rely, so that the
    next export puts right what this one leaves if it is stopped.
    """
    doubtful = {*before, *(each.name for each in stale)} - result.parts.keys()
    parts = result.parts | {name: Part(rows=0, bytes=0, digest="") for name in doubtful}
    folder.write_manifest(Manifest(duckdb.__version__, parts))


def _is_earlier(name: str, since: date) -> bool:
    """Whether a file is of a year before a day's."""
    years = [int(folder.removeprefix("year=")) for folder in name.split("/") if folder.startswith("year=")]
    return any(year < since.year for year in years)


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


def _partitions(
    con: duckdb.DuckDBPyConnection, dataset: _Dataset, form: str, since: date | None
) -> Iterator[_Partition]:
    keys = ["profile", "year"] if dataset.has_profile else ["year"]
    years = f"year IS NULL OR year >= {since.year}" if since else "true"
    found = con.execute(
        f"SELECT {', '.join(keys)}, count(*), bit_xor(hash(r)), sum(CAST(hash(r) AS HUGEINT)) "
        f"FROM ({dataset.sql}) AS r WHERE {years} GROUP BY {', '.join(keys)} ORDER BY {', '.join(keys)}"
    ).fetchall()
    for *values, rows, mixed, total in found:
        given = [(key, value) for key, value in zip(keys, values, strict=True) if value is not None]
        where = " AND ".join(f"{key} = {literal(str(value))}" for key, value in given) or "true"
        yield _Partition(
            name=part_path(dataset.name, given, form),
            sql=f"SELECT * EXCLUDE ({', '.join(keys)}) FROM ({dataset.sql}) WHERE {where} ORDER BY ALL",
            rows=rows,
            digest=f"{mixed:x}-{total:x}",
        )


def _write(
    con: duckdb.DuckDBPyConnection, folder: ExportFolder, form: str, partition: _Partition, result: Exported
) -> None:
    answer = ask(con, partition.sql)
    size = folder.write(partition.name, lambda path: write_file(answer, path, WRITERS[form]))
    result.written += 1
    result.written_rows += partition.rows
    result.parts[partition.name] = Part(partition.rows, size, partition.digest)
