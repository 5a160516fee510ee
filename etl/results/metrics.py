"""The values of metrics, as SQL to be asked of the published database.

Invariant: what is asked is one SELECT that stands by itself, so that it can be shown and run
elsewhere; its first column is the day, hour or height, the others are the metrics.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from clustering.names import ALL_EXCHANGES, ALL_MINERS
from etl.errors import TerminalError, UsageError
from etl.warehouse.catalogue import INTERVALS, Metric, read_catalogue
from etl.warehouse.models import LONG_COLUMN
from etl.warehouse.sqltext import identifier, literal
from etl.warehouse.superseded import TABLE

if TYPE_CHECKING:
    import duckdb

DEFAULT_PROFILE = "entity"
EVERYONE = {"miner": ALL_MINERS, "exchange": ALL_EXCHANGES}
"""What stands for all miners and all exchanges."""


@dataclass(frozen=True)
class Choice:
    """Which rows of a metric are asked for; days are both included."""

    profile: str = DEFAULT_PROFILE
    miner: str = EVERYONE["miner"]
    counterparty: str | None = None
    """an exchange or another miner; None for all of them"""
    start: date | None = None
    end: date | None = None
    as_of: datetime | None = None
    """the values as they were published at this time, UTC; FIRST: as they first were"""


FIRST = datetime.min
"""Before any publication."""


class Catalogue:
    """The metrics of a database, found by id and interval."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        """Raises TerminalError for a database that has none."""
        import duckdb

        try:
            self.metrics = read_catalogue(con)
        except duckdb.CatalogException as error:
            raise TerminalError(
                "these results were published by an older minerflow, without a catalogue of metrics",
                "run minerflow restate, which makes them anew",
            ) from error
        self._by_name = {(metric.id.lower(), metric.interval): metric for metric in self.metrics}

    def find(self, name: str, interval: str | None = None) -> Metric:
        """The metric of that id, capitals aside; its longest interval unless one is named.

        Raises UsageError.
        """
        known = [metric for metric in self.metrics if metric.id.lower() == name.lower()]
        if not known:
            ids = sorted({metric.id for metric in self.metrics})
            close = difflib.get_close_matches(name, ids)
            hint = f"did you mean {' or '.join(close)}? " if close else ""
            raise UsageError(
                f"there is no metric {name!r}", f"{hint}minerflow metrics list names all of them"
            )
        for metric in known:
            if interval in (None, metric.interval):
                return metric
        intervals = ", ".join(metric.interval for metric in known)
        raise UsageError(f"{known[0].id} is not known per {interval}", f"it is known per {intervals}")

    def find_daily(self, name: str) -> Metric:
        """The metric of that id per day. Raises UsageError."""
        metric = self.find(name)
        if metric.interval != "day":
            raise UsageError(f"{metric.id} is no number of a day", "name a metric that has one")
        return metric

    def search(self, text: str) -> list[Metric]:
        """Those in whose id, name, category, vendor or description all words of a text occur."""
        words = text.lower().split()
        return [metric for metric in self.metrics if all(word in _searched(metric) for word in words)]


def _searched(metric: Metric) -> str:
    return " ".join((metric.id, metric.name, metric.category, metric.vendor, metric.description)).lower()


def show_running_day(con: duckdb.DuckDBPyConnection) -> None:
    """Have all views of this connection include the running day, which blocks may still change."""
    con.execute("SET VARIABLE provisional = true")


def values_sql(metrics: Sequence[Metric], choice: Choice) -> str:
    """SQL for metrics of one interval, a row for each day, hour or height that one of them has.

    Raises UsageError where the intervals differ.
    """
    if len({metric.interval for metric in metrics}) > 1:
        raise UsageError(
            "the metrics are of different intervals", "ask for them one by one, or give --interval"
        )
    key = time_key(metrics[0])
    parts = [_one_sql(metric, choice, key) for metric in metrics]
    if len(parts) == 1:
        return f"{parts[0]}\nORDER BY {key}"
    joined = f"\nFULL JOIN (\n{{}}\n) USING ({key})"
    sql = f"SELECT *\nFROM (\n{parts[0]}\n)" + "".join(joined.format(part) for part in parts[1:])
    return f"{sql}\nORDER BY {key}"


def time_key(metric: Metric) -> str:
    """The column that tells a metric's days, hours or blocks apart."""
    return next(key for key in metric.keys if key in INTERVALS)


def _one_sql(metric: Metric, choice: Choice, key: str) -> str:
    value = f"CAST({metric.column_name} AS DECIMAL(28, 8))"
    if metric.unit != "BTC" or metric.column_name != LONG_COLUMN:
        value = metric.column_name
    conditions = "\n    AND ".join(_conditions(metric, choice))
    where = f"\nWHERE {conditions}" if conditions else ""
    current = f"SELECT {key}, {value} AS {identifier(metric.id)}\nFROM {metric.view}{where}"
    return current if choice.as_of is None else _as_of_sql(metric, choice, choice.as_of, current)


def _as_of_sql(metric: Metric, choice: Choice, as_of: datetime, current: str) -> str:
    """The current values, but for the days whose value was superseded since. Raises UsageError."""
    if metric.interval != "day":
        raise UsageError(f"{metric.id} is no number of a day", "earlier values are kept per day only")
    keys = chosen(metric, choice)
    conditions = [f"metric = {literal(metric.id)}", f"until > TIMESTAMP '{as_of}'"]
    conditions += [f"{key} = {literal(value)}" for key, value in keys.items()]
    conditions += [] if choice.start is None else [f"day >= DATE '{choice.start}'"]
    conditions += [] if choice.end is None else [f"day <= DATE '{choice.end}'"]
    name = identifier(metric.id)
    where = " AND ".join(conditions)
    earlier = f"SELECT day, arg_min(value, until) AS value\nFROM {TABLE}\nWHERE {where}\nGROUP BY day"
    known = "" if as_of == FIRST else f"\nWHERE day < TIMESTAMP '{as_of}'"
    return (
        f"SELECT day, coalesce(cast_to_type(earlier.value, current.{name}), current.{name}) AS {name}\n"
        f"FROM (\n{current}\n) AS current\nFULL JOIN (\n{earlier}\n) AS earlier USING (day){known}"
    )


def _conditions(metric: Metric, choice: Choice) -> Iterator[str]:
    if metric.column_name == LONG_COLUMN:
        yield f"metric = {literal(metric.id)}"
    for key, value in chosen(metric, choice).items():
        yield f"{key} = {literal(value)}"
    if choice.start is not None:
        yield f"day >= DATE '{choice.start}'"
    if choice.end is not None:
        yield f"day <= DATE '{choice.end}'"


def chosen(metric: Metric, choice: Choice) -> dict[str, str]:
    """The values of the columns that tell a metric's rows of one day apart."""
    values = {"profile": choice.profile, "miner": choice.miner}
    if "counterparty" in metric.keys:
        kind = "exchange" if "exchange" in metric.view else "miner"
        values["counterparty"] = choice.counterparty or EVERYONE[kind]
    return {key: value for key, value in values.items() if key in metric.keys}


def check_choice(con: duckdb.DuckDBPyConnection, metric: Metric, choice: Choice) -> None:
    """Raise UsageError where a metric has no row of a profile, miner or counterparty at all."""
    for key, value in chosen(metric, choice).items():
        if con.execute(f"SELECT 1 FROM {metric.view} WHERE {key} = ? LIMIT 1", [value]).fetchall():
            continue
        found = con.execute(f"SELECT DISTINCT {key} FROM {metric.view} ORDER BY {key}").fetchall()
        listed = ", ".join(str(row[0]) for row in found) or "none yet"
        raise UsageError(f"{metric.id} has no {key} {value!r}", f"give one that it has: {listed}")


def check_kept(con: duckdb.DuckDBPyConnection) -> None:
    """Raise TerminalError where a file does not say what it superseded."""
    if not con.execute(f"SELECT 1 FROM duckdb_tables() WHERE table_name = '{TABLE}'").fetchall():
        raise TerminalError(
            "these results were published by an older minerflow, which kept no earlier values",
            "run minerflow update; they are kept from then on",
        )


def definition_sql(con: duckdb.DuckDBPyConnection, metric: Metric) -> str:
    """The published view of a metric as SQL, below what the metric is."""
    rows = con.execute("SELECT sql FROM duckdb_views() WHERE view_name = ?", [metric.view]).fetchall()
    said = f"{metric.id}: {metric.description}\nunit: {metric.unit}\na row per: {metric.grain}"
    comment = "\n".join(f"-- {line}" for line in said.splitlines())
    return "\n".join([comment, *(str(row[0]) for row in rows)])
