"""What cron sees: success and silence where nothing is new, and a report of every run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from etl.disk.datadir import DataDirectory
from etl.jobs.pipeline import run_backfill, run_restate, run_update
from etl.jobs.report import RunReport
from etl.options import JobOptions
from etl.progress import Silent
from tests.durability.results import differing, published_results
from tests.support.golden import ECONOMY, block_files, job_options


class Messages(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def message(self, text: str) -> None:
        self.texts.append(text)


@pytest.fixture
def options(tmp_path: Path) -> JobOptions:
    """The economy up to block 300."""
    found = job_options(ECONOMY, tmp_path / "data", block_files(ECONOMY.blocks_dir))
    run_backfill(found, ":300", Silent())
    return found


def _reports(options: JobOptions) -> list[dict[str, object]]:
    paths = sorted(DataDirectory(options.data_dir).logs.glob("*.json"))
    return [json.loads(path.read_text()) for path in paths]


def test_nothing_new_changes_nothing_and_says_so(options: JobOptions) -> None:
    run_update(options, Silent())
    data_dir = DataDirectory(options.data_dir)
    files = [data_dir.published, data_dir.work, *data_dir.lake.rglob("*.*")]
    before = {path: path.stat().st_mtime_ns for path in files if path.is_file()}
    messages = Messages()
    report = run_update(options, messages)
    assert any("nothing new" in text for text in messages.texts)
    assert (report.blocks, report.tracked_blocks, report.warnings) == (0, 0, [])
    after = {path: path.stat().st_mtime_ns for path in before}
    assert after[data_dir.published] == before[data_dir.published]
    assert after == before


def test_the_report_of_a_run_is_complete(options: JobOptions) -> None:
    report = run_update(options, Silent())
    assert [found["command"] for found in _reports(options)] == ["backfill", "update"]
    found = _reports(options)[-1]
    assert found.keys() == RunReport("update").__dict__.keys()
    assert found == json.loads(report.to_json())
    assert (found["first_height"], found["last_height"], found["blocks"]) == (0, 531, 231)
    assert found["network"] == "regtest"
    assert found["days_newly_final"]
    assert isinstance(found["days_changed"], list)
    assert {day["profile"] for day in found["days_changed"]} <= {"coinmetrics"}
    assert isinstance(found["seconds"], dict)
    assert {"source", "extract", "track", "load", "publish"} <= found["seconds"].keys()


def test_restate_reports_the_days_that_changed_and_by_how_much(options: JobOptions, tmp_path: Path) -> None:
    none = tmp_path / "none.csv"
    none.write_text("address,exchange,source\n")
    run_update(options, Silent())
    run_restate(options, Silent())
    report = run_restate(replace(options, exchanges=none), Silent())
    assert report.days_changed
    assert {"day", "profile", "value_sat", "tx_count"} == report.days_changed[0].keys()
    back = run_restate(options, Silent())
    differences = {(day["day"], day["profile"]): day for day in report.days_changed}
    assert len(back.days_changed) == len(differences)
    for day in back.days_changed:
        there = differences[day["day"], day["profile"]]
        for key in ("value_sat", "tx_count"):
            assert int(str(day[key])) == -int(str(there[key]))


def test_new_prices_are_published_without_new_blocks(options: JobOptions, tmp_path: Path) -> None:
    run_update(options, Silent())
    before = published_results(options.data_dir)
    assert options.prices is not None
    prices = tmp_path / "prices.csv"
    lines = options.prices.read_text().splitlines()
    prices.write_text("\n".join([lines[0], *(f"{line.split(',')[0]},1.5" for line in lines[1:])]) + "\n")
    report = run_update(replace(options, prices=prices), Silent())
    assert report.tracked_blocks == 0
    differ = differing(published_results(options.data_dir), before)
    assert "prices" in differ
    assert "daily_flows" not in differ
