"""Reading the published database, which no job ever changes in place.

Invariants: it is read-only, so any number of readers may open it at any time; each opening finds the file
that is published then. DuckDB hands a process that has a path open the file that it opened before, even
where another has taken its place: so the file is attached to a database in memory, and `another` makes
further connections.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from etl.disk.datadir import DataDirectory
from etl.errors import ResultsDamaged, TerminalError
from etl.warehouse.sqltext import literal

if TYPE_CHECKING:
    import duckdb

_NAME = "minerflow"
"""Of the database within a connection."""

_FILE = DataDirectory(Path()).published.name
_EXPECTED_BYTES = f"""
    SELECT used_blocks * block_size FROM pragma_database_size() WHERE database_name = '{_NAME}'
"""
"""A file that is not cut off has at least as many: DuckDB sees that only where it reads what is missing.

Free blocks do not count: DuckDB may leave those at the end out of the file.
"""
WRITTEN_ANEW = (
    "minerflow update writes it anew from the data directory's own tables; where these are damaged too, "
    "minerflow restate makes them anew from the lake"
)


def open_published(data_dir: DataDirectory) -> duckdb.DuckDBPyConnection:
    """The published database. Raises TerminalError where there is none, or none that opens."""
    import duckdb

    if not data_dir.published.is_file():
        raise TerminalError(
            f"{data_dir.path} holds no published results ({data_dir.published.name} is missing)",
            "run minerflow backfill first, or name the right directory with --data-dir",
        )
    con = duckdb.connect()
    try:
        con.execute(f"ATTACH {literal(str(data_dir.published))} AS {_NAME} (READ_ONLY)")
        _enter(con)
        expected_bytes = con.execute(_EXPECTED_BYTES).fetchall()[0][0]
    except duckdb.Error as error:
        con.close()
        raise ResultsDamaged(
            f"{data_dir.published} cannot be opened by DuckDB {duckdb.__version__}: {error}",
            f"use the DuckDB version that wrote it, or a newer one; if the file is damaged, {WRITTEN_ANEW}",
        ) from error
    if data_dir.published.stat().st_size < expected_bytes:
        con.close()
        raise ResultsDamaged(
            f"{data_dir.published} cannot be read whole: it is cut off, of {expected_bytes:,} bytes in use",
            WRITTEN_ANEW,
        )
    return con


def another(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A second connection to the same published file, for another thread or for variables of its own."""
    cursor = con.cursor()
    _enter(cursor)
    return cursor


def is_damage(error: duckdb.Error) -> bool:
    """Whether DuckDB says that it cannot go on with the file, whatever is asked."""
    import duckdb

    kinds = (duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
    is_of_file = isinstance(error, duckdb.IOException) and _FILE in str(error)
    return isinstance(error, kinds) or is_of_file or "corrupt" in str(error).lower()


@contextmanager
def damage_told(data_dir: DataDirectory) -> Iterator[None]:
    """Turn what DuckDB cannot read of the published file into ResultsDamaged.

    Only for queries of our own: what is wrong with a user's query is the user's (etl.results.answers).
    """
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise TerminalError(
            f"the answer needs more memory than there is: {error}", "ask for fewer days or rows"
        ) from error
    except duckdb.Error as error:
        raise ResultsDamaged(f"{data_dir.published} cannot be read: {error}", WRITTEN_ANEW) from error


@contextmanager
def reading(data_dir: DataDirectory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published database for queries of our own. Raises TerminalError and ResultsDamaged."""
    with open_published(data_dir) as con, damage_told(data_dir):
        yield con


def _enter(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(f"USE {_NAME}")
