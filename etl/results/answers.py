"""Answering SQL from the published database, as a table, CSV, JSON or Parquet.

Invariants: amounts stay exact in every format (no DECIMAL or integer of any width becomes a
float); a file appears whole or not at all.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import orjson

from etl.disk.failures import failures_named
from etl.disk.files import commit, sync_file
from etl.errors import TerminalError, UsageError
from etl.results.published import is_damage
from etl.results.table import Table
from etl.warehouse.sqltext import identifier, literal

_BATCH_ROWS = 10_000
_NUMBERS = {
    "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger",
    "ubigint", "uhugeint", "float", "double", "decimal",
}  # fmt: skip
_WIDE = {"hugeint", "uhugeint"}
_EXPLAIN = re.compile(r"\s*EXPLAIN\s+(ANALY[SZ]E\s+)?(.*)", re.IGNORECASE | re.DOTALL)
_NESTED = {"list", "array", "struct", "map"}
_FORMULA = "^[=+@\\t\\r\\n\uff1d\uff0b\uff0d\uff20-]"
"""How a text begins that a spreadsheet takes for a formula (OWASP on CSV injection)."""


@dataclass(frozen=True)
class Column:
    """A column of an answer; names are unique."""

    name: str
    kind: str
    """DuckDB's name of the type in small letters, without its parameters"""

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers."""
        return self.kind in _NUMBERS

    @property
    def quoted(self) -> str:
        """The name as SQL writes it."""
        return identifier(self.name)

    def cast(self, kind: str) -> str:
        """SQL for the column as another type."""
        return f"CAST({self.quoted} AS {kind}) AS {self.quoted}"


@dataclass(frozen=True)
class Answer:
    """A query that DuckDB has understood, not yet run."""

    con: duckdb.DuckDBPyConnection
    sql: str
    columns: list[Column]

    def select(self, listed: str) -> str:
        """SQL for expressions over the query's columns."""
        return f"SELECT {listed} FROM (\n{self.sql}\n)"

    def texts(self, most_rows: int) -> list[tuple[str | None, ...]]:
        """The first rows, every value as DuckDB writes it."""
        with sql_errors_told():
            self.con.execute(f"{self.select('CAST(COLUMNS(*) AS VARCHAR)')} LIMIT {most_rows}")
            return self.con.fetchall()

    def latest_texts(self, most_rows: int) -> list[tuple[str | None, ...]]:
        """The rows of which the first column is largest, in its order, every value as DuckDB writes it."""
        latest = f"{self.select('*')} ORDER BY {self.columns[0].quoted} DESC LIMIT {most_rows}"
        with sql_errors_told():
            self.con.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({latest})")
            return self.con.fetchall()[::-1]

    def table(self) -> Table:
        """All rows in memory; 128-bit integers as DECIMAL(38, 0), which Arrow lacks."""
        with sql_errors_told():
            return Table(self.con.sql(self.select(_exact(self.columns))).to_arrow_table())

    def copy(self, listed: str, path: Path, form: str) -> None:
        """Have DuckDB write expressions over the columns to a file."""
        self.con.execute(f"COPY ({self.select(listed)}) TO {literal(str(path))} ({form})")


@contextmanager
def sql_errors_told() -> Iterator[None]:
    """Turn DuckDB's errors into TerminalError, but for those that say that the file is damaged."""
    try:
        yield
    except duckdb.Error as error:
        if is_damage(error):
            raise  # the file's fault, not the query's (etl.results.published)
        raise TerminalError(
            f"the query failed: {error}",
            'correct it; minerflow query "SHOW TABLES" lists the tables and views, '
            '"DESCRIBE metrics" the columns of one',
        ) from error


def ask(con: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    """Have DuckDB understand one SELECT (or SHOW, DESCRIBE, SUMMARIZE); columns of one name are
    numbered. Raises TerminalError.
    """
    with sql_errors_told():
        statements = con.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise TerminalError(
                "this is not one statement that gives rows",
                "ask one question, with SELECT, SHOW, DESCRIBE or SUMMARIZE",
            )
        text = _without_semicolons(statements[0].query)
        con.execute(f"SELECT * FROM (\n{text}\n) LIMIT 0")
        columns = [Column(name, str(kind.id)) for name, kind, *_ in con.description or []]
    return Answer(con, text, columns)


def explanation(con: duckdb.DuckDBPyConnection, sql: str) -> str | None:
    """How DuckDB answers, for EXPLAIN or EXPLAIN ANALYZE of a SELECT; None for anything else.

    Raises TerminalError.
    """
    with sql_errors_told():
        statements = con.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.EXPLAIN:
            return None
        match = _EXPLAIN.match(statements[0].query)
        ask(con, match[2] if match else "")  # refuses what would write
        return "\n".join(text.rstrip() for _, text in con.execute(statements[0]).fetchall())


def _without_semicolons(sql: str) -> str:
    """The statement up to the semicolons at its end; comments after these go too."""
    data = sql.encode()
    end = len(data)
    for offset, _ in reversed(duckdb.tokenize(sql)):
        if data.startswith(b";", offset):
            end = offset
        elif not data.startswith((b"--", b"/*"), offset):
            break
    return data[:end].decode()


def write_csv(answer: Answer, path: Path) -> None:
    """A header line and the rows; NULL is empty, empty text is two quotation marks."""
    answer.copy("*", path, "FORMAT csv, HEADER")


def write_csv_for_spreadsheets(answer: Answer, path: Path) -> None:
    """As `write_csv`, with an apostrophe before every text, names too, that a spreadsheet would execute."""
    answer.copy(", ".join(map(_without_formula, answer.columns)), path, "FORMAT csv, HEADER")


def _without_formula(column: Column) -> str:
    """SQL for a column whose texts, and whose name, are no formulas."""
    name = Column(f"'{column.name}" if re.match(_FORMULA, column.name) else column.name, column.kind)
    if column.is_number:
        return f"{column.quoted} AS {name.quoted}"
    text = f"CAST({column.quoted} AS VARCHAR)"
    mark = f"CASE WHEN regexp_matches({text}, '{_FORMULA}') THEN chr(39) ELSE '' END"
    return f"{mark} || {text} AS {name.quoted}"


def write_parquet(answer: Answer, path: Path) -> None:
    """One file; 128-bit integers as DECIMAL(38, 0), for Parquet would have them as floats."""
    answer.copy(_exact(answer.columns), path, "FORMAT parquet")


def _exact(columns: list[Column]) -> str:
    """The columns in types that Arrow and Parquet have."""
    return ", ".join(
        column.cast("DECIMAL(38, 0)") if column.kind in _WIDE else column.quoted for column in columns
    )


def write_json(answer: Answer, path: Path) -> None:
    """A list of objects, one per row and line: numbers with all their digits, dates as text."""
    kept = _NUMBERS | _NESTED | {"boolean"}
    listed = [column.quoted if column.kind in kept else column.cast("VARCHAR") for column in answer.columns]
    names = [column.name for column in answer.columns]
    separator = b"[\n"
    answer.con.execute(answer.select(", ".join(listed)))
    with path.open("wb") as file:
        while rows := answer.con.fetchmany(_BATCH_ROWS):
            for row in rows:
                named = dict(zip(names, map(_json_value, row), strict=True))
                file.write(separator + orjson.dumps(named, default=str))
                separator = b",\n"
        file.write(b"[]\n" if separator == b"[\n" else b"\n]\n")


WRITERS: dict[str, Callable[[Answer, Path], None]] = {
    "csv": write_csv,
    "csv-for-spreadsheets": write_csv_for_spreadsheets,
    "json": write_json,
    "parquet": write_parquet,
}
"""By format: run a query into a file. They leave DuckDB's errors as they are."""


def write_file(answer: Answer, path: Path, writer: Callable[[Answer, Path], None]) -> None:
    """Run a query so that `path` has all of its rows or stays as it was.

    Raises TerminalError and UsageError.
    """
    final = path.resolve()
    if not final.parent.is_dir() or (final.exists() and not final.is_file()):
        raise UsageError(f"{path} cannot be a file", "name a file in a directory that exists")
    temporary = final.with_name(f".{final.name}.{os.getpid()}.tmp")
    try:
        with sql_errors_told(), failures_named(final.parent):
            writer(answer, temporary)
            sync_file(temporary)
            commit(temporary, final)
    finally:
        temporary.unlink(missing_ok=True)


def _json_value(value: Any) -> Any:
    """The value in a form that orjson writes exactly."""
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    if isinstance(value, int) and value.bit_length() > 63:
        return orjson.Fragment(str(value))
    if isinstance(value, list | tuple):
        return [_json_value(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _json_value(each) for key, each in value.items()}
    return value
