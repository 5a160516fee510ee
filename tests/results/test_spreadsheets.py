"""CSV for spreadsheets: no text begins like a formula, and everything else is as in CSV."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest

from etl.results.answers import WRITERS, ask

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x"]
PLAIN = ["Binance", "a=b", "'=1", "", " =1", "1-2"]


def _written(form: str, sql: str, tmp_path: Path) -> str:
    path = tmp_path / form
    with duckdb.connect() as con:
        WRITERS[form](ask(con, sql), path)
    return path.read_bytes().decode()


@pytest.mark.parametrize("text", FORMULAS + PLAIN)
def test_texts_begin_like_no_formula(text: str, tmp_path: Path) -> None:
    for form, mark in (("csv", ""), ("csv-for-spreadsheets", "'" if text in FORMULAS else "")):
        written = _written(form, f"SELECT '{text.replace(chr(39), 2 * chr(39))}' AS a, 1 AS b", tmp_path)
        (row,) = csv.DictReader(written.splitlines(keepends=True))
        assert row == {"a": mark + text, "b": "1"}


def test_the_rest_is_the_same(tmp_path: Path) -> None:
    sql = """
        SELECT
        -1 AS a, NULL::VARCHAR AS b, '' AS c, DATE '2024-01-31' AS d, -0.5::DOUBLE AS "=e", ['=1'] AS f,
        -12345678901234567890.12::DECIMAL(38, 2) AS g, true AS h
    """
    row = "-1,,\"\",2024-01-31,-0.5,['=1'],-12345678901234567890.12,true\n"
    assert _written("csv", sql, tmp_path) == f"a,b,c,d,=e,f,g,h\n{row}"
    assert _written("csv-for-spreadsheets", sql, tmp_path) == f"a,b,c,d,'=e,f,g,h\n{row}"
