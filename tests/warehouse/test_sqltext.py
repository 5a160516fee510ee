"""Quoted text comes back from DuckDB as it was, whatever it holds."""

from __future__ import annotations

import duckdb
import pytest

from etl.warehouse.sqltext import identifier, literal

TEXTS = [
    "",
    "a",
    "it's",
    "''",
    "'; DROP TABLE blocks; --",
    'say "x"',
    '"',
    "\\'",
    "$$",
    "ä\n\tß",
    "{view}",
    "?",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_literal_is_its_text(text: str) -> None:
    assert duckdb.connect().execute(f"SELECT {literal(text)}").fetchall() == [(text,)]


@pytest.mark.parametrize("name", [text for text in TEXTS if text])
def test_an_identifier_is_its_name(name: str) -> None:
    con = duckdb.connect()
    con.execute(f"CREATE TABLE {identifier(name)} AS SELECT 1 AS {identifier(name)}")
    assert con.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal"
    ).fetchall() == [(name, name)]
