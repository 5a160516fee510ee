from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from etl.jobs.report import RunReport
from etl.options import JobOptions
from tests.cli.run import minerflow
from tests.support.golden import ECONOMY

Calls = list[tuple[JobOptions, str | None]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What backfill passes to the pipeline, which does nothing."""
    made: Calls = []

    def run_backfill(options: JobOptions, wanted: str | None, _progress: object) -> RunReport:
        made.append((options, wanted))
        report = RunReport("backfill", network="mainnet", first_height=0, last_height=1234)
        report.warnings.append("mind the gap")
        return report

    monkeypatch.setattr("etl.jobs.pipeline.run_backfill", run_backfill)
    return made


@pytest.mark.parametrize(
    "wanted", ["0:4521", ":500k", "1000:", "1000:+500", "+1000", "-1000:", "-1.5K:", "-10:+5", "7"]
)
def test_range_arrives_as_written(wanted: str, calls: Calls) -> None:
    minerflow("backfill", wanted, "--source", "rpc")
    minerflow("backfill", "--source", "rpc", wanted)
    assert [made for _, made in calls] == [wanted, wanted]


@pytest.mark.parametrize("wrong", ["-1000", "--rage", "-x"])
def test_options_that_do_not_exist_are_no_ranges(wrong: str, calls: Calls) -> None:
    assert "No such option" in minerflow("backfill", wrong, exit_code=2).stderr
    assert calls == []


def test_every_option_arrives(calls: Calls) -> None:
    given: dict[str, Any] = {
        "--source": "auto", "--blocks-dir": "/b", "--rpc-url": "http://u:p@h:1",
        "--bitcoin-datadir": "/d", "--pools": "/po", "--exchanges": "/e", "--prices": "/pr",
        "--confirmations": 0, "--workers": 3, "--timeout": 2.5, "--data-dir": "/dd",
    }  # fmt: skip
    minerflow("backfill", *(part for option in given.items() for part in option))
    options, wanted = calls[0]
    assert wanted is None
    assert options == JobOptions(
        data_dir=Path("/dd"),
        source=options.source,
        confirmations=0,
        workers=3,
        memory_limit="1GB",
        pools=Path("/po"),
        exchanges=Path("/e"),
        prices=Path("/pr"),
    )
    source = options.source
    assert (source.kind, source.blocks_dir, source.bitcoin_datadir, source.timeout_s) == (
        "auto", Path("/b"), Path("/d"), 2.5,
    )  # fmt: skip
    assert source.rpc_url == "http://u:p@h:1"


def test_settings_come_from_file_and_environment_too(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.toml").write_text("workers = 5\ntimeout_s = 7\n")
    monkeypatch.setenv("MINERFLOW_TIMEOUT_S", "9")
    minerflow("backfill", "--config", "mine.toml", "--source", "rpc")
    assert (calls[0][0].workers, calls[0][0].source.timeout_s) == (5, 9.0)


def test_summary_and_warnings_are_printed(calls: Calls) -> None:
    text = minerflow("backfill").stdout
    assert "mainnet: blocks 0 to 1,234 are indexed" in text
    assert "warning: mind the gap" in text


@pytest.mark.parametrize("value", [("--confirmations", -1), ("--timeout", -1), ("--source", "disk")])
def test_impossible_values_are_usage_errors(value: tuple[str, object], calls: Calls) -> None:
    minerflow("backfill", *value, exit_code=2)
    assert calls == []


def test_dry_run_prints_the_plan_and_makes_nothing(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    args = ["--blocks-dir", ECONOMY.blocks_dir, "--data-dir", data_dir, "--dry-run"]
    text = minerflow("backfill", "-100:", *args).stdout
    assert "432 to 531" in text
    assert "100 blocks" in text
    assert not data_dir.exists()


def test_what_was_indexed_is_said(economy: Path) -> None:
    args = ["--blocks-dir", ECONOMY.blocks_dir, "--data-dir", economy, "--dry-run"]
    assert "to be read      0 blocks" in minerflow("backfill", *args).stdout


def test_a_directory_without_blocks_is_told(tmp_path: Path) -> None:
    args = ["--source", "blockfiles", "--data-dir", tmp_path / "data"]
    result = minerflow("backfill", *args, "--blocks-dir", tmp_path, exit_code=1)
    assert "holds no blk*.dat files" in result.stderr
    assert not (tmp_path / "data" / "minerflow.duckdb").exists()
