"""Rows of flows, newest first, per day from memory and per hour or block from the file.

Invariant: there is a row where the metrics' views have one, null for what is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from etl.serve.columns import DAY, by_view, text_sql
from etl.serve.cryptoquant.request import Bound, FlowsRequest
from etl.serve.times import DAY as DAY_NS
from etl.serve.times import SECOND
from etl.warehouse.catalogue import Metric

_FIRST_DAYS = 32
"""How far back a query per hour or block looks at first."""
_WIDER = 8

Values = tuple[str | None, ...]


@dataclass(frozen=True)
class Table:
    """What an answer holds: the names of the columns that tell rows apart, and of the fields."""

    keys: tuple[str, ...]
    fields: tuple[str, ...]
    rows: list[tuple[tuple[str, ...], Values]]


def read_rows(request: FlowsRequest) -> Table:
    """The rows asked for."""
    fields = request.flows.windows[request.window]
    if request.window == "day":
        return Table(("date",), tuple(fields), _days(request, fields))
    keys = ("blockheight", "datetime") if request.window == "block" else ("datetime",)
    return Table(keys, tuple(fields), _asked_of_file(request, fields))


def _days(request: FlowsRequest, fields: Mapping[str, Metric]) -> list[tuple[tuple[str, ...], Values]]:
    first, last = _day_bounds(request)
    columns = _columns(request, fields)
    days = columns.pop(DAY)[first:last]
    held = [column[first:last] for column in columns.values()]
    found = [
        ((day,), values) for day, *values in zip(reversed(days), *map(reversed, held), strict=True) if day
    ]
    return [(key, tuple(values)) for key, values in found[: request.limit]]


def _columns(request: FlowsRequest, fields: Mapping[str, Metric]) -> dict[str, list[str | None]]:
    """The fields and DAY, a value per day of the calendar."""
    snapshot = request.snapshot
    nothing: list[str | None] = [None] * snapshot.calendar.count
    held: dict[str, Any] = {DAY: nothing}
    for group in by_view(list(fields.values())):
        of_view = [metric for metric in snapshot.daily().values() if metric.view == group[0].view]
        wanted = {key: request.rows[key] for key in group[0].keys if key in request.rows}
        if "miner" in group[0].keys and "miner" not in wanted:
            wanted["miner"] = "all_miner"
        columns = snapshot.series(of_view, wanted)
        held |= {name: column.to_pylist() for (_, name), column in columns.items()}
    return {name: held.get(fields[name].id, nothing) for name in fields} | {DAY: held[DAY]}


def _day_bounds(request: FlowsRequest) -> tuple[int, int]:
    """The positions from the first day asked for to the one after the last."""
    calendar = request.snapshot.calendar
    start, end = request.first.instant, request.last.instant
    first = 0 if start is None else -(-start // DAY_NS) - calendar.first
    last = calendar.count if end is None else end // DAY_NS + 1 - calendar.first
    return min(max(first, 0), calendar.count), min(max(last, 0), calendar.count)


def _asked_of_file(
    request: FlowsRequest, fields: Mapping[str, Metric]
) -> list[tuple[tuple[str, ...], Values]]:
    """Rows of every view that has a field, put together by their time."""
    names = list(fields)
    merged: dict[tuple[Any, ...], dict[str, str | None]] = {}
    for group in by_view(list(fields.values())):
        mine = [name for name in names if fields[name].view == group[0].view]
        for key, values in _of_view(request, {name: fields[name] for name in mine}):
            merged.setdefault(key, {}).update(zip(mine, values, strict=True))
    newest = sorted(merged, reverse=True)[: request.limit]
    return [(_key_texts(key), tuple(merged[key].get(name) for name in names)) for key in newest]


def _key_texts(key: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(str(part) for part in key)


def _of_view(request: FlowsRequest, fields: Mapping[str, Metric]) -> list[tuple[tuple[Any, ...], list[Any]]]:
    """The newest rows of one view, looked for in ever more days back from the end."""
    sql = _view_sql(request, next(iter(fields.values())).view, list(fields.values()))
    first, last = _file_days(request)
    span = _FIRST_DAYS
    while True:
        start = max(first, last - span)
        values = _bounds(request) | {
            **request.rows, "first_day": date.fromordinal(start), "last_day": date.fromordinal(last),
            "most": request.limit,
        }  # fmt: skip
        table = request.snapshot.ask(sql, values)
        if table.num_rows >= request.limit or start <= first:
            return _keyed(table.to_pylist(), request.window, list(fields))
        span *= _WIDER


def _keyed(
    rows: list[dict[str, Any]], window: str, names: list[str]
) -> list[tuple[tuple[Any, ...], list[Any]]]:
    keys = ("height", "moment") if window == "block" else ("moment",)
    return [(tuple(row[key] for key in keys), [row[name] for name in names]) for row in rows]


def _view_sql(request: FlowsRequest, view: str, metrics: list[Metric]) -> str:
    """SELECT of the newest rows in a range; the view's days are bounded, since it is made as it is asked."""
    types = request.snapshot.types(view)
    names = {metric.id: name for name, metric in request.flows.windows[request.window].items()}
    texts = ", ".join(f"{text_sql(m.column_name, types, 'v.')} AS {names[m.id]}" for m in metrics)
    same = " AND ".join(f"v.{key} = ${key}" for key in request.rows)
    if request.window == "block":
        key, source = "v.height", f"{view} AS v JOIN blocks ON blocks.height = v.height"
        moment = "make_timestamp(blocks.time * 1000000)"
    else:
        key, source, moment = "v.hour", f"{view} AS v", "v.hour"
    height = "v.height" if request.window == "block" else "0"
    return (
        f"SELECT {height} AS height, strftime({moment}, '%Y-%m-%d %H:%M:%S') AS moment, {texts} "
        f"FROM {source} WHERE {same} AND v.day BETWEEN $first_day AND $last_day "
        f"AND {height} BETWEEN $first_height AND $last_height "
        f"AND {moment} BETWEEN make_timestamp($first_us) AND make_timestamp($last_us) "
        f"ORDER BY {key} DESC LIMIT $most"
    )


def _bounds(request: FlowsRequest) -> dict[str, int]:
    """The range as a query takes it: heights, and microseconds since 1970."""

    def instant(bound: Bound, otherwise: int) -> int:
        return otherwise if bound.instant is None else bound.instant

    most = 2**40 * SECOND
    return {
        "first_height": request.first.height or 0,
        "last_height": 2**31 - 1 if request.last.height is None else request.last.height,
        "first_us": max(0, -(-instant(request.first, 0) // 1000)),
        "last_us": max(0, min(instant(request.last, most), most) // 1000),
    }


def _file_days(request: FlowsRequest) -> tuple[int, int]:
    """The first and last day that may hold rows of the range, as ordinals."""
    span = request.snapshot.ask(
        "SELECT min(day) AS first_day, max(day) AS last_day FROM blocks "
        "WHERE height BETWEEN $first_height AND $last_height",
        {name: value for name, value in _bounds(request).items() if name.endswith("height")},
    ).to_pylist()[0]
    if span["first_day"] is None:
        return 1, 1
    first, last = span["first_day"].toordinal(), span["last_day"].toordinal()
    # The day is that of the median time past, at most some hours before the header's.
    if request.last.instant is not None:
        last = min(last, max(first, _ordinal(request.last.instant)))
    if request.first.instant is not None:
        first = max(first, min(last, _ordinal(request.first.instant) - 1))
    return first, last


def _ordinal(instant: int) -> int:
    return min(max(1, date(1970, 1, 1).toordinal() + instant // DAY_NS), date.max.toordinal())
