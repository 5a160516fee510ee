"""What a data directory holds, from its published database and its files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.errors import ResultsDamaged
from etl.results.published import WRITTEN_ANEW, reading
from etl.warehouse.sqltext import identifier

if TYPE_CHECKING:
    import duckdb

    from etl.disk.datadir import DataDirectory


_VIEWS = {"address_changes": "addresses", "refused_joins": "conflicts"}


@dataclass(frozen=True)
class Status:
    """The published results in numbers; heights are both included."""

    data_dir: str
    network: str
    first_height: int
    last_height: int
    tip_hash: str
    """of the block at last_height, hex in display order"""
    tip_time: str
    """of that block's header, UTC"""
    last_final_day: str | None
    last_price_day: str | None
    """of the prices held; they may be of later days than the blocks"""
    schema_version: int
    rows: dict[str, int]
    """by table"""
    bytes: dict[str, int]
    """of the lake, the published database and all of the data directory"""


def read_status(data_dir: DataDirectory) -> Status:
    """The status as of the last publication. Raises TerminalError where there is none."""
    with reading(data_dir) as con:
        held = con.execute(
            "SELECT chain.network, chain.first_height, blocks.height, blocks.hash, "
            "strftime(make_timestamp(blocks.time * 1000000), '%Y-%m-%dT%H:%M:%SZ') "
            "FROM chain, blocks ORDER BY blocks.height DESC LIMIT 1"
        ).fetchall()
        if not held:
            raise ResultsDamaged(f"{data_dir.published} cannot be read: it holds no block", WRITTEN_ANEW)
        network, first_height, last_height, tip_hash, tip_time = held[0]
        return Status(
            data_dir=str(data_dir.path),
            network=network,
            first_height=first_height,
            last_height=last_height,
            tip_hash=tip_hash,
            tip_time=tip_time,
            last_final_day=_one(con, "SELECT CAST(max(day) AS VARCHAR) FROM days WHERE final"),
            last_price_day=_one(con, "SELECT CAST(max(date) AS VARCHAR) FROM prices"),
            schema_version=_one(con, "SELECT max(version) FROM schema_version"),
            rows=_rows(con),
            bytes={
                "lake": size(data_dir.lake),
                "database": size(data_dir.published),
                "total": size(data_dir.path),
            },
        )


def size(path: Path) -> int:
    """Bytes in a file or in all files below a directory, 0 where there is none; but what goes meanwhile."""
    if path.is_file():
        return path.stat().st_size
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += Path(folder, name).lstat().st_size
            except FileNotFoundError:
                continue
    return total


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """The one value of a query's one row."""
    return con.execute(sql).fetchall()[0][0]


def _rows(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows by table, by the name of its view where it has one with as many rows."""
    tables = con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
    counted = {name: _one(con, f"SELECT count(*) FROM {identifier(name)}") for (name,) in tables}
    return {_VIEWS.get(name, name): rows for name, rows in counted.items()}
