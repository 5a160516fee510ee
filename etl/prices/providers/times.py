"""Days as Unix seconds."""

from __future__ import annotations

from datetime import UTC, date, datetime

DAY_S = 86_400


def start_of(day: date) -> int:
    """The second in which a day begins, UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def day_at(seconds: int) -> date:
    """The UTC day of a second."""
    return datetime.fromtimestamp(seconds, UTC).date()
