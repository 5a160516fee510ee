from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from etl.cli import demo
from etl.cli.demo import METRICS
from tests.cli.run import minerflow
from tests.support.golden import ECONOMY, MAINNET_EARLY, GoldenChain


def _latest(chain: GoldenChain) -> list[list[str]]:
    """Metric by metric, the last three days' values of the profile entity."""
    rows = [row for row in chain.expected("metrics") if row["profile"] == "entity"]
    days = sorted({row["day"] for row in rows})[-3:]
    values = {(row["day"], row["metric"]): f"{float(row['value']):,.8f}" for row in rows}
    zero = "0.00000000"
    return [[metric, *(values.get((day, metric), zero) for day in days)] for metric in METRICS]


def test_demo_shows_the_golden_results_and_can_be_repeated(nobodys_home: Path) -> None:
    result = minerflow("demo")
    lines = [line.split() for line in result.stdout.splitlines()]
    for chain, (blocks, transactions, days) in {
        MAINNET_EARLY: ("4,522", "4,583", "40"),
        ECONOMY: ("532", "2,509", "60"),
    }.items():
        assert ["blocks", blocks] in lines
        assert ["transactions", transactions] in lines
        assert ["days", days] in lines
        named = {row["address"] for row in chain.expected("addresses")}
        assert ["addresses", f"{len(named):,}"] in lines
        for row in _latest(chain):
            assert row in lines
    assert "minerflow query" in result.stdout.partition("Try next")[2]
    assert sorted(path.name for path in nobodys_home.iterdir()) == ["minerflow-demo"]
    published = Path("minerflow-demo/economy/minerflow.duckdb")
    assert published.exists()
    assert minerflow("demo").stdout == result.stdout


def test_demo_goes_where_it_is_told_whatever_the_settings(tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text(
        "data_dir = '/none'\nsource = 'rpc'\nrpc_url = 'http://u:p@h'\nconfirmations = 100\n"
        "exchanges = '/none'\nprices = '/none'\npools = '/none'\n"
    )
    base = tmp_path / "shown"
    text = minerflow("demo", "--config", config, "--data-dir", base).stdout
    assert "blocks            4,522" in text
    assert sorted(path.name for path in base.iterdir()) == ["economy", "mainnet"]


def test_demo_ends_on_the_dashboard(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is another's here: it answers that it is ready the second time."""
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    answers = [503, 200]

    class Ready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/ready"
            self.send_response(answers.pop(0))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    def run_server(data_dir: Path, host: str, port: int) -> None:
        assert (data_dir, host) == (Path("somewhere"), "127.0.0.1")
        with ThreadingHTTPServer((host, port), Ready) as server:
            server.timeout = 0.1
            while answers:
                server.handle_request()
        time.sleep(0.2)

    monkeypatch.setattr("etl.cli.serve.run_server", run_server)
    demo._open(Path("somewhere"))
    assert [address.partition("?")[2] for address in shown] == ["from=2019-01-10"]
