"""What a chart shows, whatever it is drawn with.

Invariant: all lines of a chart have one value, or None, per day of the chart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from statistics import fmean, pstdev

Values = list[float | None]

BOLLINGER_DAYS = 20
BOLLINGER_WIDTH = 2.0
"""Standard deviations between the average and a band."""

_LOG_FROM = 20.0
"""How many times the smallest mean of a part of the days the largest must be for a log axis."""

_PARTS = 10


@dataclass(frozen=True)
class Line:
    """One value a day."""

    label: str
    values: Values


@dataclass(frozen=True)
class Bands:
    """Bollinger bands about a line, and the days (by position) on which it is above the upper one."""

    average: Line
    upper: Line
    lower: Line
    above: list[int]


@dataclass(frozen=True)
class Chart:
    """Lines over the same days."""

    title: str
    unit: str
    days: list[date]
    lines: list[Line]
    averages: list[Line] = field(default_factory=list)
    price: Line | None = None
    """on an axis of its own, logarithmic"""
    bands: Bands | None = None
    is_log: bool = False
    is_stacked: bool = False


def moving_average(values: Sequence[float | None], window: int) -> Values:
    """Mean of the values known of the last `window` days; None until they are full, or none is known."""
    averages: Values = []
    for end in range(1, len(values) + 1):
        known = [value for value in values[max(0, end - window) : end] if value is not None]
        averages.append(fmean(known) if end >= window and known else None)
    return averages


def bollinger(line: Line) -> Bands:
    """Bands from the last 20 days, this one included; None where one of them has no value."""
    averages: Values = []
    spreads: Values = []
    for end in range(1, len(line.values) + 1):
        window = line.values[max(0, end - BOLLINGER_DAYS) : end]
        known = [value for value in window if value is not None]
        is_full = len(known) == BOLLINGER_DAYS
        averages.append(fmean(known) if is_full else None)
        spreads.append(BOLLINGER_WIDTH * pstdev(known) if is_full else None)
    upper = [_sum(a, s, 1) for a, s in zip(averages, spreads, strict=True)]
    lower = [_sum(a, s, -1) for a, s in zip(averages, spreads, strict=True)]
    above = [
        position
        for position, (value, band) in enumerate(zip(line.values, upper, strict=True))
        if value is not None and band is not None and value > band
    ]
    return Bands(
        Line(f"average of {BOLLINGER_DAYS} days", averages),
        Line(f"upper band (+{BOLLINGER_WIDTH:g} standard deviations)", upper),
        Line(f"lower band (-{BOLLINGER_WIDTH:g} standard deviations)", lower),
        above,
    )


def fits_log_axis(lines: Sequence[Line]) -> bool:
    """Whether all values are above 0 and move far from where they were: not whether they jump about."""
    known = [value for line in lines for value in line.values if value is not None]
    if not known or min(known) <= 0:
        return False
    means = [mean for line in lines for mean in _part_means(line.values)]
    return max(means) >= _LOG_FROM * min(means)


def _part_means(values: Values) -> list[float]:
    """Means of a tenth of the days each, where anything is known."""
    cuts = [len(values) * n // _PARTS for n in range(_PARTS + 1)]
    parts = [[v for v in values[a:b] if v is not None] for a, b in zip(cuts, cuts[1:], strict=False)]
    return [fmean(part) for part in parts if part]


def _sum(average: float | None, spread: float | None, sign: int) -> float | None:
    return None if average is None or spread is None else average + sign * spread
