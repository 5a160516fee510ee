"""Times of `as_of`, however they are given."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from etl.errors import UsageError
from etl.results.database import AsOf, as_instant

NOON = datetime(2024, 4, 20, 12)


@pytest.mark.parametrize(
    ("given", "instant"),
    [
        (NOON, NOON),
        (datetime(2024, 4, 20, 14, tzinfo=timezone(timedelta(hours=2))), NOON),
        ("2024-04-20T12:00:00", NOON),
        ("2024-04-20T12:00:00Z", NOON),
        ("2024-04-20", datetime(2024, 4, 21)),
        (date(2024, 4, 20), datetime(2024, 4, 21)),
        ("9999-12-31", datetime(9999, 12, 31)),
    ],
)
def test_a_time_is_utc_and_a_day_its_end(given: AsOf, instant: datetime) -> None:
    assert as_instant(given) == instant


@pytest.mark.parametrize("text", ["", "noon", "2024-02-30", "2024-04-20T25:00:00"])
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="is no day and no time"):
        as_instant(text)
