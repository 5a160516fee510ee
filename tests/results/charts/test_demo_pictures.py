"""The README's pictures: charts of the demo's economy, drawn as its commands draw them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from etl.disk.datadir import DataDirectory
from etl.jobs.pipeline import run_backfill
from etl.progress import Silent
from etl.results.charts.chart import Chart
from etl.results.charts.data import metric_chart, pools_chart
from etl.results.charts.picture import write_picture
from etl.results.metrics import Catalogue, Choice
from etl.results.published import open_published
from tests.results.charts.test_charts import pixels, texts_of
from tests.support.golden import ECONOMY, block_files, job_options

ROOT = Path(__file__).parent.parent.parent.parent
START = date(2018, 12, 30)


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    path = tmp_path_factory.mktemp("economy")
    run_backfill(job_options(ECONOMY, path, block_files(ECONOMY.blocks_dir)), None, Silent())
    with open_published(DataDirectory(path)) as con:
        yield con


def _charts(con: duckdb.DuckDBPyConnection) -> dict[str, Chart]:
    outflow = Catalogue(con).find("FlowMinerOut1HopAllNtv")
    return {
        "outflow": metric_chart(con, [outflow], Choice(start=START), averages=[7]),
        "pools": pools_chart(con, START, None),
    }


def test_pictures_of_the_readme_are_those_that_are_drawn(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """By their size, for letters differ with Matplotlib's release; what they say is in the SVG."""
    named = re.findall(r"!\[[^]]+\]\((\S+\.png)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    charts = _charts(con)
    drawn = [name for name in named if not Path(name).stem.startswith("dashboard")]  # those are a browser's
    assert [Path(name).stem for name in drawn] == list(charts)
    for name, chart in zip(drawn, charts.values(), strict=True):
        write_picture(chart, tmp_path / "chart.png")
        for picture in (ROOT / name, tmp_path / "chart.png"):
            width, height, groups = pixels(picture.read_bytes())
            assert (width, height) == (1200, 600)
            assert len(groups) > 300


def test_axes_are_labelled_with_units(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for name, labels in {
        "outflow": {"BTC", "day (UTC)", "USD per BTC", "FlowMinerOut1HopAllNtv, 7 day average"},
        "pools": {"share of blocks", "day (UTC)", "AntPool", "F2Pool", "Unknown", "100%"},
    }.items():
        write_picture(_charts(con)[name], tmp_path / f"{name}.svg")
        assert labels <= set(texts_of(tmp_path / f"{name}.svg"))
