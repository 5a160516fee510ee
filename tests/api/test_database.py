"""`minerflow.open` and `minerflow.read` on results known by hand (tests.support.charted)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import minerflow
import pyarrow as pa
import pytest
from minerflow import errors

from tests.support.charted import publish_charted

FIRST, LAST = date(2020, 1, 1), date(2020, 2, 9)
DAYS = 40
SUPPLY = "SplyMiner0HopAllNtv"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_charted(tmp_path_factory.mktemp("charted"), DAYS).path


@pytest.fixture
def db(data_dir: Path) -> Iterator[minerflow.Database]:
    with minerflow.open(data_dir) as opened:
        yield opened


def test_a_metric_is_a_row_a_day(db: minerflow.Database) -> None:
    table = db.metric(SUPPLY, "BlkCnt")
    assert table.columns == ["day", SUPPLY, "BlkCnt"]
    assert [table.arrow.schema.field(0).type, table.arrow.schema.field(1).type] == [
        pa.date32(),
        pa.decimal128(28, 8),
    ]
    assert table.to_pylist() == [
        {"day": FIRST + timedelta(days=n), SUPPLY: Decimal(n), "BlkCnt": int(n > 0)} for n in range(DAYS)
    ]
    assert len(table) == DAYS and repr(table) == f"<Table of 40 rows: day, {SUPPLY}, BlkCnt>"


def test_days_are_both_included_and_written_either_way(db: minerflow.Database) -> None:
    by_text = db.metric(SUPPLY, start="2020-01-05", end="2020-01-07")
    by_date = db.metric(SUPPLY, start=date(2020, 1, 5), end=date(2020, 1, 7))
    assert by_text[SUPPLY].to_pylist() == by_date[SUPPLY].to_pylist() == [4, 5, 6]


def test_a_profile_or_miner_is_chosen(db: minerflow.Database) -> None:
    everyone = db.metric("MinerOutflowTotalNtv")["MinerOutflowTotalNtv"].to_pylist()
    one = db.metric("MinerOutflowTotalNtv", miner="A")["MinerOutflowTotalNtv"].to_pylist()
    assert everyone == one and min(one) > 0
    with pytest.raises(errors.UsageError, match="has no miner 'nobody'"):
        db.metric("MinerOutflowTotalNtv", miner="nobody")
    with pytest.raises(errors.UsageError, match="has no profile 'coinmetrics'"):
        db.metric(SUPPLY, profile="coinmetrics")


def test_drill_sums_to_the_metric(db: minerflow.Database) -> None:
    day = "2020-01-09"
    rows = db.drill("MinerOutflowTotalNtv", day).to_pylist()
    total = db.metric("MinerOutflowTotalNtv", start=day, end=day).to_pylist()
    assert [row["height"] for row in rows] == [8]
    assert sum(row["btc"] for row in rows) == total[0]["MinerOutflowTotalNtv"]


def test_sql_gives_exact_numbers(db: minerflow.Database) -> None:
    sql = "SELECT sum(hop0_sat) AS sat, CAST('0.1' AS DECIMAL(38, 18)) AS tenth FROM supply"
    table = db.sql(sql)
    assert table.to_pylist() == [{"sat": DAYS * (DAYS + 1) // 2 * 10**8, "tenth": Decimal("0.1")}]
    assert table.floats().to_pylist()[0]["tenth"] == 0.1


@pytest.mark.parametrize("sql", ["SELECT nope FROM days", "SELEC", "DELETE FROM days", "SELECT 1; SELECT 2"])
def test_faulty_sql_is_terminal(db: minerflow.Database, sql: str) -> None:
    with pytest.raises(minerflow.TerminalError) as caught:
        db.sql(sql)
    assert not isinstance(caught.value, errors.ResultsDamaged)


def test_the_catalogue_finds_metrics(db: minerflow.Database) -> None:
    found = db.catalogue("top10 outflow").to_pylist()
    assert {row["id"] for row in found} == {"MinerOutflowTop10Ntv", "MinerOutflowTop10USD"}
    assert {row["interval"] for row in found} == {"day", "hour", "block"}
    assert len(db.catalogue()) > 300 and len(db.catalogue("no such words")) == 0


def test_data_frames_hold_the_same(db: minerflow.Database) -> None:
    table = db.metric(SUPPLY, start="2020-01-05", end="2020-01-07")
    frame = table.to_pandas()
    assert list(frame.columns) == ["day", SUPPLY] and list(frame[SUPPLY]) == [4, 5, 6]
    assert table.floats().to_pandas()[SUPPLY].mean() == 5.0
    assert table.to_polars()[SUPPLY].to_list() == [Decimal(4), Decimal(5), Decimal(6)]
    assert pa.table(table).equals(table.arrow)


def test_the_running_day_comes_when_asked_for(data_dir: Path, db: minerflow.Database) -> None:
    with minerflow.open(data_dir, provisional=True) as provisional:
        days = provisional.metric("BlkCnt")["day"].to_pylist()
        assert days[-1] == LAST + timedelta(days=1)
        assert db.metric("BlkCnt")["day"].to_pylist()[-1] == LAST


def test_read_is_a_metric_at_once(data_dir: Path) -> None:
    table = minerflow.read(SUPPLY, start="2020-01-05", end="2020-01-06", data_dir=data_dir)
    assert table[SUPPLY].to_pylist() == [4, 5]


def test_the_data_directory_in_force_is_read(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINERFLOW_DATA_DIR", str(data_dir))
    assert len(minerflow.read("BlkCnt")) == DAYS


@pytest.mark.parametrize("day", ["2020-1-5", "yesterday", 5])
def test_what_is_no_day_is_told(db: minerflow.Database, day: str) -> None:
    with pytest.raises(errors.UsageError, match="is no day"):
        db.metric(SUPPLY, start=day)


def test_no_metric_or_an_unknown_one_is_told(db: minerflow.Database) -> None:
    with pytest.raises(errors.UsageError, match="no metric is named"):
        db.metric()
    with pytest.raises(errors.UsageError, match="did you mean BlkCnt"):
        db.metric("BlkCn")


def test_a_database_keeps_what_it_opened_and_the_next_sees_the_new(tmp_path: Path) -> None:
    """DuckDB by itself gives a process the file it has open, whatever lies at the path by now."""
    before, after = publish_charted(tmp_path / "a", 10), publish_charted(tmp_path / "b", 20)
    with minerflow.open(before.path) as old:
        assert len(old.metric("BlkCnt")) == 10
        after.published.replace(before.published)
        with minerflow.open(before.path) as new:
            assert (len(old.metric("BlkCnt")), len(new.metric("BlkCnt"))) == (10, 20)


def test_nothing_published_is_told(tmp_path: Path) -> None:
    with pytest.raises(minerflow.TerminalError, match="holds no published results"):
        minerflow.open(tmp_path)
