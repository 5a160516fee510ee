"""What DuckDB says of a database file, as the errors of etl.errors.

Invariant: a file is called damaged only for an error that says so of its contents; what the system refuses,
what does not fit into memory, a file of a later DuckDB and errors within DuckDB are none of these. Texts as
in DuckDB 1.5 and 2.0 (single_file_block_manager.cpp, local_file_system.cpp, wal_replay.cpp).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from etl.disk.failures import named_failure
from etl.errors import (
    DatabaseDamaged,
    DatabaseRefused,
    DataDirectoryLocked,
    MinerflowError,
    SchemaTooNew,
)

_DAMAGED = (
    "orrupt database file",
    "orrupt WAL file",
    "is not a valid DuckDB database file",
    "Could not read enough bytes from file",
)
_LATER = ("newer version of DuckDB", "but we can only read version")
_OF_DUCKDB = (
    duckdb.IOException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.SerializationException,
)


@contextmanager
def database_failures(path: Path) -> Iterator[None]:
    """Turn what DuckDB says of the database at `path` into our errors; errors in SQL stay what they are.

    Raises DatabaseDamaged, DataDirectoryLocked, SchemaTooNew, DatabaseRefused and those of
    etl.disk.failures.
    """
    try:
        yield
    except duckdb.Error as error:
        named = _named(error, path)
        if named is None:
            raise
        raise named from error


def _named(error: duckdb.Error, path: Path) -> MinerflowError | None:
    said = str(error)
    if "set lock" in said:
        return DataDirectoryLocked(
            f"{path} is open in another program: {error}", "close it there; read minerflow.duckdb instead"
        )
    if any(words in said for words in _LATER):
        return SchemaTooNew(
            f"{path} was written by a later DuckDB than {duckdb.__version__}",
            "use the DuckDB that wrote it, or a later one, or use another --data-dir",
        )
    if any(words in said for words in _DAMAGED):
        return DatabaseDamaged(
            f"{path} is damaged: {error}", "check the disk, then run minerflow update: it is built anew"
        )
    if not isinstance(error, (*_OF_DUCKDB, duckdb.OutOfMemoryException)):
        return None
    return named_failure(error, path) or DatabaseRefused(
        f"DuckDB {duckdb.__version__} cannot work with {path}: {error}",
        "run the same command again; if this comes back, move the file away (it is built anew from the lake) "
        "and report it",
    )
