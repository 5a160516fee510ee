"""A chart as lines of text for a terminal."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from etl.foreign_text import escaped

if TYPE_CHECKING:
    from etl.results.charts.chart import Chart, Values

_BARS = "▁▂▃▄▅▆▇█"


def spark_text(chart: Chart, width: int) -> str:
    """A title, and per line a sparkline of at most `width` characters with its lowest, highest and last."""
    lines = [f"{escaped(chart.title)}, {chart.unit}", f"{chart.days[0]} to {chart.days[-1]}"]
    for line in chart.lines:
        known = [value for value in line.values if value is not None]
        if known:
            last = next(value for value in reversed(line.values) if value is not None)
            facts = f"lowest {min(known):,.6g}, highest {max(known):,.6g}, last {last:,.6g}"
            lines += ["", f"{escaped(line.label)}: {facts}", sparkline(line.values, width)]
    if chart.bands:
        listed = ", ".join(str(chart.days[position]) for position in chart.bands.above)
        lines += ["", f"days above the {chart.bands.upper.label}: {listed or 'none'}"]
    return "\n".join(lines)


def sparkline(values: Values, width: int) -> str:
    """One bar for each value, or for the mean of several where there are too many; a dot for none."""
    count = min(width, len(values))
    cuts = [len(values) * n // count for n in range(count + 1)]
    means = [_mean(values[a:b]) for a, b in zip(cuts, cuts[1:], strict=False)]
    known = [mean for mean in means if mean is not None]
    low, span = min(known, default=0.0), max(known, default=0.0) - min(known, default=0.0)
    return "".join(
        "·" if mean is None else _BARS[round((mean - low) / span * 7) if span else 0] for mean in means
    )


def _mean(values: Values) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
