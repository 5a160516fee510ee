"""What a run changed in days that were published before."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import duckdb


class DayFlows(NamedTuple):
    """Sums of a day's flows, and what tells them from others between other groups."""

    value_sat: int
    tx_count: int
    print: int


_NONE = DayFlows(0, 0, 0)

Flows = dict[str, DayFlows]
"""Of a day, by profile."""


def final_days(con: duckdb.DuckDBPyConnection, since: date) -> dict[date, Flows]:
    """Sums of each final day of a database from one on."""
    rows = con.execute(
        """
        SELECT days.day, flows.profile, CAST(sum(flows.value_sat) AS BIGINT),
            CAST(sum(flows.tx_count) AS BIGINT), bit_xor(hash(flows))
        FROM days LEFT JOIN daily_flows AS flows ON flows.day = days.day
        WHERE days.final AND days.day >= $since AND (flows.day >= $since OR flows.day IS NULL)
        GROUP BY ALL
        """,
        {"since": since},
    ).fetchall()
    days: dict[date, Flows] = {}
    for day, profile, *flows in rows:
        sums = days.setdefault(day, {})
        if profile is not None:
            sums[profile] = DayFlows(*flows)
    return days


def days_changed(before: dict[date, Flows], after: dict[date, Flows]) -> list[dict[str, object]]:
    """The days of both whose flows differ, per profile, with the difference of each sum.

    It is 0 where the same amounts moved between other groups, such as pools of another name.
    """
    changed: list[dict[str, object]] = []
    for day in sorted(before.keys() & after.keys()):
        for profile in sorted(before[day].keys() | after[day].keys()):
            old = before[day].get(profile, _NONE)
            new = after[day].get(profile, _NONE)
            if old != new:
                changed.append(
                    {
                        "day": str(day),
                        "profile": profile,
                        "value_sat": new.value_sat - old.value_sat,
                        "tx_count": new.tx_count - old.tx_count,
                    }
                )
    return changed


def first_change(before: dict[date, Flows], after: dict[date, Flows]) -> date | None:
    """The first day that was final and is another now, or none; None where there is no such day."""
    return min((day for day, flows in before.items() if after.get(day) != flows), default=None)
