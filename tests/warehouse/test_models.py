"""A metric is one file: what its header and statements say is all that is needed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from etl.disk.datadir import DataDirectory
from etl.resources import sql_dir
from etl.warehouse import models
from etl.warehouse.catalogue import build_catalogue
from etl.warehouse.dictionary import meanings
from tests.cli.run import minerflow
from tests.sql.model import check, warehouse
from tests.support.small_warehouse import built, day, empty_warehouse, insert_blocks, insert_supply

METRIC = """-- metric: BlkCntSquared
-- name: Blocks, count, squared
-- definition: BlkCnt times itself.
-- unit: blocks
-- grain: profile, day
-- category: network
-- vendor: none
-- source: blk_cnt
-- since: 0.2
CREATE OR REPLACE VIEW blk_cnt_squared AS
SELECT profile, day, 'BlkCntSquared' AS metric, value * value AS value
FROM blk_cnt;
"""

CASE = """
given:
  blocks: [{day: 1}, {day: 1}, {day: 1}, {day: 1}, {day: 3}, {day: 4}]
expect: {metric: BlkCntSquared, values: {1: 9, 2: 0, 3: 1}, whole: true}
"""


@pytest.fixture
def with_new_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more file beside the shipped ones."""
    folder = tmp_path / "sql"
    shutil.copytree(sql_dir(), folder)
    (folder / "metrics" / "network" / "blk_cnt_squared.sql").write_text(METRIC)
    monkeypatch.setattr(models, "sql_dir", lambda: folder)


@pytest.mark.usefixtures("with_new_metric")
def test_a_new_metric_is_one_file_and_one_case() -> None:
    """Genesis is not counted, so that the first of the four blocks is none of day 1's."""
    case = yaml.safe_load(CASE)
    con = warehouse(case["given"])
    (metric,) = check(con, case["expect"])
    assert (metric.view, metric.interval, metric.column_name) == ("blk_cnt_squared", "day", "value")
    rows = con.execute(
        "SELECT day, value FROM metrics WHERE metric = 'BlkCntSquared' ORDER BY day"
    ).fetchall()
    assert rows == [(day(1), 9), (day(2), 0), (day(3), 1)]
    assert meanings()["blk_cnt_squared"].text == "BlkCnt times itself."


@pytest.mark.usefixtures("with_new_metric")
def test_a_new_metric_is_asked_for_by_its_id(tmp_path: Path) -> None:
    data_dir = DataDirectory(tmp_path / "data")
    data_dir.create()
    with empty_warehouse(str(data_dir.published)) as con:
        insert_blocks(con, [day(1), day(1), day(1), day(2)])
        insert_supply(con, [(0, 0)] * 4)
        build_catalogue(built(con))
    asked = ["metrics", "get", "BlkCntSquared", "--data-dir", data_dir.path, "--format", "csv"]
    assert minerflow(*asked).stdout.splitlines() == ["day,BlkCntSquared", f"{day(1)},4"]


def test_shorter_intervals_are_made_from_the_file_of_the_day() -> None:
    views = models.metric_views()
    hours, blocks = views["miner_netflow_hours"], views["miner_netflow_blocks"]
    assert (hours.daily, hours.values["grain"]) == ("miner_netflow", ["profile, hour, miner"])
    assert (blocks.daily, blocks.values["grain"]) == ("miner_netflow", ["profile, height, miner"])
    assert "FROM miner_flow_hours" in hours.sql and "GROUP BY profile, day, hour, miner" in hours.sql
    assert blocks.sql == hours.sql.replace("hours", "blocks").replace("hour", "height")
    assert "{" not in "".join(view.sql.partition("CREATE")[2] for view in views.values())


def test_metrics_unites_exactly_the_views_of_metrics_in_rows() -> None:
    with built(empty_warehouse()) as con:
        columns = con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        long = {
            name
            for (name,) in columns
            if [row[0] for row in con.execute(f"DESCRIBE {name}").fetchall()]
            == ["profile", "day", "metric", "value"]
        } - {"metrics"}
    text = models.views()["metrics"].sql
    assert len(long) > 30 and text.count("\nSELECT ") == len(long)
    assert all(f"FROM {name}\n" in text or f"FROM {name};" in text for name in long)
