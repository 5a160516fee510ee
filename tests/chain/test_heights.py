"""Ranges of heights as people write them."""

from __future__ import annotations

import pytest

from etl.chain.heights import HeightRange, parse_range
from etl.errors import UsageError


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        (None, 0, 9_999),
        ("5", 5, 5),
        ("1.5K", 1500, 1500),
        ("0.001M:2k", 1000, 2000),
        (":500", 0, 500),
        ("1_000:", 1000, 9_999),
        ("1000:+500", 1000, 1499),
        ("+100", 0, 699),
        ("-1000:", 9_000, 9_999),
    ],
)
def test_ranges(text: str | None, first: int, last: int) -> None:
    assert parse_range(text, next_height=600, tip_height=9_999) == HeightRange(first, last)


@pytest.mark.parametrize(
    "text",
    ["1.5", "0:1.5", "1.0001K", "+2.5", "-1.5:", "1:+0.5", "٣", "9" * 400, "1e3", "", "a:b", "5:4", "10000"],
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_range(text, next_height=600, tip_height=9_999)
