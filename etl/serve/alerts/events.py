"""Which events a published file makes of an alert.

Invariants: an event is of a day, or a revision, that came after the alert was first seen; the same file
makes no event twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from etl.results.formula import FormulaError, Values, read_formula
from etl.results.metrics import show_running_day
from etl.results.published import another
from etl.serve.alerts.definitions import NEW_BLOCK, NEW_DAY, REVISED, Alert
from etl.serve.columns import Calendar
from etl.serve.dashboard.listing import drawable
from etl.serve.dashboard.series import Whose, column_of, numbers, read_chosen
from etl.serve.revisions import REVISED as IS_REVISED
from etl.serve.snapshot import PRICE, Snapshot


@dataclass
class Seen:
    """How far an alert has looked."""

    digest: str
    last_day: str
    """the newest final day that it has judged"""
    revised_until: str
    """time of the newest revision that it has judged"""
    running_day: str = ""
    """the last day of which it told while that was running"""
    height: int = -1
    pending: list[dict[str, Any]] = field(default_factory=list)
    """events that are not received yet, oldest first"""


def first_seen(alert: Alert, snapshot: Snapshot) -> Seen:
    """An alert from now on."""
    calendar = snapshot.calendar
    last = str(calendar.day(calendar.count - 1)) if calendar.count else ""
    return Seen(alert.digest, last, _newest_revision(alert, snapshot), height=snapshot.tip.height)


def problem(alert: Alert, snapshot: Snapshot) -> str | None:
    """Why nothing can be told of an alert with this file."""
    try:
        read_formula(alert.formula, {*drawable(snapshot), PRICE}.__contains__)
    except FormulaError as error:
        return f"formula, {error}"
    if alert.profile not in snapshot.profiles:
        return f"there is no profile {alert.profile!r}"
    entities = snapshot.entities[alert.profile]
    known = {*entities.miners.values(), *entities.exchanges.values()}
    return next((f"there is no {key} {value!r}" for key, value in alert.rows if value not in known), None)


def judge(alert: Alert, seen: Seen, snapshot: Snapshot) -> list[dict[str, Any]]:
    """The events of a new file; `seen` moves on. There must be no problem."""
    formula = read_formula(alert.formula, lambda _: True)
    whose = Whose(alert.profile, dict(alert.rows))
    values = formula.values(lambda name: numbers(column_of(snapshot, name, whose)))
    events = [*_new_days(alert, seen, snapshot, values), *_revisions(alert, seen, snapshot, values)]
    if NEW_BLOCK in alert.occasions and snapshot.tip.height != seen.height:
        events += _running(alert, seen, snapshot, whose)
    seen.height = snapshot.tip.height
    return events


def _new_days(alert: Alert, seen: Seen, snapshot: Snapshot, values: Values) -> Iterator[dict[str, Any]]:
    for place in range(snapshot.calendar.count):
        day = str(snapshot.calendar.day(place))
        if day <= seen.last_day:
            continue
        seen.last_day = day
        if NEW_DAY in alert.occasions and alert.holds(_before(values, place), values[place]):
            yield event(alert, NEW_DAY, day, float(values[place]), snapshot)


def _revisions(alert: Alert, seen: Seen, snapshot: Snapshot, values: Values) -> Iterator[dict[str, Any]]:
    newest = _newest_revision(alert, snapshot)
    for place, revision in enumerate(snapshot.revisions.get(alert.profile, [])):
        is_new = revision.status == IS_REVISED and revision.time > seen.revised_until
        if is_new and REVISED in alert.occasions and alert.holds(_before(values, place), values[place]):
            day = str(snapshot.calendar.day(place))
            yield event(alert, REVISED, day, float(values[place]), snapshot, revision.time)
    seen.revised_until = max(seen.revised_until, newest)


def _running(alert: Alert, seen: Seen, snapshot: Snapshot, whose: Whose) -> Iterator[dict[str, Any]]:
    """Of the day that more blocks may change; told once."""
    calendar = Calendar(snapshot.calendar.first, snapshot.calendar.count + 1)
    day = str(calendar.day(calendar.count - 1))
    if day == seen.running_day:
        return
    formula = read_formula(alert.formula, lambda _: True)
    with another(snapshot.con) as con:
        show_running_day(con)
        values = formula.values(lambda name: read_chosen(con, snapshot, name, whose, calendar))
    if alert.holds(_before(values, calendar.count - 1), values[-1]):
        seen.running_day = day
        yield event(alert, NEW_BLOCK, day, float(values[-1]), snapshot)


def _before(values: Values, place: int) -> float:
    return float(values[place - 1]) if place else np.nan


def _newest_revision(alert: Alert, snapshot: Snapshot) -> str:
    times = (r.time for r in snapshot.revisions.get(alert.profile, []) if r.status == IS_REVISED)
    return max(times, default="")


def event(
    alert: Alert, occasion: str, day: str, value: float, snapshot: Snapshot, revised: str = ""
) -> dict[str, Any]:
    """What is sent; `id` is the same whenever the same event is sent again."""
    named = (alert.name, alert.digest, occasion, day, revised)
    return {
        "id": "/".join(part for part in named if part),
        "alert": alert.name,
        "on": occasion,
        "day": day,
        "value": value,
        "formula": alert.formula,
        "condition": alert.condition,
        "threshold": alert.threshold,
        "profile": alert.profile,
        **dict(alert.rows),
        **({"revised": revised} if revised else {}),
        "file": snapshot.file,
        "height": snapshot.tip.height,
    }
