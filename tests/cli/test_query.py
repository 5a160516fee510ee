from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.cli.run import minerflow

TABLES = ("metrics", "daily_flows", "addresses", "transfers", "miner_outflow", "blocks", "days")
EXACT = """
    SELECT
        CAST('12345678901234567890.123456789012345678' AS DECIMAL(38, 18)) AS large,
        CAST('0.000000000000000001' AS DECIMAL(38, 18)) AS small,
        CAST('-0.10' AS DECIMAL(5, 2)) AS trailing,
        CAST('170141183460469231731687303715884105727' AS HUGEINT) // 10 AS wide,
        18446744073709551615::UBIGINT AS wider_than_int64,
        DATE '2009-01-03' AS day,
        'say "hi", you' AS text,
        '' AS empty,
        NULL AS missing,
        true AS yes,
        0.1::DOUBLE AS tenth
"""


@pytest.fixture(scope="module")
def published(economy: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(economy / "minerflow.duckdb"), read_only=True)


def rows_as_text(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return con.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({sql})").fetchall()


def everything(table: str) -> str:
    where = "WHERE value <> 0" if table == "metrics" else ""
    return f"SELECT * FROM {table} {where} ORDER BY ALL"


@pytest.mark.parametrize("table", TABLES)
def test_csv_holds_what_duckdb_holds(
    table: str, economy: Path, published: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    file = tmp_path / "it's.csv"
    args = ["query", everything(table), "--format", "csv", "--data-dir", economy]
    minerflow(*args, "-o", file)
    read = duckdb.read_csv(str(file), header=True, all_varchar=True).fetchall()
    assert read
    assert read == rows_as_text(published, everything(table))
    assert minerflow(*args).stdout_bytes == file.read_bytes()


@pytest.mark.parametrize("table", TABLES)
def test_parquet_holds_what_duckdb_holds(
    table: str, economy: Path, published: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    file = tmp_path / "rows.parquet"
    sql = everything(table)
    minerflow("query", sql, "--format", "parquet", "-o", file, "--data-dir", economy)
    read = duckdb.read_parquet(str(file))
    wanted = published.execute(sql)
    assert read.columns == [column[0] for column in wanted.description or []]
    assert [str(kind) for kind in read.types] == [str(c[1]) for c in wanted.description or []]
    assert read.fetchall() == wanted.fetchall()


@pytest.mark.parametrize("table", TABLES)
def test_json_holds_what_duckdb_holds(
    table: str, economy: Path, published: duckdb.DuckDBPyConnection
) -> None:
    sql = everything(table)
    text = minerflow("query", sql, "--format", "json", "--data-dir", economy).stdout
    read = json.loads(text, parse_float=Decimal)
    cursor = published.execute(sql)
    names = [column[0] for column in cursor.description or []]
    wanted = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    assert len(read) == len(wanted) > 0
    for got, row in zip(read, wanted, strict=True):
        assert list(got) == names
        assert got == {name: _as_json(value) for name, value in row.items()}


def _as_json(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(repr(value))
    return str(value) if hasattr(value, "isoformat") else value


def test_json_keeps_every_digit(economy: Path) -> None:
    text = minerflow("query", EXACT, "--format", "json", "--data-dir", economy).stdout
    assert text == (
        '[\n{"large":12345678901234567890.123456789012345678,"small":0.000000000000000001,'
        '"trailing":-0.10,"wide":17014118346046923173168730371588410572,'
        '"wider_than_int64":18446744073709551615,"day":"2009-01-03",'
        '"text":"say \\"hi\\", you","empty":"","missing":null,"yes":true,"tenth":0.1}\n]\n'
    )


def test_csv_keeps_every_digit_and_tells_null_from_empty(economy: Path) -> None:
    text = minerflow("query", EXACT, "--format", "csv", "--data-dir", economy).stdout
    assert text.splitlines()[1] == (
        "12345678901234567890.123456789012345678,0.000000000000000001,-0.10,"
        "17014118346046923173168730371588410572,18446744073709551615,2009-01-03,"
        '"say ""hi"", you","",,true,0.1'
    )


def test_parquet_keeps_every_digit(economy: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    minerflow("query", EXACT, "--format", "parquet", "-o", file, "--data-dir", economy)
    row = duckdb.read_parquet(str(file)).fetchall()[0]
    assert row[:5] == (
        Decimal("12345678901234567890.123456789012345678"),
        Decimal("0.000000000000000001"),
        Decimal("-0.10"),
        Decimal("17014118346046923173168730371588410572"),
        18446744073709551615,
    )


def test_parquet_to_a_pipe_is_the_file(economy: Path, tmp_path: Path) -> None:
    args = ["query", "FROM days", "--format", "parquet", "--data-dir", economy]
    file = tmp_path / "piped.parquet"
    file.write_bytes(minerflow(*args).stdout_bytes)
    assert len(duckdb.read_parquet(str(file)).fetchall()) == 60


def test_table_shows_values_with_their_markup(economy: Path) -> None:
    sql = "SELECT '[bold]x' AS a, 1 AS b, NULL AS c, 2 AS a"
    lines = minerflow("query", sql, "--data-dir", economy).stdout.splitlines()
    assert lines[1].split() == ["a", "b", "c", "a_1"]
    assert lines[3].split() == ["[bold]x", "1", "2"]


def test_table_stops_after_a_thousand_rows_and_says_so(economy: Path) -> None:
    args = ["--data-dir", economy]
    assert minerflow("query", "FROM range(1000)", *args).stderr == ""
    result = minerflow("query", "FROM range(1001)", *args)
    assert "first 1,000 rows" in result.stderr
    assert result.stdout.split()[-1] == "999"


def test_no_rows_are_an_empty_list(economy: Path) -> None:
    sql = "SELECT day FROM days WHERE day < DATE '2000-01-01'"
    text = minerflow("query", sql, "--format", "json", "--data-dir", economy).stdout
    assert json.loads(text) == []


@pytest.mark.parametrize(
    "sql",
    ["SELECT 7 AS x;", "SELECT 7 AS x; -- é;", "SELECT 7 AS x -- ;", "/* ; */ SELECT 7 AS x ;;"],
)
def test_semicolons_and_comments_do_no_harm(sql: str, economy: Path) -> None:
    text = minerflow("query", sql, "--format", "csv", "--data-dir", economy).stdout
    assert text == "x\n7\n"


def test_a_question_may_stand_in_a_file(economy: Path, tmp_path: Path) -> None:
    file = tmp_path / "question.sql"
    file.write_text("-- how many\nSELECT count(*) AS n FROM days;\n", encoding="utf-8")
    args = ["--format", "csv", "--data-dir", economy]
    assert minerflow("query", "-f", file, *args).stdout == "n\n60\n"
    assert "one question" in minerflow("query", *args, exit_code=2).stderr
    assert "one question" in minerflow("query", "SELECT 1", "-f", file, *args, exit_code=2).stderr
    file.write_bytes(b"SELECT '\xff'")
    assert "no text in UTF-8" in minerflow("query", "-f", file, *args, exit_code=2).stderr
    missing = minerflow("query", "-f", tmp_path / "none.sql", *args, exit_code=1)
    assert "none.sql: No such file" in missing.stderr


def test_the_form_of_a_file_is_that_of_its_name(economy: Path, tmp_path: Path) -> None:
    minerflow("query", "SELECT 7 AS x", "-o", tmp_path / "x.csv", "--data-dir", economy)
    assert (tmp_path / "x.csv").read_text() == "x\n7\n"


def test_explain_shows_how_duckdb_answers(economy: Path, tmp_path: Path) -> None:
    for word in ("EXPLAIN", "explain analyze"):
        text = minerflow("query", f"{word} SELECT day FROM days WHERE final", "--data-dir", economy).stdout
        assert "days" in text and "│" in text
    file = tmp_path / "stolen.csv"
    written = f"EXPLAIN ANALYZE COPY days TO '{file}'"
    minerflow("query", written, "--data-dir", economy, exit_code=1)
    assert not file.exists()


@pytest.mark.parametrize("sql", ["SHOW TABLES", "DESCRIBE metrics", "SUMMARIZE days"])
def test_what_is_there_can_be_asked(sql: str, economy: Path) -> None:
    text = minerflow("query", sql, "--format", "json", "--data-dir", economy).stdout
    assert len(json.loads(text)) > 3


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT nope FROM days", "nope"),
        ("SELEC 1", "syntax error"),
        ("", "not one statement"),
        ("SELECT 1; SELECT 2", "not one statement"),
        ("DELETE FROM days", "not one statement"),
        ("COPY days TO 'stolen.csv'", "not one statement"),
    ],
)
@pytest.mark.parametrize("form", ["table", "csv"])
def test_faulty_sql_is_told(sql: str, reason: str, form: str, economy: Path) -> None:
    result = minerflow("query", sql, "--format", form, "--data-dir", economy, exit_code=1)
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert reason in result.stderr
    assert "\nnext: " in result.stderr
    assert not Path("stolen.csv").exists()


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_query_that_fails_midway_leaves_the_file_alone(form: str, economy: Path, tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_text("as before")
    sql = "SELECT CASE WHEN i = 199999 THEN error('boom') ELSE i END FROM range(200000) t(i)"
    args = ["query", sql, "--format", form, "-o", file, "--data-dir", economy]
    assert "boom" in minerflow(*args, exit_code=1).stderr
    assert file.read_text() == "as before"
    assert list(tmp_path.glob("*out*")) == [file]


def test_output_must_be_a_file(economy: Path, tmp_path: Path) -> None:
    args = ["query", "SELECT 1", "--format", "csv", "--data-dir", economy, "-o"]
    assert "cannot be a file" in minerflow(*args, tmp_path, exit_code=2).stderr
    assert "cannot be a file" in minerflow(*args, tmp_path / "a/b", exit_code=2).stderr
    assert "cannot be a file" in minerflow(*args, "/dev/null", exit_code=2).stderr


def test_nothing_published_is_told(tmp_path: Path) -> None:
    result = minerflow("query", "SELECT 1", "--data-dir", tmp_path, exit_code=1)
    assert "holds no published results" in result.stderr
    assert "next: run minerflow backfill" in result.stderr


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "minerflow.duckdb").write_bytes(b"no database" * 1000)
    result = minerflow("query", "SELECT 1", "--data-dir", tmp_path, exit_code=1)
    assert "cannot be opened by DuckDB" in result.stderr
