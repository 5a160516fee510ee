"""What a run changed in days that were published before."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

Flows = dict[str, tuple[int, int]]
"""Satoshis and transactions of a day by profile."""


def final_days(published: Path) -> dict[date, Flows]:
    """Sums of each final day of a published database; nothing where there is none."""
    if not published.exists():
        return {}
    with duckdb.connect(str(published), read_only=True) as con:
        rows = con.execute(
            """
            SELECT days.day, flows.profile, CAST(sum(flows.value_sat) AS BIGINT),
                CAST(sum(flows.tx_count) AS BIGINT)
            FROM days LEFT JOIN daily_flows AS flows ON flows.day = days.day
            WHERE days.final
            GROUP BY ALL
            """
        ).fetchall()
    days: dict[date, Flows] = {}
    for day, profile, value_sat, tx_count in rows:
        sums = days.setdefault(day, {})
        if profile is not None:
            sums[profile] = (value_sat, tx_count)
    return days


def days_changed(before: dict[date, Flows], after: dict[date, Flows]) -> list[dict[str, object]]:
    """The days of both that differ, per profile, with the difference of each sum."""
    changed: list[dict[str, object]] = []
    for day in sorted(before.keys() & after.keys()):
        for profile in sorted(before[day].keys() | after[day].keys()):
            old = before[day].get(profile, (0, 0))
            new = after[day].get(profile, (0, 0))
            if old != new:
                changed.append(
                    {
                        "day": str(day),
                        "profile": profile,
                        "value_sat": new[0] - old[0],
                        "tx_count": new[1] - old[1],
                    }
                )
    return changed
