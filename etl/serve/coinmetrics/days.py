"""Rows per day, from the columns in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from etl.serve.coinmetrics import ASSET
from etl.serve.coinmetrics.request import SeriesRequest, Side
from etl.serve.coinmetrics.rows import Column, Rows
from etl.serve.snapshot import REVIEWABLE, Snapshot, has_value
from etl.serve.times import DAY, time_text


def day_places(request: SeriesRequest) -> np.ndarray[Any, Any]:
    """Positions of the days that have a row, ascending."""
    first, last = _bounds(request)
    held = np.zeros(max(last - first, 0), bool)
    for metric in request.metrics:
        column = request.snapshot.column(request.profile, metric)
        if column is not None:
            held |= has_value(column)[first:last] & _wanted(request, metric, first, last)
    places = np.flatnonzero(held) + first
    return places if request.limit is None else places[-request.limit :]


def day_rows(request: SeriesRequest, places: np.ndarray[Any, Any]) -> Rows:
    """The rows at positions."""
    snapshot = request.snapshot
    heads = {"asset": [ASSET] * len(places), "time": [_time(snapshot, place) for place in places]}
    return Rows(heads, [_column(request, metric, places) for metric in request.metrics])


def is_reviewable(metric: str) -> bool:
    """Whether each value of a metric says if it is as first published."""
    return metric.startswith(REVIEWABLE)


def _time(snapshot: Snapshot, place: int) -> str:
    return time_text((snapshot.calendar.first + int(place)) * 86_400)


def _column(request: SeriesRequest, metric: str, places: np.ndarray[Any, Any]) -> Column:
    column = request.snapshot.column(request.profile, metric)
    values = [None] * len(places) if column is None else column.take(pa.array(places)).to_pylist()
    if request.status != "all" and is_reviewable(metric) and len(places):
        wanted = _wanted(request, metric, int(places[0]), int(places[-1]) + 1)[places - places[0]]
        values = [value if right else None for value, right in zip(values, wanted, strict=True)]
    if request.null_as_zero:
        values = ["0" if value is None else value for value in values]
    if not is_reviewable(metric):
        return Column(metric, values)
    days = request.snapshot.revisions[request.profile]
    return Column(metric, values, [days[place] for place in places])


def _wanted(request: SeriesRequest, metric: str, first: int, last: int) -> np.ndarray[Any, Any]:
    """For each day, whether its values of a metric are of the status asked for."""
    if request.status == "all" or not is_reviewable(metric):
        return np.ones(max(last - first, 0), bool)
    days = request.snapshot.revisions[request.profile][first:last]
    return np.array([day.status == request.status for day in days], bool)


def _bounds(request: SeriesRequest) -> tuple[int, int]:
    """The positions from the first day asked for to the one after the last."""
    calendar = request.snapshot.calendar
    first = _first_day(request.start) - calendar.first if request.start.instant is not None else 0
    last = _last_day(request.end) + 1 - calendar.first if request.end.instant is not None else calendar.count
    return min(max(first, 0), calendar.count), min(max(last, 0), calendar.count)


def _first_day(start: Side) -> int:
    assert start.instant is not None
    day = -(-start.instant // DAY)
    return day + 1 if not start.is_inclusive and start.instant % DAY == 0 else day


def _last_day(end: Side) -> int:
    assert end.instant is not None
    day = end.instant // DAY
    return day - 1 if not end.is_inclusive and end.instant % DAY == 0 else day
