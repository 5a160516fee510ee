"""What a data directory holds, from its published database and its files."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from etl.results.published import open_published
from etl.warehouse.sqltext import identifier

if TYPE_CHECKING:
    from etl.disk.datadir import DataDirectory


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
    schema_version: int
    rows: dict[str, int]
    """by table"""
    bytes: dict[str, int]
    """of the lake, the published database and all of the data directory"""

    def to_json(self) -> str:
        """The status as one JSON object."""
        return json.dumps(asdict(self), indent=1)


def read_status(data_dir: DataDirectory) -> Status:
    """The status as of the last publication. Raises TerminalError where there is none."""
    with open_published(data_dir) as con:
        network, first_height, last_height, tip_hash, tip_time = con.execute(
            "SELECT chain.network, chain.first_height, blocks.height, blocks.hash, "
            "strftime(make_timestamp(blocks.time * 1000000), '%Y-%m-%dT%H:%M:%SZ') "
            "FROM chain, blocks ORDER BY blocks.height DESC LIMIT 1"
        ).fetchall()[0]
        final = con.execute("SELECT CAST(max(day) AS VARCHAR) FROM days WHERE final").fetchall()
        version = con.execute("SELECT max(version) FROM schema_version").fetchall()
        tables = con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
        rows = {
            name: con.execute(f"SELECT count(*) FROM {identifier(name)}").fetchall()[0][0]
            for (name,) in tables
        }
    return Status(
        data_dir=str(data_dir.path),
        network=network,
        first_height=first_height,
        last_height=last_height,
        tip_hash=tip_hash,
        tip_time=tip_time,
        last_final_day=final[0][0],
        schema_version=version[0][0],
        rows=rows,
        bytes={
            "lake": size(data_dir.lake),
            "database": size(data_dir.published),
            "total": size(data_dir.path),
        },
    )


def size(path: Path) -> int:
    """Bytes in a file or in all files below a directory, 0 where there is none."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.lstat().st_size for file in path.rglob("*") if file.is_file())
