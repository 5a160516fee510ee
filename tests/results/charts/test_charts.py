"""Charts from a warehouse of 900 days: what they show, and that they are drawn."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import numpy as np
import pytest

from etl.errors import UsageError
from etl.foreign_text import escaped
from etl.results.charts.chart import Chart, Line, bollinger, fits_log_axis, moving_average
from etl.results.charts.data import metric_chart, pools_chart
from etl.results.charts.page import write_page
from etl.results.charts.picture import write_picture
from etl.results.charts.spark import spark_text, sparkline
from etl.results.metrics import Catalogue, Choice
from etl.results.published import open_published
from etl.warehouse.catalogue import Metric
from tests.support.charted import DAYS, publish_charted

A_METRIC = Metric(
    id="Seen", name="Seen", description="", unit="blocks", interval="day", category="", vendor="",
    view="", column_name="", grain="", drill=None, source="", since="",
)  # fmt: skip


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_published(publish_charted(tmp_path_factory.mktemp("charted"))) as con:
        yield con


def pixels(png: bytes) -> tuple[int, int, set[bytes]]:
    """Width, height, and the distinct bytes of its unfiltered data in groups of four."""
    width, height = struct.unpack(">II", png[16:24])
    data, at = b"", 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        data += png[at + 8 : at + 8 + size] if png[at + 4 : at + 8] == b"IDAT" else b""
        at += size + 12
    raw = zlib.decompress(data)
    return width, height, {raw[n : n + 4] for n in range(0, len(raw), 4)}


def texts_of(svg: Path) -> list[str]:
    """All texts of a picture."""
    root = ElementTree.fromstring(svg.read_text(encoding="utf-8"))
    return ["".join(node.itertext()).strip() for node in root.iter() if node.tag.endswith("}text")]


def test_png_is_1200_by_600_and_not_empty(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    metric = Catalogue(con).find("MinerOutflowTotalNtv")
    chart = metric_chart(con, [metric], Choice(), averages=[30])
    for name in ("one.png", "two.png"):
        write_picture(chart, tmp_path / name)
    png = (tmp_path / "one.png").read_bytes()
    width, height, groups = pixels(png)
    assert (width, height) == (1200, 600)
    assert len(groups) > 1000
    assert png == (tmp_path / "two.png").read_bytes()


def test_svg_says_what_is_shown_in_which_units(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    metric = Catalogue(con).find("MinerOutflowTotalNtv")
    chart = metric_chart(con, [metric], Choice(), averages=[30])
    write_picture(chart, tmp_path / "chart.svg")
    texts = texts_of(tmp_path / "chart.svg")
    for text in (
        "Miner outflow, total (BTC) (entity, all_miner)", "BTC", "day (UTC)", "USD per BTC",
        "MinerOutflowTotalNtv", "MinerOutflowTotalNtv, 30 day average", "price of 1 BTC (right axis)",
    ):  # fmt: skip
        assert text in texts


def test_bollinger_bands_mark_the_days_above(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    metric = Catalogue(con).find("MPI")
    chart = metric_chart(con, [metric], Choice(), with_bands=True)
    assert chart.bands is not None
    values = np.array([np.nan if v is None else v for v in chart.lines[0].values])
    above = []
    assert (chart.days[0], len(values)) == (date(2020, 1, 1) + timedelta(days=728), DAYS - 728)
    for n in range(19, len(values)):
        window = values[n - 19 : n + 1]
        if values[n] > window.mean() + 2 * window.std():
            above.append(n)
    assert chart.bands.above == above
    assert len(above) > 3
    write_picture(chart, tmp_path / "mpi.svg")
    texts = texts_of(tmp_path / "mpi.svg")
    assert "above the upper band" in texts
    assert "standard deviations" in texts
    assert str(chart.days[above[0]]) in spark_text(chart, 80)


def test_pools_are_stacked_to_one(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    chart = pools_chart(con, None, None)
    assert [line.label for line in chart.lines] == ["A", "B", "C"]
    assert (len(chart.days), chart.days[1] - chart.days[0]) == (113, date(2020, 1, 9) - date(2020, 1, 1))
    for shares in zip(*(line.values for line in chart.lines), strict=True):
        assert sum(share or 0 for share in shares) == pytest.approx(1)
    write_picture(chart, tmp_path / "pools.svg")
    texts = texts_of(tmp_path / "pools.svg")
    assert {"A", "B", "C", "100%", "share of blocks", "day (UTC)"} <= set(texts)


def test_pools_beyond_ten_are_others() -> None:
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE pools AS SELECT DATE '2020-01-01' AS day, 'P' || p AS miner, 20 - p AS block_count "
        "FROM range(12) AS t (p) UNION ALL SELECT DATE '2020-01-01', 'Unknown', 50"
    )
    chart = pools_chart(con, None, None)
    labels = [line.label for line in chart.lines]
    assert labels == [*(f"P{n}" for n in range(10)), "others", "Unknown"]
    assert [line.values for line in chart.lines[-2:]] == [[19 / 224], [50 / 224]]


@pytest.mark.parametrize("pool", ["$\\frac{$", "_nobody", "100% $x_1$", "a\x1b[2Jb", "<b>&"])
def test_text_is_text(pool: str, tmp_path: Path) -> None:
    """A pool of that name is drawn like any other, not as mathematics, markup or a line to be hidden."""
    con = duckdb.connect()
    con.execute("CREATE TABLE pools (day DATE, miner VARCHAR, block_count INTEGER)")
    con.execute("INSERT INTO pools VALUES (DATE '2020-01-01', ?, 3), (DATE '2020-01-02', 'B', 1)", [pool])
    chart = pools_chart(con, None, None)
    for name in ("pools.png", "pools.svg"):
        write_picture(chart, tmp_path / name)
    assert escaped(pool) in texts_of(tmp_path / "pools.svg")
    titled = Chart(pool, "BTC", chart.days, [Line(pool, [1.0, 1000.0])], is_log=True)
    write_picture(titled, tmp_path / "titled.svg")
    texts = texts_of(tmp_path / "titled.svg")
    assert texts.count(escaped(pool)) == 2
    assert [text for text in texts if "mathdefault" in text] == []
    assert escaped(pool) in spark_text(chart, 80)


def test_charts_begin_where_something_is_known_and_not_zero() -> None:
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE calendar AS SELECT DATE '2020-01-01' + CAST(n AS INTEGER) AS day FROM range(5) t (n)"
    )
    con.execute("CREATE TABLE prices (date DATE, price_usd DOUBLE)")
    con.execute(
        "CREATE TABLE seen AS SELECT day, [NULL, 0, 0, 7, 0][day - DATE '2019-12-31'] AS n FROM calendar"
    )
    metric = replace(A_METRIC, view="seen", column_name="n", grain="day")
    chart = metric_chart(con, [metric], Choice())
    assert (chart.days[0], chart.lines[0].values) == (date(2020, 1, 4), [7, 0])
    asked = metric_chart(con, [metric], Choice(start=date(2020, 1, 2)))
    assert asked.lines[0].values == [0, 0, 7, 0]


def test_no_final_day_is_told() -> None:
    con = duckdb.connect()
    con.execute("CREATE TABLE calendar (day DATE)")
    con.execute("CREATE TABLE pools (day DATE, miner VARCHAR, block_count INTEGER)")
    con.execute("CREATE TABLE seen (day DATE, n INTEGER)")
    metric = replace(A_METRIC, view="seen", column_name="n", grain="day")
    with pytest.raises(UsageError, match="no day is final yet"):
        pools_chart(con, None, None)
    with pytest.raises(UsageError, match="no day is final yet"):
        metric_chart(con, [metric], Choice())


def test_page_needs_nothing_from_elsewhere(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    metric = Catalogue(con).find("MPI")
    chart = metric_chart(con, [metric], Choice(), averages=[7], with_bands=True)
    write_page(chart, tmp_path / "mpi.html")
    page = (tmp_path / "mpi.html").read_text(encoding="utf-8")
    assert not re.search(r"(src|href)\s*=|@import|url\(|fetch\(|https?://(?!www\.w3\.org/2000/svg)", page)
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    assert data["lines"][0]["values"] == chart.lines[0].values
    assert (data["unit"], len(data["days"]), data["title"]) == (chart.unit, DAYS - 728, chart.title)
    assert "{{" not in page


def test_sparkline_draws_each_value_or_means() -> None:
    assert sparkline([0.0, 1.0, None, 7.0], 10) == "▁▂·█"
    assert sparkline([0.0, 2.0, 6.0, 8.0], 2) == "▁█"
    assert sparkline([3.0, 3.0], 10) == "▁▁"


def test_moving_averages_and_bands_are_none_until_full() -> None:
    assert moving_average([1.0, None, 5.0, 6.0], 2) == [None, 1.0, 5.0, 5.5]
    bands = bollinger(Line("x", [1.0] * 20 + [5.0] + [None]))
    assert bands.average.values[18:] == [None, 1.0, pytest.approx(1.2), None]
    assert bands.above == [20]


def test_log_axes_are_for_growth_above_zero() -> None:
    growing: list[float | None] = [float(2**n) for n in range(40)]
    assert fits_log_axis([Line("x", growing)])
    assert not fits_log_axis([Line("x", [0.0, *growing])])
    assert not fits_log_axis([Line("x", [1.0, 900.0] * 40)])
    assert not fits_log_axis([Line("x", [None])])


def test_metrics_of_other_units_are_not_mixed(con: duckdb.DuckDBPyConnection) -> None:
    catalogue = Catalogue(con)
    metrics = [catalogue.find("RevNtv"), catalogue.find("RevUSD")]
    with pytest.raises(UsageError, match=r"different units \(BTC, USD\)"):
        metric_chart(con, metrics, Choice())
    with pytest.raises(UsageError, match="nothing is known of MPI"):
        metric_chart(con, [catalogue.find("MPI")], Choice(end=date(2020, 5, 1)))
