"""The command prices, on a data directory without results and on one with them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from etl.prices.price_file import read_price_rows
from tests.cli.run import ROOT, minerflow
from tests.prices.providers.real_forms import FORMS, TODAY, price
from tests.prices.providers.server import serving

KEPT = Path("state") / "inputs" / "prices.csv"


@pytest.fixture
def own_economy(economy: Path, tmp_path: Path) -> Path:
    """A copy of the economy's data directory that a test may change."""
    return Path(shutil.copytree(economy, tmp_path / "data"))


def _published_prices(data_dir: Path) -> dict[date, float]:
    with duckdb.connect(str(data_dir / "minerflow.duckdb"), read_only=True) as con:
        return dict(con.execute("SELECT date, price_usd FROM prices").fetchall())


def _file(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["date,price_usd", *lines, ""]), encoding="utf-8")
    return path


def test_import_adds_and_publishes(own_economy: Path, tmp_path: Path) -> None:
    before = _published_prices(own_economy)
    last = max(before)
    days = [last + timedelta(days=n) for n in (1, 2, 2)]
    file = _file(tmp_path / "new.csv", *(f"{day},{30_000 + day.day}.5" for day in days))
    text = minerflow("prices", "import", file, "--data-dir", own_economy).stdout.splitlines()
    assert text[0] == f"given more than once: {days[1]}"
    assert text[1].startswith(f"jumps: {days[0]}: {before[last]:g}")
    assert text[-1].startswith("new prices: 2; ")
    after = _published_prices(own_economy)
    assert after == before | {day: 30_000.5 + day.day for day in days}
    assert read_price_rows(own_economy / KEPT)[-1].source == "new.csv"
    # The next job goes on with these prices, and has nothing to do.
    assert "new prices: 0" in minerflow("prices", "import", file, "--data-dir", own_economy).stdout


def test_prices_are_not_overwritten_unasked(own_economy: Path, tmp_path: Path) -> None:
    before = _published_prices(own_economy)
    day = date(2019, 1, 15)
    file = _file(tmp_path / "other.csv", f"{day},1.5")
    result = minerflow("prices", "import", file, "--data-dir", own_economy, exit_code=1)
    assert f"{day}: {before[day]:.2f} held, 1.5 given" in result.stderr
    assert _published_prices(own_economy) == before
    minerflow("prices", "import", file, "--replace", "--data-dir", own_economy)
    assert _published_prices(own_economy) == before | {day: 1.5}
    usd = ["metrics", "get", "RevUSD", "RevNtv", "--start", day, "--end", day, "--format", "csv"]
    _, rev_usd, rev = minerflow(*usd, "--data-dir", own_economy).stdout.splitlines()[1].split(",")
    assert Decimal(rev_usd) == Decimal("1.5") * Decimal(rev)


def test_gaps_and_bad_lines_change_nothing(own_economy: Path, tmp_path: Path) -> None:
    before = (own_economy / KEPT).read_bytes()
    last = max(_published_prices(own_economy))
    gap = _file(tmp_path / "gap.csv", f"{last + timedelta(days=3)},5000")
    result = minerflow("prices", "import", gap, "--data-dir", own_economy, exit_code=1)
    assert f"gaps: {last + timedelta(days=1)} to {last + timedelta(days=2)}" in result.stderr
    bad = _file(tmp_path / "bad.csv", "2019-01-01,much")
    assert "line 2" in minerflow("prices", "import", bad, "--data-dir", own_economy, exit_code=1).stderr
    assert (own_economy / KEPT).read_bytes() == before


KILLED_AT = {
    "the database has them": "etl.warehouse.database.publish",
    "the file has them": "etl.warehouse.loading.load_prices",
}


@pytest.mark.parametrize("when", KILLED_AT)
def test_the_same_import_makes_good_what_a_killed_one_left(
    when: str, own_economy: Path, tmp_path: Path
) -> None:
    before = _published_prices(own_economy)
    new = max(before) + timedelta(days=1)
    command = ["prices", "import", _file(tmp_path / "new.csv", f"{new},5000"), "--data-dir", own_economy]
    module, _, function = KILLED_AT[when].rpartition(".")
    code = (
        f"import os, signal, sys, {module} as killed\n"
        f"killed.{function} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from etl.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *map(str, command)], env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert run.returncode == -signal.SIGKILL
    assert _published_prices(own_economy) == before
    minerflow(*command)
    assert _published_prices(own_economy) == before | {new: 5000.0}
    published = (own_economy / "minerflow.duckdb").stat().st_ino
    minerflow(*command)
    assert (own_economy / "minerflow.duckdb").stat().st_ino == published, "nothing is left to publish"


def test_a_file_without_rows_adds_nothing(own_economy: Path, tmp_path: Path) -> None:
    before = _published_prices(own_economy)
    for text in ("", "date,price_usd\n"):
        (tmp_path / "none.csv").write_text(text)
        result = minerflow("prices", "import", tmp_path / "none.csv", "--data-dir", own_economy)
        assert "new prices: 0" in result.stdout
    assert _published_prices(own_economy) == before


def test_update_without_any_price_wants_a_start(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    (data_dir / "state" / "inputs").mkdir(parents=True)
    _file(data_dir / KEPT)
    result = minerflow("prices", "update", "--provider", "kraken", "--data-dir", data_dir, exit_code=2)
    assert "no price is held" in result.stderr and "--start" in result.stderr


def test_import_before_the_first_backfill_is_kept(tmp_path: Path) -> None:
    file = _file(tmp_path / "new.csv", "2026-02-13,65000", "2026-02-14,66000")
    minerflow("prices", "import", file, "--data-dir", tmp_path / "data")
    rows = read_price_rows(tmp_path / "data" / KEPT)
    assert [str(row.day) for row in rows[-3:]] == ["2026-02-12", "2026-02-13", "2026-02-14"]


@pytest.mark.parametrize("name", FORMS)
def test_update_asks_for_the_days_since_the_last(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = tmp_path / "data"
    (data_dir / "state" / "inputs").mkdir(parents=True)
    held = TODAY - timedelta(days=30)
    _file(data_dir / KEPT, f"{held},{price(held)}")

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> Clock:
            return cls(TODAY.year, TODAY.month, TODAY.day, 5, tzinfo=UTC)

    monkeypatch.setattr("datetime.datetime", Clock)
    with serving(FORMS[name]) as server:
        args = ["prices", "update", "--provider", name, "--base-url", server.url, "--data-dir", data_dir]
        assert "new prices: 29; held now: 30" in minerflow(*args).stdout
        monkeypatch.setattr("etl.prices.providers.fetch_prices", None)
        assert (
            f"nothing to ask for: prices are held up to {TODAY - timedelta(days=1)}"
            in minerflow(*args).stdout
        )
    rows = read_price_rows(data_dir / KEPT)
    assert [row.day for row in rows] == [held + timedelta(days=n) for n in range(30)]
    assert {row.source for row in rows[1:]} == {name}


def test_a_provider_out_of_reach_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINERFLOW_TIMEOUT_S", "0")
    with serving(lambda *_: (503, b"")) as server:
        url = server.url
    args = ["prices", "update", "--provider", "kraken", "--base-url", url, "--data-dir", tmp_path / "data"]
    assert "cannot be reached" in minerflow(*args, exit_code=3).stderr
