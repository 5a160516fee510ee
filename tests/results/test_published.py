"""Opening the published file: whole files open, files that are cut off do not."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from etl.disk.datadir import DataDirectory
from etl.errors import ResultsDamaged
from etl.results.published import open_published


@pytest.fixture
def freed(tmp_path: Path) -> DataDirectory:
    """A published file whose last blocks are free, which DuckDB counts but does not keep in the file."""
    for rows in range(50_000, 400_000, 50_000):
        data_dir = DataDirectory(tmp_path / str(rows))
        data_dir.path.mkdir()
        if _counted_bytes(data_dir, rows) > data_dir.published.stat().st_size:
            return data_dir
    raise AssertionError("DuckDB keeps free blocks at the end in every file")


def _counted_bytes(data_dir: DataDirectory, rows: int) -> int:
    """Publish tables of `rows` and drop one; what DuckDB then says of the file's size."""
    with duckdb.connect(str(data_dir.published), config={"threads": 1}) as con:
        for table in ("first", "second", "third"):
            con.execute(
                f"CREATE TABLE {table} AS SELECT range AS number, hash(range) AS hash FROM range({rows})"
            )
        con.execute("CHECKPOINT")
        con.execute("DROP TABLE third")
        con.execute("CHECKPOINT")
    with duckdb.connect(str(data_dir.published), read_only=True) as con:
        ((counted,),) = con.execute("SELECT total_blocks * block_size FROM pragma_database_size()").fetchall()
    return int(counted)


def test_free_blocks_need_not_be_in_the_file(freed: DataDirectory) -> None:
    with open_published(freed) as con:
        assert con.execute("SELECT count(*) > 0 FROM first").fetchall() == [(True,)]


def test_a_file_without_blocks_in_use_is_cut_off(freed: DataDirectory) -> None:
    content = freed.published.read_bytes()
    freed.published.write_bytes(content[: len(content) // 2])
    with pytest.raises(ResultsDamaged, match="is cut off"):
        open_published(freed)
