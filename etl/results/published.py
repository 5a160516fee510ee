"""Reading the published database, which no job ever changes in place.

Invariant: it is opened read-only, so any number of readers may, at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.errors import TerminalError
from etl.warehouse.optimizer import doubt_statistics

if TYPE_CHECKING:
    import duckdb

    from etl.disk.datadir import DataDirectory


def open_published(data_dir: DataDirectory) -> duckdb.DuckDBPyConnection:
    """The published database. Raises TerminalError where there is none, or none that opens."""
    import duckdb

    if not data_dir.published.is_file():
        raise TerminalError(
            f"{data_dir.path} holds no published results ({data_dir.published.name} is missing)",
            "run minerflow backfill first, or name the right directory with --data-dir",
        )
    try:
        con = duckdb.connect(str(data_dir.published), read_only=True)
    except duckdb.Error as error:
        raise TerminalError(
            f"{data_dir.published} cannot be opened by DuckDB {duckdb.__version__}: {error}",
            "use the DuckDB version that wrote it, or a newer one; a damaged file is written anew "
            "by minerflow backfill once it is deleted",
        ) from error
    doubt_statistics(con)
    return con
