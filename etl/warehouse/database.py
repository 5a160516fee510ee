"""The DuckDB database: schema, opening, publishing.

Invariants:
- Jobs write work.duckdb, in one transaction per job: it holds a finished job's results or those before.
- What is published has passed every check; it appears as minerflow.duckdb by one rename of a synced copy,
  so a reader keeps the file it opened and the next one sees the new. Tables whose rows depend on how the
  range was indexed are not in it.
- Every DuckDB that pyproject.toml allows opens both files, whichever of them wrote them.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import duckdb

from etl.disk.datadir import DataDirectory
from etl.disk.files import sync_file
from etl.errors import DatabaseDamaged, DatabaseToRebuild, DataDirectoryLocked, SchemaTooNew
from etl.resources import sql_dir
from etl.warehouse.failures import database_failures
from etl.warehouse.sqltext import identifier, literal

STORAGE_VERSION = "v1.5.0"
"""In which files are written: that of the lowest DuckDB allowed, which all later ones read and write."""

WORK_TABLES = ("chunks", "quiet_flow_runs", "exchange_flow_runs", "derived")
"""What only loading and deriving need; not published."""
_SMALL_TABLE_ROWS = 100_000

_STORAGE: dict[str, str | bool | int | float | list[str]] = {"storage_compatibility_version": STORAGE_VERSION}


Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Holding:
    """What a database holds: the range it was built for and the inputs it rests on."""

    network: str
    first_height: int
    last_height: int
    label_digest: str
    """of no labels where an earlier version's results are to be made anew"""


def migrations() -> list[tuple[int, str, Path]]:
    """(number, name, file) of every migration, in order."""
    found = []
    for path in sorted((sql_dir() / "migrations").glob("*.sql")):
        match = re.fullmatch(r"(\d{3})_(\w+)", path.stem)
        assert match is not None, path
        found.append((int(match[1]), match[2], path))
    return found


def schema_version(con: duckdb.DuckDBPyConnection) -> int:
    """Number of the last migration that a database has seen, 0 for an empty one."""
    known = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'schema_version'"
    ).fetchall()[0][0]
    if not known:
        return 0
    return int(con.execute("SELECT max(version) FROM schema_version").fetchall()[0][0])


def check_schema(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Raise SchemaTooNew for a database of a later minerflow."""
    version, newest = schema_version(con), migrations()[-1][0]
    if version > newest:
        raise SchemaTooNew(
            f"{path} has schema {version}, this minerflow knows schemas up to {newest}",
            "update minerflow, or use another --data-dir",
        )


def migrate(con: duckdb.DuckDBPyConnection) -> None:
    """Bring a database to the newest schema; each step and its record are one transaction."""
    version = schema_version(con)
    for number, name, path in migrations():
        if number <= version:
            continue
        con.execute("BEGIN")
        con.execute(
            "CREATE TABLE IF NOT EXISTS schema_version "
            "(version INTEGER NOT NULL, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
        )
        con.execute(path.read_text(encoding="utf-8"))
        con.execute("INSERT INTO schema_version VALUES (?, ?, now())", [number, name])
        con.execute("COMMIT")


def refuse_newer_schema(data_dir: DataDirectory) -> None:
    """Raise SchemaTooNew before anything of the data directory is touched."""
    for path in (data_dir.work, data_dir.published):
        _look(path, partial(check_schema, path=path))


def indexed_from(data_dir: DataDirectory) -> int | None:
    """First height of the published range, None where nothing readable is published."""
    held = _look(data_dir.published, holding)
    return held.first_height if held else None


def committed_inputs(data_dir: DataDirectory) -> dict[str, str] | None:
    """Digests of the label and price files that the results rest on; None where there are no results."""
    for path in (data_dir.work, data_dir.published):
        digests = _look(path, lambda con: input_digests(con) if holding(con) else None)
        if digests is not None:
            return digests
    return None


def committed_blocks(data_dir: DataDirectory, heights: list[int]) -> dict[int, str]:
    """Hashes, by height, of those blocks of the heights that finished results rest on."""
    asked = "SELECT height, hash FROM blocks WHERE height IN (SELECT unnest(?))"
    return _look(data_dir.work, lambda con: dict(con.execute(asked, [heights]).fetchall())) or {}


def _look(path: Path, question: Callable[[duckdb.DuckDBPyConnection], Answer]) -> Answer | None:
    """What a database answers; None where it is missing, empty or damaged, which the job makes good."""
    if not path.exists():
        return None
    try:
        with database_failures(path), duckdb.connect(str(path), read_only=True) as con:
            return question(con)
    except (DatabaseDamaged, DataDirectoryLocked, duckdb.CatalogException):
        return None


def remove_work(data_dir: DataDirectory) -> None:
    """Delete the work database."""
    for path in (data_dir.work, _log_of(data_dir.work)):
        path.unlink(missing_ok=True)


def set_work_aside(data_dir: DataDirectory) -> Path:
    """Have a damaged work database no longer count; returns where it lies until another is published."""
    aside = _set_aside(data_dir)
    _log_of(data_dir.work).unlink(missing_ok=True)
    if data_dir.work.exists():
        data_dir.work.replace(aside)
    return aside


def _set_aside(data_dir: DataDirectory) -> Path:
    return data_dir.work.with_name(data_dir.work.name + ".damaged")


def _log_of(path: Path) -> Path:
    """DuckDB's log of what it has not yet written into a database file."""
    return path.with_name(path.name + ".wal")


def storage_version(con: duckdb.DuckDBPyConnection) -> str:
    """The lowest DuckDB that opens the file of a connection, such as v1.5.0."""
    rows = con.execute(
        "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchall()
    return str(rows[0][0]).rstrip("+")


def _is_stored_for_later(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether a file is one that the lowest DuckDB allowed does not open."""
    return _numbers(storage_version(con)) > _numbers(STORAGE_VERSION)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.removeprefix("v").split(".")]


@contextmanager
def open_work(data_dir: DataDirectory, memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The work database, at the newest schema.

    Raises the errors of etl.warehouse.failures, and DatabaseToRebuild for one that the lowest DuckDB allowed
    would not open.
    """
    data_dir.temporary.mkdir(parents=True, exist_ok=True)
    path = data_dir.work
    with database_failures(path), duckdb.connect(str(path), config=_STORAGE) as con:
        if _is_stored_for_later(con):
            raise DatabaseToRebuild(
                f"{path} is stored in a way that DuckDB {STORAGE_VERSION} cannot open", "run minerflow update"
            )
        check_schema(con, path)
        _check_is_work(con, path)
        con.execute(f"SET memory_limit = {literal(memory_limit)}")
        con.execute(f"SET temp_directory = {literal(str(data_dir.temporary / 'duckdb'))}")
        migrate(con)
        yield con


def _check_is_work(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Raise DatabaseToRebuild for a database of the newest schema without what only jobs need."""
    held = {name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    missing = sorted(set(WORK_TABLES) - held)
    if missing and schema_version(con) == migrations()[-1][0]:
        said = f"{path} has no table {missing[0]}: it is no work database"
        raise DatabaseToRebuild(said, "run minerflow update")


def read_tables(con: duckdb.DuckDBPyConnection, most_rows: int | None = None) -> None:
    """Read all rows of each table, or of each of at most so many rows.

    DuckDB compares the checksum of a block where it reads it: what does not hold is a duckdb.Error.
    """
    tables = con.execute(
        "SELECT table_name, estimated_size FROM duckdb_tables() WHERE database_name = current_database()"
    ).fetchall()
    for name, rows in tables:
        if most_rows is None or rows <= most_rows:
            con.execute(f"SELECT bit_xor(hash(read)) FROM {identifier(name)} AS read").fetchall()


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what is done within, all of it, or nothing where an error ends it."""
    con.execute("BEGIN")
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):  # which a connection raises that the first error has ended
            con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")


def holding(con: duckdb.DuckDBPyConnection) -> Holding | None:
    """What the database holds, None where no job has finished yet."""
    row = con.execute(
        "SELECT network, first_height, (SELECT max(height) FROM blocks), label_digest FROM chain"
    ).fetchall()
    return Holding(*row[0]) if row else None


def input_digests(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Digests of the label and price files that the results rest on, by name; shipped ones have none."""
    if not con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'input_files'").fetchall()[0][
        0
    ]:
        return {}
    return dict(con.execute("SELECT name, sha256 FROM input_files").fetchall())


def note_inputs(con: duckdb.DuckDBPyConnection, digests: Mapping[str, str]) -> None:
    """Say which label and price files the results rest on; part of the transaction that loads them."""
    con.execute("DELETE FROM input_files")
    for name, digest in digests.items():
        con.execute("INSERT INTO input_files VALUES (?, ?)", [name, digest])


def block_hash_at(con: duckdb.DuckDBPyConnection, height: int) -> str | None:
    """Hash of a block in the database, hex in display order."""
    row = con.execute("SELECT hash FROM blocks WHERE height = ?", [height]).fetchall()
    return str(row[0][0]) if row else None


def publish(data_dir: DataDirectory, con: duckdb.DuckDBPyConnection) -> None:
    """Make the work database the published one, without WORK_TABLES; closes the connection.

    Tables that a job may leave as they are (catalogue, codes, labels) are read before, whatever they hold.
    """
    read_tables(con, _SMALL_TABLE_ROWS)
    con.execute("CHECKPOINT")
    con.close()
    temporary = _unpublished(data_dir)
    _copy(data_dir.work, temporary)
    _drop_work_tables(temporary)
    sync_file(temporary)
    temporary.replace(data_dir.published)
    sync_file(data_dir.path)
    _set_aside(data_dir).unlink(missing_ok=True)


def remove_unpublished(data_dir: DataDirectory) -> None:
    """Delete the copy that a run left which ended while it published."""
    _unpublished(data_dir).unlink(missing_ok=True)
    _unpublished(data_dir).with_suffix(".tmp.wal").unlink(missing_ok=True)


def _unpublished(data_dir: DataDirectory) -> Path:
    return data_dir.published.with_suffix(".duckdb.tmp")


def _copy(source: Path, target: Path) -> None:
    """Copy a file, sharing its blocks where the file system can."""
    with source.open("rb") as reader, target.open("wb") as writer:
        left = source.stat().st_size
        try:
            while left:
                copied = os.copy_file_range(reader.fileno(), writer.fileno(), left)
                if copied == 0:
                    break
                left -= copied
        except (OSError, AttributeError):
            left = -1
    if left:
        shutil.copyfile(source, target)


def _drop_work_tables(path: Path) -> None:
    with duckdb.connect(str(path), config=_STORAGE) as con:
        for table in WORK_TABLES:
            con.execute(f"DROP TABLE IF EXISTS {table}")
        con.execute("CHECKPOINT")
