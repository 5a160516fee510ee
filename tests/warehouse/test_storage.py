"""Every DuckDB that is allowed opens the database files."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path

import duckdb
import pytest

from etl.disk.datadir import DataDirectory
from etl.errors import DatabaseToRebuild
from etl.warehouse.catalogue import build_catalogue
from etl.warehouse.database import (
    STORAGE_VERSION,
    WORK_TABLES,
    open_work,
    publish,
    set_work_aside,
    storage_version,
)
from etl.warehouse.models import apply_views, build_tables
from tests.cli.run import ROOT
from tests.support.small_warehouse import ATTRIBUTES, day, insert, insert_blocks, insert_supply

LATEST_OF_1_5 = 68
"""DuckDB 1.5.x reads the storage numbers 64 to 68; 2.x writes 69 and above unless told otherwise. The number
stands in bytes 12 to 19 of a file (https://duckdb.org/docs/stable/internals/storage)."""

QUESTION = "SELECT metric, value FROM metrics WHERE metric IN ('BlkCnt', 'SplyMiner1HopAllNtv') ORDER BY ALL"
OTHERS = os.environ.get("MINERFLOW_OTHER_DUCKDB", "").split()
"""Python interpreters that have another DuckDB."""


def _file_number(path: Path) -> int:
    data = path.read_bytes()[:20]
    assert data[8:12] == b"DUCK"
    return int.from_bytes(data[12:20], "little")


def _published(path: Path) -> DataDirectory:
    data_dir = DataDirectory(path)
    data_dir.create()
    with open_work(data_dir, "1GB") as con:
        insert(con, "attributes", ATTRIBUTES)
        insert_blocks(con, [day(1), day(1), day(2)])
        insert_supply(con, [(0, 0), (5, 7), (6, 8)])
        build_tables(con)
        apply_views(con)
        build_catalogue(con)
        publish(data_dir, con)
    return data_dir


def test_the_lowest_duckdb_allowed_is_the_one_that_files_are_stored_for() -> None:
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (duckdb_bounds,) = (given for given in required if given.startswith("duckdb"))
    lowest = next(
        bound for bound in duckdb_bounds.removeprefix("duckdb").split(",") if bound.startswith(">=")
    )
    wanted = [int(number) for number in lowest.removeprefix(">=").split(".")]
    assert [int(number) for number in STORAGE_VERSION.removeprefix("v").split(".")][: len(wanted)] == wanted


def test_files_are_stored_for_the_lowest_duckdb_allowed(tmp_path: Path) -> None:
    data_dir = _published(tmp_path)
    assert _file_number(data_dir.work) <= LATEST_OF_1_5
    assert _file_number(data_dir.published) <= LATEST_OF_1_5
    with duckdb.connect(str(data_dir.published), read_only=True) as con:
        assert storage_version(con) == STORAGE_VERSION


def test_what_depends_on_the_way_is_not_published(tmp_path: Path) -> None:
    data_dir = _published(tmp_path)
    with duckdb.connect(str(data_dir.work), read_only=True) as con:
        held = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    with duckdb.connect(str(data_dir.published), read_only=True) as con:
        published = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert held - published == set(WORK_TABLES)


def test_an_attached_file_answers(tmp_path: Path) -> None:
    """Its macros are found from another database."""
    data_dir = _published(tmp_path)
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{data_dir.published}' AS results (READ_ONLY)")
        rows = con.execute(
            "SELECT value FROM results.metrics WHERE metric = 'SplyMiner1HopAllNtv'"
        ).fetchall()
    assert [int(value * 10**8) for (value,) in rows] == [7]


@pytest.mark.skipif(duckdb.__version__ < "2", reason="1.5 does not write what it cannot read")
def test_a_work_database_stored_for_later_versions_only_is_to_be_built_anew(tmp_path: Path) -> None:
    data_dir = DataDirectory(tmp_path)
    data_dir.create()
    with duckdb.connect(str(data_dir.work), config={"storage_compatibility_version": "latest"}) as con:
        con.execute("CREATE TABLE blocks (height INTEGER)")
    assert _file_number(data_dir.work) > LATEST_OF_1_5
    with pytest.raises(DatabaseToRebuild, match=str(data_dir.work)), open_work(data_dir, "1GB"):
        pass
    assert set_work_aside(data_dir).exists()
    with open_work(data_dir, "1GB") as con:
        assert storage_version(con) == STORAGE_VERSION
    assert _file_number(data_dir.work) <= LATEST_OF_1_5


@pytest.mark.skipif(not OTHERS, reason="MINERFLOW_OTHER_DUCKDB names no Python with another DuckDB")
@pytest.mark.parametrize("python", OTHERS)
def test_another_duckdb_reads_and_writes_the_files(tmp_path: Path, python: str) -> None:
    data_dir = _published(tmp_path)
    with duckdb.connect(str(data_dir.published), read_only=True) as con:
        wanted = str(con.execute(QUESTION).fetchall())
    asked = f"print(duckdb.connect({str(data_dir.published)!r}, True).execute({QUESTION!r}).fetchall())"
    assert _run(python, asked) == wanted
    _run(python, f"duckdb.connect({str(data_dir.work)!r}).execute('CREATE TABLE more AS SELECT 1 AS a')")
    with open_work(data_dir, "1GB") as con:
        assert con.execute("SELECT a FROM more").fetchall() == [(1,)]


def _run(python: str, code: str) -> str:
    return subprocess.check_output([python, "-c", f"import duckdb; {code}"], text=True).strip()
