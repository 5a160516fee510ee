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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from etl.disk.datadir import DataDirectory
from etl.disk.files import is_disk_full, sync_file
from etl.errors import DataDirectoryLocked, SchemaTooNew
from etl.resources import sql_dir
from etl.warehouse.sqltext import literal

STORAGE_VERSION = "v1.5.0"
"""In which files are written: that of the lowest DuckDB allowed, which all later ones read and write."""

WORK_TABLES = ("chunks", "quiet_flow_runs", "exchange_flow_runs", "transfer_days", "built_days")
"""What only loading and deriving need; not published."""

_STORAGE: dict[str, str | bool | int | float | list[str]] = {"storage_compatibility_version": STORAGE_VERSION}


@dataclass(frozen=True)
class Holding:
    """What a database holds: the range it was built for and the inputs it rests on."""

    network: str
    first_height: int
    last_height: int
    label_digest: str


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
        try:
            with duckdb.connect(str(path), read_only=True) as con:
                check_schema(con, path)
        except duckdb.Error:
            continue  # missing or damaged: the job makes it anew


def indexed_from(data_dir: DataDirectory) -> int | None:
    """First height of the published range, None where nothing readable is published."""
    try:
        with duckdb.connect(str(data_dir.published), read_only=True) as con:
            held = holding(con)
    except duckdb.Error:
        return None
    return held.first_height if held else None


def says_damaged(error: duckdb.Error) -> bool:
    """Whether DuckDB says that a database file is not what it wrote."""
    kinds = (
        duckdb.IOException,
        duckdb.FatalException,
        duckdb.InternalException,
        duckdb.SerializationException,
    )
    return (isinstance(error, kinds) or "orrupt" in str(error)) and not is_disk_full(error)


def remove_work(data_dir: DataDirectory) -> None:
    """Delete the work database."""
    data_dir.work.unlink(missing_ok=True)
    data_dir.work.with_name(data_dir.work.name + ".wal").unlink(missing_ok=True)


def _connect(data_dir: DataDirectory, warn: Callable[[str], None]) -> duckdb.DuckDBPyConnection:
    """Open the work database; one that cannot be read is deleted, since the lake can rebuild it."""
    try:
        return duckdb.connect(str(data_dir.work), config=_STORAGE)
    except duckdb.Error as error:
        if "set lock" in str(error):
            raise DataDirectoryLocked(
                f"{data_dir.work} is open in another program: {error}",
                f"close it there; to look at results open {data_dir.published}",
            ) from error
        warn(f"{data_dir.work} cannot be read and is built anew ({error})")
        remove_work(data_dir)
        return duckdb.connect(str(data_dir.work), config=_STORAGE)


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
def open_work(
    data_dir: DataDirectory, memory_limit: str, warn: Callable[[str], None]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The work database, at the newest schema. Raises SchemaTooNew, DataDirectoryLocked."""
    data_dir.temporary.mkdir(parents=True, exist_ok=True)
    con = _connect(data_dir, warn)
    if _is_stored_for_later(con):
        con.close()
        warn(
            f"{data_dir.work} is stored in a way that DuckDB {STORAGE_VERSION} cannot open, and is built anew"
        )
        remove_work(data_dir)
        con = _connect(data_dir, warn)
    try:
        check_schema(con, data_dir.work)
        con.execute(f"SET memory_limit = {literal(memory_limit)}")
        con.execute(f"SET temp_directory = {literal(str(data_dir.temporary / 'duckdb'))}")
        migrate(con)
        yield con
    finally:
        con.close()


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


def block_hash_at(con: duckdb.DuckDBPyConnection, height: int) -> str | None:
    """Hash of a block in the database, hex in display order."""
    row = con.execute("SELECT hash FROM blocks WHERE height = ?", [height]).fetchall()
    return str(row[0][0]) if row else None


def publish(data_dir: DataDirectory, con: duckdb.DuckDBPyConnection) -> None:
    """Make the work database the published one, without WORK_TABLES; closes the connection."""
    con.execute("CHECKPOINT")
    con.close()
    temporary = _unpublished(data_dir)
    _copy(data_dir.work, temporary)
    _drop_work_tables(temporary)
    sync_file(temporary)
    temporary.replace(data_dir.published)
    sync_file(data_dir.path)


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
