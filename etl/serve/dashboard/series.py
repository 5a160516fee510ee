"""Formulas worked out, and the parts of stacked charts: a number for each day.

Invariant: a metric by itself is sent digit for digit as it is in the file; what is worked out from several is
rounded to 12 significant digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
from anyio import to_thread

from etl.results.formula import (
    MOST_DAYS,
    Formula,
    FormulaError,
    Values,
    moving_average,
    moving_sum,
    quotient,
    read_formula,
)
from etl.results.metrics import EVERYONE, Choice, chosen
from etl.serve.answers import JSON, Answer
from etl.serve.asked import Asked
from etl.serve.columns import Calendar, Columns, read_columns, read_prices
from etl.serve.dashboard import COMMON, DEFAULT_PROFILE
from etl.serve.dashboard.listing import drawable
from etl.serve.parameters import Parameters, without_empty_key
from etl.serve.refusals import BadParameter, nearest
from etl.serve.snapshot import PRICE, Snapshot
from etl.serve.times import DAY, asked_instant
from etl.warehouse.catalogue import Metric

if TYPE_CHECKING:
    import duckdb

SERIES_PARAMETERS = ("expression", "miner", "counterparty", "start", "end", "format", *COMMON)
STACK_PARAMETERS = ("of", "average", *COMMON)
FORMATS = ("json", "csv")
STACKS = ("exchanges", "pools")
_LARGEST = 7
_CSV_TYPE = "text/csv; charset=utf-8"
_POOLS = """
    WITH largest AS (
        SELECT miner FROM pools WHERE miner <> 'Unknown'
        GROUP BY miner ORDER BY sum(block_count) DESC, miner LIMIT $most
    )
    SELECT
        CASE WHEN miner IN (FROM largest) OR miner = 'Unknown' THEN miner ELSE 'others' END AS name,
        day, CAST(sum(block_count) AS DOUBLE) AS blocks
    FROM pools GROUP BY name, day
"""
_POOLS_LAST = {"others": 1, "Unknown": 2}


@dataclass(frozen=True)
class Whose:
    """Which rows of metrics are meant."""

    profile: str
    rows: dict[str, str]
    """miner and counterparty where they are not everybody"""


async def series(asked: Asked) -> Answer:
    """`/series`: a formula's value for each final day. Raises BadParameter."""
    parameters = Parameters(without_empty_key(asked.query), SERIES_PARAMETERS)
    snapshot = asked.snapshot
    formula = asked_formula(snapshot, parameters.needed("expression"))
    whose = asked_whose(asked, parameters)
    first, last = _asked_days(snapshot, parameters)
    form = parameters.choice("format", FORMATS, "json")
    texts = await to_thread.run_sync(texts_of, snapshot, formula, whose)
    days = [str(snapshot.calendar.day(place)) for place in range(first, last)]
    if form == "csv":
        rows = (f"{day},{text or ''}" for day, text in zip(days, texts[first:last], strict=True))
        heading = formula.text if formula.text in formula.names else "value"
        return Answer("\n".join([f"day,{heading}", *rows, ""]).encode(), _CSV_TYPE)
    told = {"expression": formula.text, "profile": whose.profile, "unit": _unit(snapshot, formula)}
    values = ",".join(text or "null" for text in texts[first:last])
    start = orjson.dumps(days[0] if days else None).decode()
    return Answer(orjson.dumps(told)[:-1] + f',"first_day":{start},"values":[{values}]}}'.encode(), JSON)


async def stack(asked: Asked) -> Answer:
    """`/stack`: the largest pools or exchanges, and the others together. Raises BadParameter."""
    parameters = Parameters(without_empty_key(asked.query), STACK_PARAMETERS)
    parameters.needed("of")
    of = parameters.choice("of", STACKS, STACKS[0])
    profile = asked.profile_of(parameters, DEFAULT_PROFILE)
    average = parameters.whole("average", 1, MOST_DAYS) or 1
    read = _exchanges if of == "exchanges" else _pools
    parts = await to_thread.run_sync(read, asked.snapshot, profile, average)
    calendar = asked.snapshot.calendar
    told = {
        "unit": "BTC" if of == "exchanges" else "share of blocks",
        "first_day": calendar.day(0) if calendar.count else None,
        "names": list(parts),
        "values": [[None if np.isnan(v) else float(f"{v:.8g}") for v in part] for part in parts.values()],
    }
    return Answer(orjson.dumps(told))


def asked_formula(snapshot: Snapshot, text: str) -> Formula:
    """A formula over what can be drawn. Raises BadParameter with the place of a mistake."""
    known = {*drawable(snapshot), PRICE}
    try:
        return read_formula(text, known.__contains__)
    except FormulaError as error:
        said = str(error)
        name = text[error.place - 1 :].split("'")[0]
        hint = nearest(name, known) if "there is no metric" in said else ""
        raise BadParameter("expression", text, f"{said[0].upper()}{said[1:]}. {hint}".rstrip()) from None


def asked_whose(asked: Asked, parameters: Parameters) -> Whose:
    """The profile, miner and counterparty of a request. Raises BadParameter."""
    profile = asked.profile_of(parameters, DEFAULT_PROFILE)
    entities = asked.snapshot.entities[profile]
    miners = [*entities.miners.values()]
    known = {"miner": miners, "counterparty": [*entities.exchanges.values(), *miners]}
    rows = {}
    for name, listed in known.items():
        value = parameters.text(name)
        if value is not None and value not in listed:
            raise BadParameter(name, value, nearest(value, listed) or "/catalogue lists the names.")
        if value is not None and value not in EVERYONE.values():
            rows[name] = value
    return Whose(profile, rows)


def texts_of(snapshot: Snapshot, formula: Formula, whose: Whose) -> list[str | None]:
    """A number for each day of the calendar as text, None where it is not known."""
    if formula.text in formula.names:
        texts: list[str | None] = column_of(snapshot, formula.text, whose).to_pylist()
        return texts
    values = formula.values(lambda name: numbers(column_of(snapshot, name, whose)))
    return [None if np.isnan(value) else f"{value:.12g}" for value in values]


def column_of(snapshot: Snapshot, name: str, whose: Whose) -> Any:
    """The texts of a metric for whom it is asked."""
    if name == PRICE:
        return snapshot.prices
    metric = snapshot.daily()[name]
    if whose.rows.keys() & set(metric.keys):
        return _chosen_column(snapshot, metric, whose)
    found = snapshot.column(whose.profile, name)
    return pa.nulls(snapshot.calendar.count, pa.string()) if found is None else found


def numbers(column: Any) -> Values:
    """Texts as numbers, not a number where there is none."""
    return np.asarray(column.cast(pa.float64()).fill_null(np.nan))


def read_chosen(
    con: duckdb.DuckDBPyConnection, snapshot: Snapshot, name: str, whose: Whose, calendar: Calendar
) -> Values:
    """A metric's values as a connection has them now, such as one that shows the running day."""
    if name == PRICE:
        return numbers(read_prices(con, calendar))
    metric = snapshot.daily()[name]
    rows = _wanted_rows(metric, whose)
    return numbers(_of_columns(read_columns(con, [metric], calendar, rows), metric, rows, calendar))


def _chosen_column(snapshot: Snapshot, metric: Metric, whose: Whose) -> Any:
    rows = _wanted_rows(metric, whose)
    of_view = [each for each in snapshot.daily().values() if each.view == metric.view]
    return _of_columns(snapshot.series(of_view, rows), metric, rows, snapshot.calendar)


def _wanted_rows(metric: Metric, whose: Whose) -> dict[str, str]:
    """The value of each column that tells a metric's rows of one day apart."""
    choice = Choice(whose.profile, whose.rows.get("miner", EVERYONE["miner"]), whose.rows.get("counterparty"))
    return chosen(metric, choice)


def _of_columns(columns: Columns, metric: Metric, rows: dict[str, str], calendar: Calendar) -> Any:
    found = columns.get((rows.get("profile"), metric.id))
    return pa.nulls(calendar.count, pa.string()) if found is None else found


def _asked_days(snapshot: Snapshot, parameters: Parameters) -> tuple[int, int]:
    """Positions in the calendar from `start` to the one after `end`."""
    calendar = snapshot.calendar
    start, end = asked_instant(parameters, "start"), asked_instant(parameters, "end")
    first = 0 if start is None else -(-start // DAY) - calendar.first
    last = calendar.count if end is None else end // DAY + 1 - calendar.first
    first = min(max(first, 0), calendar.count)
    return first, max(first, min(last, calendar.count))


def _unit(snapshot: Snapshot, formula: Formula) -> str:
    """Of a metric by itself; what is made of several has none that is known."""
    if formula.text == PRICE:
        return "USD"
    return snapshot.daily()[formula.text].unit if formula.text in formula.names else ""


def _exchanges(snapshot: Snapshot, profile: str, average: int) -> dict[str, Values]:
    """What miners sent to each exchange, in BTC."""
    whose, known = Whose(profile, {}), snapshot.daily()
    codes = snapshot.ask("SELECT code, exchange FROM exchange_codes ORDER BY exchange", []).to_pylist()
    metrics = {each["exchange"]: f"FlowMinerOut1HopAll{each['code']}Ntv" for each in codes}
    parts = {
        exchange: numbers(column_of(snapshot, name, whose))
        for exchange, name in metrics.items() if name in known
    }  # fmt: skip
    order = sorted(parts, key=lambda name: -float(np.nansum(parts[name])))
    shown = [name for name in order[:_LARGEST] if np.nansum(parts[name]) > 0]
    others = np.sum([parts[name] for name in order if name not in shown] or [np.zeros(1)], axis=0)
    found = {name: parts[name] for name in shown} | ({"others": others} if np.nansum(others) > 0 else {})
    return {name: moving_average(part, average) for name, part in found.items()}


def _pools(snapshot: Snapshot, _: str, average: int) -> dict[str, Values]:
    """Shares of the pools in the blocks of the last `average` days."""
    table, calendar = snapshot.ask(_POOLS, {"most": _LARGEST}), snapshot.calendar
    places = np.asarray(table.column("day").cast(pa.int32())) - calendar.first
    names, counts = table.column("name").to_pylist(), np.asarray(table.column("blocks"))
    parts: dict[str, Values] = {}
    for name, place, blocks in zip(names, places.tolist(), counts, strict=True):
        if 0 <= place < calendar.count:
            parts.setdefault(name, np.zeros(calendar.count))[place] = blocks
    ordered = sorted(parts, key=lambda name: (_POOLS_LAST.get(name, 0), -float(parts[name].sum())))
    all_blocks = moving_sum(np.sum(list(parts.values()), axis=0), average)
    return {name: quotient(moving_sum(parts[name], average), all_blocks) for name in ordered}
