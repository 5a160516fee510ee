"""The catalogue of metrics, read from the headers of the views in sql/metrics/.

Invariant: nothing about a metric is written elsewhere. A header that has several `metric` lines
gives every other key once, for all of them, or once for each, in their order. An id with letters in
braces stands for one metric per choice of each letter. A view of a shorter interval has those metrics of
its view of days whose columns it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields, replace
from itertools import product
from typing import TYPE_CHECKING

from etl.warehouse.models import LONG_COLUMN, Model, metric_views
from etl.warehouse.sqltext import literal

if TYPE_CHECKING:
    import duckdb

INTERVALS = {"day": "day", "hour": "hour", "height": "block"}
"""By the column that tells rows apart, what a row of a view spans."""

_MEANING = "One row per metric and interval, with the view and the column that hold its values."

_UNITS = ({"U": "Ntv", "unit": "BTC", "u": "btc"}, {"U": "USD", "unit": "USD", "u": "usd"})
_LETTER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Metric:
    """One metric at one interval."""

    id: str
    name: str
    description: str
    unit: str
    interval: str
    """day, hour or block"""
    category: str
    vendor: str
    """whose metric it is, and what it is called there"""
    view: str
    column_name: str
    grain: str
    """the columns that tell its rows apart, with commas between"""
    drill: str | None
    """the relation and condition that give the transactions behind it, or the metrics that it is the
    difference of; NULL where it is no sum over transactions"""
    source: str
    since: str

    @property
    def keys(self) -> list[str]:
        """The columns of `grain`."""
        return self.grain.split(", ")


def build_catalogue(con: duckdb.DuckDBPyConnection) -> None:
    """Write the table metric_catalogue; the views must exist."""
    names = [field.name for field in fields(Metric)]
    con.execute(f"CREATE OR REPLACE TABLE metric_catalogue ({', '.join(f'{n} VARCHAR' for n in names)})")
    con.execute(f"COMMENT ON TABLE metric_catalogue IS {literal(_MEANING)}")
    rows = [astuple(metric) for metric in shipped_metrics(con)]
    marks = ", ".join([f"({', '.join('?' * len(names))})"] * len(rows))
    con.execute(f"INSERT INTO metric_catalogue VALUES {marks}", [text for row in rows for text in row])


def read_catalogue(con: duckdb.DuckDBPyConnection) -> list[Metric]:
    """The metrics of a database, by id and from the longest interval to the shortest."""
    names = ", ".join(field.name for field in fields(Metric))
    return [Metric(*row) for row in con.execute(f"SELECT {names} FROM metric_catalogue").fetchall()]


def shipped_metrics(con: duckdb.DuckDBPyConnection) -> list[Metric]:
    """What the headers say; `con` tells the exchanges and the columns of the views."""
    exchanges = con.execute("SELECT code, exchange FROM exchange_codes").fetchall()
    models = metric_views()
    found = {name: list(_metrics_of(model, exchanges)) for name, model in models.items()}
    for model in models.values():
        if model.daily is not None:
            found[model.name] = list(_repeated(con, model, found[model.daily]))
    metrics = [metric for metrics in found.values() for metric in metrics]
    order = list(INTERVALS.values())
    return sorted(metrics, key=lambda metric: (metric.id, order.index(metric.interval)))


def _metrics_of(model: Model, exchanges: list[tuple[str, str]]) -> Iterator[Metric]:
    values = model.values
    for number, pattern in enumerate(values.get("metric", [])):
        one = {key: _of_metric(values, key, number) for key in values}
        for chosen in _choices(pattern, one.get("choices"), exchanges):
            grain = one["grain"].split(":")[0]
            yield Metric(
                id=_filled(pattern, chosen),
                name=_filled(one["name"], chosen | {"U": chosen.get("unit", "")}),
                description=_filled(one["definition"], chosen),
                unit=_filled(one["unit"], chosen | {"U": chosen.get("unit", "")}),
                interval=_interval(grain),
                category=one["category"],
                vendor=_filled(one["vendor"], chosen),
                view=model.name,
                column_name=_filled(one.get("column", LONG_COLUMN), chosen),
                grain=grain,
                drill=_filled(one["drill"], chosen) if "drill" in one else None,
                source=one["source"],
                since=one["since"],
            )


def _of_metric(values: dict[str, list[str]], key: str, number: int) -> str:
    given = values[key]
    return given[number] if len(given) > 1 else given[0]


def _choices(pattern: str, listed: str | None, exchanges: list[tuple[str, str]]) -> Iterator[dict[str, str]]:
    """Every way to fill the letters of an id, with what goes with a choice."""
    options: dict[str, list[dict[str, str]]] = {
        "N": [{"N": "0"}, {"N": "1"}],
        "U": list(_UNITS),
        "X": [{"X": code, "exchange": exchange} for code, exchange in exchanges],
    }
    if listed:
        letter, *texts = listed.split()
        options[letter] = [{letter: text} for text in texts]
    for chosen in product(*(options[letter] for letter in _LETTER.findall(pattern))):
        yield {key: text for choice in chosen for key, text in choice.items()}


def _filled(text: str, chosen: dict[str, str]) -> str:
    return _LETTER.sub(lambda found: chosen[found[1]], text)


def _interval(grain: str) -> str:
    return next(INTERVALS[key] for key in grain.split(", ") if key in INTERVALS)


def _repeated(con: duckdb.DuckDBPyConnection, model: Model, metrics: list[Metric]) -> Iterator[Metric]:
    """The metrics of the view of days that one of a shorter interval has as well."""
    columns = {row[0] for row in con.execute(f"DESCRIBE {model.name}").fetchall()}
    (grain,), (source,) = model.values["grain"], model.values["source"]
    for metric in metrics:
        if metric.column_name in columns:
            yield replace(metric, interval=_interval(grain), view=model.name, grain=grain, source=source)
