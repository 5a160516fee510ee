"""Charts from the published database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from etl.errors import UsageError
from etl.results.charts.chart import Chart, Line, bollinger, fits_log_axis, moving_average
from etl.results.metrics import Choice, chosen, values_sql

if TYPE_CHECKING:
    import duckdb

    from etl.warehouse.catalogue import Metric

MOST_POOLS = 10
"""How many pools a chart of shares tells apart."""

_MOST_STEPS = 120
"""Into how many spans of days a chart of shares is cut at most."""

_POOLS = """
    WITH spans AS (
        SELECT *, $first + CAST((day - $first) // $step * $step AS INTEGER) AS start FROM pools
        WHERE day BETWEEN $first AND $last
    ),
    ranked AS (
        SELECT miner, row_number() OVER (ORDER BY sum(block_count) DESC, miner) AS place
        FROM spans WHERE miner <> 'Unknown' GROUP BY miner HAVING sum(block_count) > 0
    )
    SELECT
        start,
        CASE WHEN miner = 'Unknown' THEN 'Unknown' WHEN place <= $most THEN miner ELSE 'others' END
            AS label,
        sum(block_count),
        min(place)
    FROM spans LEFT JOIN ranked USING (miner)
    GROUP BY start, label
    ORDER BY start
"""


def metric_chart(
    con: duckdb.DuckDBPyConnection, metrics: Sequence[Metric], choice: Choice, *,
    averages: Sequence[int] = (), with_price: bool = True, with_bands: bool = False,
    is_log: bool | None = None,
) -> Chart:  # fmt: skip
    """A chart of metrics per day that share a unit; a log axis where it fits unless told otherwise.

    It begins where the first of them is known, and not 0 unless a first day is asked for. Raises UsageError
    where their units differ, or nothing is known of them.
    """
    _check_metrics(metrics, with_bands)
    rows = con.execute(values_sql(metrics, choice)).fetchall()
    days, lines = _from_first_known(*_lines(metrics, rows), skip_zeros=choice.start is None)
    if not days:
        _check_days(con)
        raise UsageError(
            f"nothing is known of {' and '.join(metric.id for metric in metrics)} in these days",
            "ask for other days",
        )
    whose = ", ".join(dict.fromkeys(v for m in metrics for v in chosen(m, choice).values()))
    bands = bollinger(lines[0]) if with_bands else None
    title = metrics[0].name if len(metrics) == 1 else ", ".join(metric.id for metric in metrics)
    return Chart(
        title=f"{title} ({whose})" if whose else title,
        unit=metrics[0].unit,
        days=days,
        lines=lines,
        averages=[
            Line(f"{line.label}, {window} day average", moving_average(line.values, window))
            for line in lines
            for window in averages
        ],
        price=_price(con, days) if with_price and metrics[0].unit != "USD" else None,
        bands=bands,
        is_log=fits_log_axis(lines) if is_log is None else is_log,
    )


def pools_chart(con: duckdb.DuckDBPyConnection, start: date | None, end: date | None) -> Chart:
    """Shares of the largest pools in the blocks, stacked, in spans of equally many days."""
    span = "SELECT min(day), max(day) FROM pools WHERE block_count > 0"
    first, last = con.execute(span).fetchall()[0]
    if first is not None:
        first, last = max(first, start or first), min(last, end or last)
    if first is None or first > last:
        _check_days(con)
        raise UsageError("no blocks lie in these days", "ask for other days")
    step = -(-((last - first).days + 1) // _MOST_STEPS)
    rows = con.execute(_POOLS, {"first": first, "last": last, "step": step, "most": MOST_POOLS}).fetchall()
    days = sorted({row[0] for row in rows})
    totals = {day: sum(row[2] for row in rows if row[0] == day) for day in days}
    places: dict[str, tuple[int, int]] = {}
    for _, label, _, place in rows:
        last_ones = {"others": 1, "Unknown": 2}.get(label, 0)
        places[label] = min(places.get(label, (3, 0)), (last_ones, place or 0))
    found = {(day, label): count for day, label, count, _ in rows}
    per = "day" if step == 1 else f"{step} days"
    return Chart(
        title=f"Pools, share of blocks per {per}",
        unit="share of blocks",
        days=days,
        lines=[
            Line(label, [found.get((d, label), 0) / totals[d] if totals[d] else None for d in days])
            for label in sorted(places, key=lambda label: places[label])
        ],
        is_stacked=True,
    )


def _check_metrics(metrics: Sequence[Metric], with_bands: bool) -> None:
    units = list(dict.fromkeys(metric.unit for metric in metrics))
    if len(units) > 1:
        raise UsageError(f"the metrics have different units ({', '.join(units)})", "plot them one by one")
    if units == ["name"]:
        raise UsageError(f"{metrics[0].id} is no number", "plot pools shows shares of the pools")
    if with_bands and len(metrics) > 1:
        raise UsageError("Bollinger bands go with one metric", "plot the metrics one by one")


def _check_days(con: duckdb.DuckDBPyConnection) -> None:
    """Raise UsageError where there is no day to be drawn at all."""
    if not con.execute("SELECT count(*) FROM calendar").fetchall()[0][0]:
        raise UsageError(
            "no day is final yet: one is when a block of a later day is indexed",
            "index more blocks, or add --provisional to draw the running day",
        )


def _lines(metrics: Sequence[Metric], rows: list[Any]) -> tuple[list[date], list[Line]]:
    days = [row[0] for row in rows]
    columns = [[_number(row[place]) for row in rows] for place in range(1, len(metrics) + 1)]
    return days, [Line(m.id, values) for m, values in zip(metrics, columns, strict=True)]


def _from_first_known(
    days: list[date], lines: list[Line], *, skip_zeros: bool
) -> tuple[list[date], list[Line]]:
    """Without the days before any of the lines is known, and other than 0 where one ever is."""
    rows = list(zip(*(line.values for line in lines), strict=True))
    known = (at for at, row in enumerate(rows) if any(value is not None for value in row))
    first = next(known, len(days))
    if skip_zeros:
        first = next((at for at, row in enumerate(rows) if any(row)), first)
    return days[first:], [Line(line.label, line.values[first:]) for line in lines]


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _price(con: duckdb.DuckDBPyConnection, days: list[date]) -> Line | None:
    known = dict(con.execute("SELECT date, price_usd FROM prices").fetchall())
    values = [known.get(day) for day in days]
    return Line("price of 1 BTC", values) if any(values) else None
