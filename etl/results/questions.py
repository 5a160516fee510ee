"""What readers ask of the published database, checked and understood, not yet run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import date
from typing import TYPE_CHECKING

from etl.errors import UsageError
from etl.results.answers import Answer, ask
from etl.results.drill import check_day, drill_sql
from etl.results.metrics import Catalogue, Choice, check_choice, check_kept, values_sql
from etl.results.table import Table
from etl.warehouse.catalogue import Metric

if TYPE_CHECKING:
    import duckdb


def metric_answer(
    con: duckdb.DuckDBPyConnection, ids: Sequence[str], choice: Choice, interval: str | None = None
) -> Answer:
    """The values of metrics of one interval, None for the longest. Raises UsageError."""
    if not ids:
        raise UsageError("no metric is named", "name one; minerflow metrics list names all of them")
    catalogue = Catalogue(con)
    metrics = [catalogue.find(name, interval) for name in dict.fromkeys(ids)]
    for metric in metrics:
        check_choice(con, metric, choice)
    query = values_sql(metrics, choice)
    if choice.as_of is not None:
        check_kept(con)
    return ask(con, query)


def drill_answer(con: duckdb.DuckDBPyConnection, name: str, day: date, choice: Choice) -> Answer:
    """The transactions behind a day's number of a metric. Raises UsageError."""
    catalogue = Catalogue(con)
    metric = catalogue.find_daily(name)
    query = drill_sql(catalogue, metric, day, choice)
    check_day(con, day)
    check_choice(con, metric, choice)
    return ask(con, query)


def catalogue_table(metrics: Sequence[Metric]) -> Table:
    """Metrics as rows, a column for each of their fields."""
    import pyarrow as pa

    schema = pa.schema([(field.name, pa.string()) for field in fields(Metric)])
    return Table(pa.Table.from_pylist([asdict(metric) for metric in metrics], schema=schema))
