"""What a reader can ask of a published database, in a form that two runs can be compared by."""

from __future__ import annotations

from pathlib import Path

import duckdb

from etl.disk.datadir import DataDirectory

_DIGEST = "count(*), sum(CAST(hash(rows) AS HUGEINT)), bit_xor(hash(rows)), sum(hash(rows, 1) // 3)"
"""Equal for equal rows in any order: how many, and sums of their 64-bit hashes."""

Results = dict[str, object]
"""By name of table or view: a digest of its rows."""


OF_THE_WAY = "superseded_values"
"""What was published before, which another way to the same chain has not."""
OF_ALL_PROFILES = "address_texts"
"""What one profile has of it, addresses and conflicts show."""


def read_results(published: Path, profile: str | None = None) -> Results:
    """Every table and view that is published, only one profile's rows where it is given."""
    with duckdb.connect(str(published), read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        names = con.execute("SELECT table_name FROM information_schema.tables ORDER BY 1").fetchall()
        left_out = {OF_THE_WAY, OF_ALL_PROFILES} if profile else {OF_THE_WAY}
        return {name: _digest(con, name, profile) for (name,) in names if name not in left_out}


def _digest(con: duckdb.DuckDBPyConnection, name: str, profile: str | None) -> object:
    if name == "schema_version":  # and not when it was made
        return con.execute("SELECT version, name FROM schema_version ORDER BY version").fetchall()
    columns = con.execute(f"DESCRIBE {name}").fetchall()
    where = f"WHERE profile = '{profile}'" if profile and any(c[0] == "profile" for c in columns) else ""
    return columns, con.execute(f"SELECT {_DIGEST} FROM {name} AS rows {where}").fetchall()


def published_results(data_dir: Path, profile: str | None = None) -> Results:
    """`read_results` of a data directory."""
    return read_results(DataDirectory(data_dir).published, profile)


def differing(found: Results, expected: Results) -> list[str]:
    """Names of the tables and views that differ; none where all hold the same rows."""
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
