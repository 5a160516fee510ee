"""Glassnode's metrics API, for those of its metrics that the catalogue has.

Source: the vendor's documentation (docs.glassnode.com, "Metrics"), and what the package `glassnode-python`
sends and reads. Which metric answers a path is said by the catalogue's `vendor` column.

Invariants: points ascend and each has a value; several metrics of one path that differ in a number of days
are the fields ma{days} of one object.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from anyio import to_thread

from etl.serve.answers import JSON, Answer
from etl.serve.asked import Asked
from etl.serve.dashboard.series import Whose, asked_whose, column_of
from etl.serve.parameters import Parameters, without_empty_key
from etl.serve.refusals import BadParameter, Refused, nearest
from etl.serve.snapshot import Snapshot
from etl.serve.times import time_text
from etl.warehouse.catalogue import Metric

PREFIX = "/v1/metrics/"
PARAMETERS = ("a", "s", "u", "i", "f", "c", "miner", "timestamp_format", "api_key", "profile")
ASSETS, INTERVALS, FORMATS = ("BTC", "btc"), ("24h",), ("json", "csv")
CURRENCIES = ("native", "usd", "NATIVE", "USD")
TIME_FORMS = ("unix", "humanized")
_CSV_TYPE = "text/csv; charset=utf-8"
_LATEST = 999_999_999_999
_SECONDS = re.compile(r"\d{1,12}")
_VENDOR = re.compile(r"Glassnode (\w+/\w+)( per miner)?")
_DAYS = re.compile(r"(\d+)d$")
_DAY = 86_400


@dataclass(frozen=True)
class _Question:
    snapshot: Snapshot
    fields: dict[str, Metric]
    """by the name of each in an answer; one without a name where there is just a value"""
    whose: Whose
    since: int
    until: int
    is_csv: bool
    is_humanized: bool


def endpoints(snapshot: Snapshot) -> dict[str, list[Metric]]:
    """The daily metrics of each path; of those of mining addresses, the ones within one hop."""
    found: dict[str, list[Metric]] = {}
    for metric in snapshot.daily().values():
        named = _VENDOR.fullmatch(metric.vendor)
        if named is not None and "0Hop" not in metric.id:
            found.setdefault(named[1], []).append(metric)
    return found


async def metrics(asked: Asked) -> Answer:
    """`/v1/metrics/{category}/{metric}`. Raises BadParameter, and Refused for an unknown path."""
    path, known = asked.path.partition(PREFIX)[2], endpoints(asked.snapshot)
    if path not in known:
        raise Refused(404, f"there is nothing at this path. {nearest(path, known)}".rstrip())
    parameters = Parameters(without_empty_key(asked.query), PARAMETERS)
    parameters.needed("a")
    parameters.choice("a", ASSETS, ASSETS[0])
    parameters.choice("i", INTERVALS, INTERVALS[0])
    fields = _fields(known[path], parameters.choice("c", CURRENCIES, CURRENCIES[0]).lower())
    if "miner" in next(iter(fields.values())).keys and "profile" not in next(iter(fields.values())).keys:
        parameters.needed("miner")  # a metric of pools alone, without a sum of all
    question = _Question(
        asked.snapshot,
        fields,
        asked_whose(asked, parameters),
        _seconds(parameters, "s", 0),
        _seconds(parameters, "u", _LATEST),
        parameters.choice("f", FORMATS, "json") == "csv",
        parameters.choice("timestamp_format", TIME_FORMS, "unix") == "humanized",
    )
    return await to_thread.run_sync(_answer, question)


def _fields(metrics: list[Metric], currency: str) -> dict[str, Metric]:
    unit = "USD" if currency == "usd" else "BTC"
    chosen = [metric for metric in metrics if metric.unit == unit] or metrics
    if len(chosen) == 1:
        return {"": chosen[0]}
    days = {int(found[1]): metric for metric in chosen if (found := _DAYS.search(metric.id))}
    return {f"ma{number}": days[number] for number in sorted(days)}


def _seconds(parameters: Parameters, name: str, default: int) -> int:
    text = parameters.text(name)
    if text is None:
        return default
    if not _SECONDS.fullmatch(text):
        raise BadParameter(name, text, "Give seconds since 1970, such as 1577836800.")
    return int(text)


def _answer(question: _Question) -> Answer:
    columns = {
        name: column_of(question.snapshot, metric.id, question.whose).to_pylist()
        for name, metric in question.fields.items()
    }
    first = question.snapshot.calendar.first
    points = [
        ((first + place) * _DAY, values)
        for place, values in enumerate(zip(*columns.values(), strict=True))
        if any(values) and question.since <= (first + place) * _DAY <= question.until
    ]
    return _csv(question, points) if question.is_csv else _json(question, points)


def _json(question: _Question, points: list[tuple[int, Any]]) -> Answer:
    names = list(question.fields)
    rows = []
    for seconds, values in points:
        time = f'"{_humanized(seconds)}"' if question.is_humanized else seconds
        if names == [""]:
            rows.append(f'{{"t":{time},"v":{values[0]}}}')
        else:
            told = ",".join(f'"{n}":{value or "null"}' for n, value in zip(names, values, strict=True))
            rows.append(f'{{"t":{time},"o":{{{told}}}}}')
    return Answer(f"[{','.join(rows)}]".encode(), JSON)


def _csv(question: _Question, points: list[tuple[int, Any]]) -> Answer:
    lines = [",".join(["timestamp", *(name or "value" for name in question.fields)])]
    for seconds, values in points:
        time = _humanized(seconds) if question.is_humanized else str(seconds)
        lines.append(",".join([time, *(value or "" for value in values)]))
    return Answer("\n".join([*lines, ""]).encode(), _CSV_TYPE)


def _humanized(seconds: int) -> str:
    return f"{time_text(seconds)[:19]}Z"
