"""Databases of every earlier schema are brought to the newest, each step whole; later ones are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from etl.disk.datadir import DataDirectory
from etl.errors import SchemaTooNew
from etl.jobs.pipeline import run_backfill, run_restate, run_update
from etl.progress import Silent
from etl.resources import sql_dir
from etl.warehouse import database as warehouse
from etl.warehouse import models
from tests.durability.results import differing, published_results
from tests.support.golden import ECONOMY, block_files, job_options

VERSIONS = [number for number, _, _ in warehouse.migrations()]

Schema = list[tuple[object, ...]]


def _at_version(version: int) -> duckdb.DuckDBPyConnection:
    """A database as the minerflow left it whose last migration was `version`."""
    con = duckdb.connect()
    if version:
        con.execute("CREATE TABLE schema_version (version INTEGER, name VARCHAR, applied_at TIMESTAMP)")
    for number, name, path in warehouse.migrations():
        if number <= version:
            con.execute(path.read_text(encoding="utf-8"))
            con.execute("INSERT INTO schema_version VALUES (?, ?, now())", [number, name])
    return con


def _schema(con: duckdb.DuckDBPyConnection) -> Schema:
    return con.execute(
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
        "WHERE table_name <> 'schema_version' ORDER BY ALL"
    ).fetchall()


def test_numbers_follow_each_other() -> None:
    assert list(range(1, len(VERSIONS) + 1)) == VERSIONS


@pytest.mark.parametrize("version", [0, *VERSIONS])
def test_every_earlier_schema_becomes_the_newest(version: int) -> None:
    with duckdb.connect() as new, _at_version(version) as old:
        warehouse.migrate(new)
        warehouse.migrate(old)
        assert _schema(old) == _schema(new)
        assert warehouse.schema_version(old) == VERSIONS[-1]
        recorded = old.execute("SELECT version, name FROM schema_version ORDER BY 1").fetchall()
        assert recorded == [(number, name) for number, name, _ in warehouse.migrations()]


@pytest.fixture
def more_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped SQL with room for migrations that do not exist yet."""
    folder = tmp_path / "sql"
    shutil.copytree(sql_dir(), folder)
    for module in (warehouse, models):
        monkeypatch.setattr(module, "sql_dir", lambda: folder)
    return folder / "migrations"


def test_a_step_and_its_record_are_one(more_migrations: Path) -> None:
    following = VERSIONS[-1] + 1
    path = more_migrations / f"{following:03}_more.sql"
    path.write_text("CREATE TABLE extra (a INTEGER); INSERT INTO extra SELECT 1 / 'x';")
    with _at_version(VERSIONS[-1]) as con:
        before = _schema(con)
        with pytest.raises(duckdb.Error):
            warehouse.migrate(con)
        con.execute("ROLLBACK")
        assert _schema(con) == before
        assert warehouse.schema_version(con) == VERSIONS[-1]
        path.write_text("CREATE TABLE extra (a INTEGER);")
        warehouse.migrate(con)
        assert warehouse.schema_version(con) == following
        assert ("extra", "a", "INTEGER", "YES") in _schema(con)


def test_update_migrates_and_publishes(more_migrations: Path, tmp_path: Path) -> None:
    options = job_options(ECONOMY, tmp_path / "data", block_files(ECONOMY.blocks_dir))
    run_backfill(options, None, Silent())
    before = published_results(options.data_dir)
    path = more_migrations / f"{VERSIONS[-1] + 1:03}_more.sql"
    path.write_text("CREATE TABLE extra (a INTEGER);")
    run_update(options, Silent())
    after = published_results(options.data_dir)
    assert differing(after, before) == ["extra", "schema_version"]


@pytest.mark.parametrize("which", ["work", "published"])
def test_a_newer_schema_is_refused(tmp_path: Path, which: str) -> None:
    options = job_options(ECONOMY, tmp_path / "data", block_files(ECONOMY.blocks_dir))
    run_backfill(options, ":50", Silent())
    data_dir = DataDirectory(options.data_dir)
    with duckdb.connect(str(getattr(data_dir, which))) as con:
        con.execute("INSERT INTO schema_version VALUES (?, 'later', now())", [VERSIONS[-1] + 1])
    contents = {path: path.read_bytes() for path in (data_dir.work, data_dir.published)}
    for job in (run_update, run_restate):
        with pytest.raises(SchemaTooNew, match=str(getattr(data_dir, which))):
            job(options, Silent())
    assert {path: path.read_bytes() for path in contents} == contents
