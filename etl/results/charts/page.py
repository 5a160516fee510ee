"""A chart as one HTML page that needs nothing else: data, script and style are in it."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import TYPE_CHECKING

from etl.disk.files import write_text

if TYPE_CHECKING:
    from etl.results.charts.chart import Chart, Line

_TEMPLATE = Path(__file__).with_name("page.html")


def write_page(chart: Chart, path: Path) -> None:
    """Write a chart into an HTML file."""
    data = json.dumps(_facts(chart), separators=(",", ":")).replace("<", "\\u003c")
    page = _TEMPLATE.read_text(encoding="utf-8")
    page = page.replace("{{title}}", html.escape(chart.title)).replace("{{data}}", data)
    write_text(path, page)


def _facts(chart: Chart) -> dict[str, object]:
    bands = chart.bands
    return {
        "title": chart.title,
        "unit": chart.unit,
        "days": [str(day) for day in chart.days],
        "lines": [_line(line) for line in chart.lines],
        "averages": [_line(line) for line in chart.averages],
        "price": _line(chart.price) if chart.price else None,
        "bands": [_line(bands.average), _line(bands.upper), _line(bands.lower)] if bands else [],
        "above": bands.above if bands else [],
        "log": chart.is_log,
        "stacked": chart.is_stacked,
    }


def _line(line: Line) -> dict[str, object]:
    return {"label": line.label, "values": line.values}
