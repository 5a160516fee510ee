"""A chart as PNG or SVG, with Matplotlib.

Invariants: the same chart gives the same bytes; nothing of Matplotlib's state outside is changed; text is
text, whatever it holds (a pool may be called $\\frac{$ or _).
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.errors import UsageError
from etl.foreign_text import escaped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from etl.results.charts.chart import Bands, Chart

SIZE_INCHES = (12, 6)
DPI = 100
"""With the size: 1200 x 600 pixels."""

_COLOURS = (
    "#1f5fa8", "#d1660f", "#2a8a46", "#8a4fa8", "#b3292f", "#5c6b73", "#0f8f96", "#a8831f",
    "#c2559b", "#5d8a1f",
)  # fmt: skip
_FAINT = {"others": "#9a9a9a", "Unknown": "#d0d0d0"}
"""Colours of what is no pool by itself."""

_PRICE_COLOUR = "#9a9a9a"
_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "minerflow",
    "text.parse_math": False,
    "font.size": 11,
    "axes.spines.top": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
}


def write_picture(chart: Chart, path: Path) -> None:
    """Draw a chart into a file; its ending, .png or .svg, says which kind. Raises UsageError."""
    try:
        import matplotlib
    except ImportError as error:
        raise UsageError(
            "PNG and SVG charts need Matplotlib",
            "install it with pip install 'minerflow[plot]', or write an .html file",
        ) from error
    with matplotlib.rc_context(_SETTINGS):
        figure = _figure(chart)
        date = {"Date": None} if path.suffix == ".svg" else {}
        figure.savefig(path, format=path.suffix[1:], dpi=DPI, metadata=date)


def _figure(chart: Chart) -> Figure:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(_text(chart.title), loc="left", fontweight="bold")
    axes.set_ylabel(chart.unit)
    axes.set_xlabel("day (UTC)")
    if chart.price:
        _draw_price(axes, chart)
    if chart.is_stacked:
        _draw_stacked(axes, chart)
    else:
        _draw_lines(axes, chart)
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.margins(x=0.01)
    return figure


def _draw_lines(axes: Axes, chart: Chart) -> None:
    days: Any = chart.days
    thin = bool(chart.averages)
    for number, line in enumerate(chart.lines):
        axes.plot(
            days, _floats(line.values), label=_text(line.label), color=_COLOURS[number % len(_COLOURS)],
            linewidth=0.8 if thin else 1.4, alpha=0.55 if thin else 1, zorder=3,
        )  # fmt: skip
    for number, line in enumerate(chart.averages, len(chart.lines)):
        axes.plot(
            days, _floats(line.values), label=_text(line.label), color=_COLOURS[number % len(_COLOURS)],
            linewidth=1.8, zorder=4,
        )  # fmt: skip
    if chart.bands:
        _draw_bands(axes, chart, chart.bands)
    if chart.is_log:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(lambda value, _: f"{value:,.10g}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axes.figure.legend(loc="outside lower center", ncols=3, frameon=False)


def _draw_price(axes: Axes, chart: Chart) -> None:
    assert chart.price is not None
    days: Any = chart.days
    right = axes.twinx()
    right.plot(
        days, _floats(chart.price.values), label=f"{chart.price.label} (right axis)",
        color=_PRICE_COLOUR, linewidth=1,
    )  # fmt: skip
    right.set_yscale("log")
    right.set_ylabel("USD per BTC")
    right.grid(False)
    right.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    right.yaxis.set_minor_formatter(lambda value, _: f"{value:,.10g}")
    axes.set_zorder(right.get_zorder() + 1)
    axes.patch.set_visible(False)


def _draw_bands(axes: Axes, chart: Chart, bands: Bands) -> None:
    days: Any = chart.days
    upper, lower = _floats(bands.upper.values), _floats(bands.lower.values)
    axes.fill_between(
        days, lower, upper, color=_COLOURS[1], alpha=0.15, linewidth=0,
        label="Bollinger bands (20 days, 2 standard deviations)",
    )  # fmt: skip
    axes.plot(days, _floats(bands.average.values), color=_COLOURS[1], linewidth=1, label=bands.average.label)
    above: Any = [chart.days[position] for position in bands.above]
    heights: Any = [chart.lines[0].values[position] for position in bands.above]
    axes.scatter(above, heights, color=_COLOURS[4], s=28, zorder=5, label="above the upper band")


def _draw_stacked(axes: Axes, chart: Chart) -> None:
    step = chart.days[1] - chart.days[0] if len(chart.days) > 1 else timedelta(days=1)
    days: Any = [*chart.days, chart.days[-1] + step]
    colours = [
        _FAINT.get(line.label, _COLOURS[number % len(_COLOURS)]) for number, line in enumerate(chart.lines)
    ]
    axes.stackplot(
        days, [_floats([*line.values, line.values[-1]]) for line in chart.lines],
        labels=[_text(line.label) for line in chart.lines], colors=colours, step="post",
    )  # fmt: skip
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _text(label: str) -> str:
    """A label as it can be drawn; Matplotlib leaves those that begin with _ out of legends."""
    shown = escaped(label)
    return f" {shown}" if shown.startswith("_") else shown


def _floats(values: list[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]
