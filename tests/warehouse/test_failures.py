"""A database is called damaged only for what says so of its contents, and nothing else costs it."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pytest

from etl.disk.datadir import DataDirectory
from etl.errors import (
    DatabaseDamaged,
    DatabaseRefused,
    DataDirectoryLocked,
    DiskFull,
    DiskRefused,
    MinerflowError,
    SchemaTooNew,
)
from etl.warehouse.database import open_work, refuse_newer_schema
from etl.warehouse.failures import database_failures

LATER = (
    "IO Error: Trying to read a database file with version number 69, but we can only read versions between "
    "64 and 68.\nThe database file was created with a newer version of DuckDB."
)
"""What DuckDB 1.5.6 says of a file that 2.0.1 wrote."""

SAID = [
    (duckdb.IOException(LATER), SchemaTooNew),
    (duckdb.IOException(LATER.replace("a newer", "an newer")), SchemaTooNew),  # 1.5.0
    (duckdb.IOException('IO Error: Could not set lock on file "w"'), DataDirectoryLocked),
    (duckdb.IOException('IO Error: Cannot open file "w.wal": Too many open files'), DiskRefused),
    (duckdb.IOException('IO Error: Could not read from file "w": Input/output error'), DiskRefused),
    (duckdb.IOException('IO Error: Cannot open file "w": Permission denied'), DiskRefused),
    (duckdb.IOException('IO Error: Could not write file "w": No space left on device'), DiskFull),
    (duckdb.IOException('IO Error: Could not write file "w": Disk quota exceeded'), DiskFull),
    (duckdb.IOException("IO Error: something new"), DatabaseRefused),
    (
        duckdb.InternalException("INTERNAL Error: Attempted to access index 3 within vector of size 3"),
        DatabaseRefused,
    ),
]


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDirectory:
    """One whose work database holds a table."""
    found = DataDirectory(tmp_path)
    found.create()
    with open_work(found, "1GB") as con:
        con.execute("CREATE TABLE kept AS SELECT range AS i, hash(range) AS h FROM range(100000)")
    return found


@pytest.mark.parametrize(("error", "named"), SAID)
def test_what_is_no_damage_costs_nothing(
    data_dir: DataDirectory,
    monkeypatch: pytest.MonkeyPatch,
    error: duckdb.Error,
    named: type[MinerflowError],
) -> None:
    before = data_dir.work.read_bytes()

    def failing(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as other:
        other.setattr(duckdb, "connect", failing)
        with pytest.raises(named) as caught, open_work(data_dir, "1GB"):
            pass
    assert type(caught.value) is named and caught.value.action
    assert data_dir.work.read_bytes() == before


def test_a_file_of_a_later_duckdb_is_refused_before_anything_is_touched(
    data_dir: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise duckdb.IOException(LATER)

    monkeypatch.setattr(duckdb, "connect", failing)
    with pytest.raises(SchemaTooNew, match=f"{data_dir.work} was written by a later DuckDB"):
        refuse_newer_schema(data_dir)


def test_what_is_damaged_says_so(data_dir: DataDirectory) -> None:
    """Flipped bits, a file cut off, one that is something else: found as it is read, by its sums."""
    sound = data_dir.work.read_bytes()
    rng = random.Random(1)
    flipped = []
    for _ in range(20):
        changed = bytearray(sound)
        changed[rng.choice([rng.randrange(12288), rng.randrange(len(sound))])] ^= 1 << rng.randrange(8)
        flipped.append(bytes(changed))
    found = 0
    for content in (sound[:9000], sound[: len(sound) // 2], b"", b"x" * len(sound), *flipped):
        data_dir.work.write_bytes(content)
        try:
            with open_work(data_dir, "1GB") as con:
                con.execute("SELECT sum(i), sum(CAST(h AS HUGEINT)) FROM kept").fetchall()
        except DatabaseDamaged as error:
            assert str(data_dir.work) in error.what
            found += 1
    assert found >= 14  # some bits lie where nothing is stored


def test_an_error_in_sql_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(duckdb.CatalogException), database_failures(tmp_path), duckdb.connect() as con:
        con.execute("FROM no_such_table")
