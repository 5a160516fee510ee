"""Days as Unix seconds."""

from __future__ import annotations

from datetime import UTC, date, datetime

DAY_S = 86_400
_MOST_SECONDS = 2**32
"""A block's time has 32 bits."""


def start_of(day: date) -> int:
    """The second in which a day begins, UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def day_at(seconds: int) -> date:
    """The UTC day of a second. Raises ValueError where no block can be, TypeError for what is no number."""
    if not 0 <= seconds < _MOST_SECONDS:
        raise ValueError(f"{seconds} is no time of a block")
    return datetime.fromtimestamp(seconds, UTC).date()
