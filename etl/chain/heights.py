"""Ranges of block heights as people write them.

0:4521      both ends included
:500000     from genesis
1000:       to the tip
1000:+500   five hundred blocks from 1000 on
+1000       a thousand blocks more than are indexed
-1000:      the last thousand
15M, 1.5K   thousands and millions, in every place
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from etl.errors import UsageError

_FACTORS = {"": 1, "k": 1_000, "m": 1_000_000}
_NUMBER = r"([0-9][0-9_]{0,14}(?:\.[0-9]{1,6})?)([kKmM]?)"


@dataclass(frozen=True)
class HeightRange:
    """Consecutive heights, both ends included; empty if last < first."""

    first_height: int
    last_height: int

    def __len__(self) -> int:
        return max(0, self.last_height - self.first_height + 1)


def _number(text: str, whole: str) -> int:
    match = re.fullmatch(_NUMBER, text)
    if match is None:
        raise UsageError(
            f"{whole!r} is no range of heights: {text!r} is no number",
            "write it like 0:4521, :500000, 1000:, 1000:+500, +1000 or -1000:",
        )
    value = Decimal(match[1]) * _FACTORS[match[2].lower()]
    if value != int(value):
        raise UsageError(
            f"{whole!r} is no range of heights: {text} is between two blocks",
            "write whole numbers; 1.5K is 1500",
        )
    return int(value)


def parse_range(text: str | None, *, next_height: int, tip_height: int) -> HeightRange:
    """The heights that `text` names; None means everything up to the tip.

    `next_height` is the first that is not indexed yet, `tip_height` the last that may be.
    Raises UsageError for text that is no range or reaches beyond the tip.
    """
    if text is None:
        return HeightRange(0, tip_height)
    if text.startswith("+"):
        count = _number(text[1:], text)
        if count < 1:
            raise UsageError(f"the range {text!r} is empty", "ask for at least one more block: +1")
        return HeightRange(0, min(tip_height, next_height + count - 1))
    start_text, separator, end_text = text.partition(":")
    if not separator:
        height = _number(text, text)
        start_text, end_text = str(height), str(height)
    first, last = 0, tip_height
    if start_text.startswith("-"):
        first = max(0, tip_height - _number(start_text[1:], text) + 1)
    elif start_text:
        first = _number(start_text, text)
    if end_text.startswith("+"):
        last = first + _number(end_text[1:], text) - 1
    elif end_text:
        last = _number(end_text, text)
    if last < first or last > tip_height:
        reason = "it is empty" if last < first else f"the last block to be had is {tip_height}"
        raise UsageError(
            f"the range {text!r} cannot be indexed: {reason}",
            "give both ends in order and within the chain; --confirmations 0 goes up to the tip",
        )
    return HeightRange(first, last)
