"""Exports hold what the database holds, rewrite only what has changed, and touch nothing but their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from etl.errors import UsageError
from etl.results.export import export
from tests.support.charted import publish_charted

PARTS = "**/*.parquet"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of a year and a month."""
    return publish_charted(tmp_path_factory.mktemp("charted"), 397).published


@pytest.fixture
def con(original: Path, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy that a test may change."""
    with duckdb.connect(str(shutil.copy(original, tmp_path / "copy.duckdb"))) as con:
        yield con


@pytest.fixture(scope="module")
def exported(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of it."""
    out = tmp_path_factory.mktemp("exported") / "out"
    with duckdb.connect(str(original), read_only=True) as con:
        export(con, out, "parquet")
    return out


@pytest.fixture
def out(exported: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(exported, tmp_path / "out"))


def _times(directory: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(directory.rglob("*.parquet"))}


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_files_hold_the_rows_of_the_database(
    form: str, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = export(con, out, form)
    assert (done.unchanged, done.deleted) == (0, 0)
    read = {
        "parquet": "read_parquet('{}', hive_partitioning = true)",
        "csv": "read_csv('{}', hive_partitioning = true, header = true, all_varchar = true)",
    }[form]
    for name in ("metrics", "miner_outflow", "transfers", "supply", "blocks", "prices", "pools"):
        source = read.format(out / name / "**" / f"part.{form}")
        keys = [row[0] for row in con.execute(f"DESCRIBE {name}").fetchall()]
        listed = ", ".join(f"CAST({key} AS VARCHAR)" for key in keys if key != "value")
        odd = con.execute(
            f"(SELECT {listed} FROM {name} EXCEPT ALL SELECT {listed} FROM {source}) UNION ALL "
            f"(SELECT {listed} FROM {source} EXCEPT ALL SELECT {listed} FROM {name})"
        ).fetchall()
        count = con.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0]
        assert (odd[:3], count > 0) == ([], True), name
    assert (out / "metrics" / "profile=entity" / "year=2021" / f"part.{form}").is_file()


def test_amounts_stay_exact_in_parquet(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    export(con, tmp_path / "out", "parquet")
    source = f"read_parquet('{tmp_path / 'out' / 'metrics' / PARTS}', hive_partitioning = true)"
    odd = con.execute(
        f"SELECT day, metric, value FROM metrics EXCEPT SELECT day, metric, value FROM {source}"
    ).fetchall()
    assert odd == []


def test_a_second_export_writes_only_what_changed(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = export(con, out, "parquet")
    before = _times(out)
    assert len(before) == first.written
    again = export(con, out, "parquet")
    assert (again.written, again.unchanged) == (0, first.written)
    assert _times(out) == before
    con.execute("UPDATE supply SET hop0_sat = hop0_sat + 1 WHERE height = 380")
    changed = export(con, out, "parquet")
    touched = {name for name, time in _times(out).items() if before[name] != time}
    assert changed.written == len(touched) == 2
    assert {Path(name).parent.name for name in touched} == {"year=2021"}
    assert {Path(name).parts[-4] for name in touched} == {"supply", "metrics"}


def test_files_of_rows_that_are_gone_are_deleted(con: duckdb.DuckDBPyConnection, out: Path) -> None:
    con.execute("DELETE FROM supply WHERE height < 366")
    done = export(con, out, "parquet")
    assert done.deleted == 1
    assert not (out / "supply" / "profile=entity" / "year=2020" / "part.parquet").exists()


def test_since_leaves_earlier_years_alone(con: duckdb.DuckDBPyConnection, out: Path) -> None:
    con.execute("UPDATE supply SET hop0_sat = hop0_sat + 1 WHERE height IN (5, 380)")
    before = _times(out)
    export(con, out, "parquet", since=date(2021, 1, 31))
    touched = {name for name, time in _times(out).items() if before[name] != time}
    assert {Path(name).parent.name for name in touched} == {"year=2021"}
    # Without it the earlier year is brought up to date as well.
    assert export(con, out, "parquet").written == 2


def test_since_does_not_delete_earlier_years(con: duckdb.DuckDBPyConnection, out: Path) -> None:
    con.execute("DELETE FROM supply WHERE height < 366")
    assert export(con, out, "parquet", since=date(2021, 1, 31)).deleted == 0
    assert (out / "supply" / "profile=entity" / "year=2020" / "part.parquet").exists()
    assert export(con, out, "parquet").deleted == 1


def test_a_damaged_or_missing_file_is_written_anew(con: duckdb.DuckDBPyConnection, out: Path) -> None:
    folder = out / "supply" / "profile=entity"
    (folder / "year=2020" / "part.parquet").unlink()
    os.truncate(folder / "year=2021" / "part.parquet", 10)
    assert export(con, out, "parquet").written == 2


def test_an_export_that_failed_is_put_right(
    con: duckdb.DuckDBPyConnection, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the rows are then again those of the export before it, and files of new rows are left."""
    con.execute("UPDATE supply SET hop0_sat = hop0_sat + 1 WHERE height = 380")
    con.execute("INSERT INTO supply SELECT 'new', height, 1, 2 FROM supply WHERE height < 3")
    with monkeypatch.context() as broken:
        broken.setattr("etl.results.export.dictionary_text", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            export(con, out, "parquet")
    assert [path.name for path in out.rglob("*") if path.name.startswith(".") or "tmp" in path.name] == []
    con.execute("UPDATE supply SET hop0_sat = hop0_sat - 1 WHERE height = 380")
    con.execute("DELETE FROM supply WHERE profile = 'new'")
    assert export(con, out, "parquet").written > 0
    source = f"read_parquet('{out / 'supply' / PARTS}', hive_partitioning = true)"
    columns = "profile, height, hop0_sat, hop1_sat"
    for one, other in (("supply", source), (source, "supply")):
        odd = con.execute(f"SELECT {columns} FROM {one} EXCEPT SELECT {columns} FROM {other}")
        assert odd.fetchall() == []


def test_what_a_killed_export_was_writing_is_deleted_by_the_next(
    original: Path, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    code = (
        "import os, signal, sys, duckdb, pathlib\n"
        "from etl.results.export import WRITERS, export\n"
        "def stopped(answer, path):\n"
        "    path.write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "WRITERS['parquet'] = stopped\n"
        "export(duckdb.connect(sys.argv[1], read_only=True), pathlib.Path(sys.argv[2]), 'parquet')\n"
    )
    run = subprocess.run([sys.executable, "-c", code, original, out], cwd=Path(__file__).parents[2])
    assert run.returncode == -signal.SIGKILL
    assert any(path.is_file() and path.read_bytes() == b"half" for path in out.rglob("*"))
    assert export(con, out, "parquet").written > 0
    assert not any(path.is_file() and path.read_bytes() == b"half" for path in out.rglob("*"))
    assert {path.name for path in out.iterdir() if path.name.startswith(".")} == set()


def test_an_export_deletes_nothing_but_its_own(con: duckdb.DuckDBPyConnection, out: Path) -> None:
    """What each hostile manifest does is in test_export_folder."""
    (out.parent / "letter.txt").write_text("dear")
    facts = json.loads((out / "manifest.json").read_text())
    facts["partitions"]["../letter.txt"] = next(iter(facts["partitions"].values()))
    (out / "manifest.json").write_text(json.dumps(facts))
    con.execute("DELETE FROM supply WHERE height < 366")
    with pytest.raises(UsageError, match=r"manifest\.json is damaged .* '\.\./letter\.txt' is no file"):
        export(con, out, "parquet")
    assert (out.parent / "letter.txt").read_text() == "dear"
    assert (out / "supply" / "profile=entity" / "year=2020" / "part.parquet").exists()


def test_names_of_profiles_are_escaped_in_paths(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    out, names = tmp_path / "a" / "out", ["../../x", "a/b=ü %2F", "."]
    for name in names:
        con.execute("INSERT INTO supply SELECT ?, height, 1, 2 FROM supply WHERE height < 3", [name])
    export(con, out, "parquet")
    assert {path.name.partition(".")[0] for path in tmp_path.iterdir()} == {"a", "copy"}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["out"]
    source = f"read_parquet('{out / 'supply' / PARTS}', hive_partitioning = true)"
    found = con.execute(f"SELECT profile, count(*) FROM {source} GROUP BY ALL ORDER BY ALL").fetchall()
    assert found == con.execute("SELECT profile, count(*) FROM supply GROUP BY ALL ORDER BY ALL").fetchall()


def test_other_directories_are_not_written_to(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="no export"):
        export(con, tmp_path / "mine", "parquet")
    export(con, tmp_path / "out", "csv")
    with pytest.raises(UsageError, match="another format"):
        export(con, tmp_path / "out", "parquet")


def test_the_dictionary_explains_tables_columns_and_metrics(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    export(con, tmp_path / "out", "parquet")
    text = (tmp_path / "out" / "DICTIONARY.md").read_text(encoding="utf-8")
    for name in (path.name for path in (tmp_path / "out").iterdir() if path.is_dir()):
        section = text.partition(f"## {name}\n\n")[2]
        assert section and not section.startswith("|"), f"{name} is not explained"
    assert "| spent_sat | BIGINT | all inputs |" in text
    assert "| mpi | DOUBLE | MPI: CapitulationIndex less its mean" in text
    assert "| RevNtv | Revenue, miners (BTC) | BTC | day | Coin Metrics RevNtv | what the coinbases" in text
