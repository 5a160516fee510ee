"""What DuckDB's optimizer may not do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def doubt_statistics(con: duckdb.DuckDBPyConnection) -> None:
    """Keep DuckDB from a rewrite that gives wrong sums.

    DuckDB 2.0.0 takes a sum above a left join for zero where statistics say that the right side is
    empty, and then drops rows or digits of it. Results cost no measurable time more without.
    """
    con.execute("SET disabled_optimizers = 'statistics_propagation'")
