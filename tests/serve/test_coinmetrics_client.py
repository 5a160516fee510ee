"""The official client of Coin Metrics, unmodified: the newest here, an old one in the long form."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from pathlib import Path
from typing import Any

import duckdb
import pytest
from polars import DataFrame

from tests.serve import client_checks
from tests.support.served import DAYS

OLD = "coinmetrics-api-client==2025.9.30.16"
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def expected(file: duckdb.DuckDBPyConnection) -> client_checks.Expected:
    """Every daily metric that has a value, from the view of all and, per miner, from the metric's own."""
    rows: list[tuple[Any, ...]] = file.execute(
        "SELECT profile, metric, CAST(day AS VARCHAR), CAST(value AS VARCHAR) FROM metrics "
        "WHERE value IS NOT NULL"
    ).fetchall()
    per_miner = file.execute(
        "SELECT id, view, column_name, grain FROM metric_catalogue "
        "WHERE interval = 'day' AND contains(grain, 'miner') AND contains(grain, 'profile')"
    ).fetchall()
    for metric, view, column, grain in per_miner:
        everyone = "miner = 'all_miner'"
        if "counterparty" in grain:
            other = "all_exchange" if "exchange" in view else "all_miner"
            everyone += f" AND counterparty = '{other}'"
        rows += file.execute(
            f"SELECT profile, '{metric}', CAST(day AS VARCHAR), CAST({column} AS VARCHAR) FROM {view} "
            f"WHERE {everyone} AND {column} IS NOT NULL"
        ).fetchall()
    found: client_checks.Expected = {}
    for profile, metric, day, value in rows:
        found.setdefault(profile, {}).setdefault(metric, {})[day] = value
    assert len(found["entity"]) > 340
    return found


def test_newest_client(address: str, expected: client_checks.Expected) -> None:
    client_checks.check_all(address, expected)


def test_newest_client_with_polars_and_parquet(address: str, tmp_path: Path) -> None:
    client = client_checks.client_of(address)

    def asked() -> Any:
        return client.get_asset_metrics(assets="btc", metrics=client_checks.OUT)

    frame: DataFrame = asked().to_dataframe(dataframe_type="polars")
    assert frame.height == DAYS
    assert float(frame[client_checks.OUT][0]) == 3
    asked().export_to_parquet(str(tmp_path / "rows.parquet"))
    with duckdb.connect() as con:
        stored = con.execute(f"SELECT count(*) FROM '{tmp_path}/rows.parquet'").fetchall()
    assert stored == [(DAYS,)]


@pytest.mark.skipif("MINERFLOW_FULL" not in os.environ, reason="long form: installs an older client")
def test_old_client(address: str, expected: client_checks.Expected, tmp_path: Path) -> None:
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "minerflow-tests" / OLD
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", OLD, "pandas<3"], check=True)
    path = tmp_path / "expected.json"
    path.write_text(json.dumps(expected))
    done = subprocess.run(
        [python, client_checks.__file__, address, path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
