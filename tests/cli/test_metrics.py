"""The commands metrics, drill, plot and export, on the golden economy."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from io import StringIO
from pathlib import Path

import duckdb
import pytest

from tests.cli.run import minerflow, modules_after
from tests.support.golden import ECONOMY

DAY = "2019-02-26"


def test_list_finds_metrics_by_words(economy: Path) -> None:
    lines = minerflow(
        "metrics", "list", "--search", "OUTFLOW top10", "--data-dir", economy
    ).stdout.splitlines()
    rows = [line.split() for line in lines if line.strip() and "─" not in line]
    assert [row[0] for row in rows] == ["id", "MinerOutflowTop10Ntv", "MinerOutflowTop10USD"]
    wide = minerflow("metrics", "list", "--wide", "--search", "OUTFLOW top10", "--data-dir", economy).stdout
    for word in ("name", "description", "unit", "interval", "category", "vendor", "day, hour, block"):
        assert word in wide
    assert "CryptoQuant btc/miner-flows/outflow outflow_top10" in wide


def test_show_says_what_a_metric_is(economy: Path) -> None:
    text = minerflow("metrics", "show", "mineroutflowtop10ntv", "--data-dir", economy).stdout
    fields = dict(line.split(maxsplit=1) for line in text.splitlines() if not line.startswith("a row"))
    assert fields["id"] == "MinerOutflowTop10Ntv" and fields["unit"] == "BTC"
    assert fields["interval"] == "day, hour, block"
    assert fields["vendor"] == "CryptoQuant btc/miner-flows/outflow outflow_top10"


def test_list_as_json_is_the_whole_catalogue(economy: Path) -> None:
    listed = json.loads(minerflow("metrics", "list", "--json", "--data-dir", economy).stdout)
    with duckdb.connect(str(economy / "minerflow.duckdb"), read_only=True) as con:
        rows = con.execute("SELECT id, interval, view FROM metric_catalogue").fetchall()
    assert [(m["id"], m["interval"], m["view"]) for m in listed] == rows
    assert len(rows) > 400


def _get(economy: Path, *args: str) -> list[dict[str, str]]:
    text = minerflow("metrics", "get", *args, "--format", "csv", "--data-dir", economy).stdout
    return list(csv.DictReader(StringIO(text)))


def test_get_gives_the_golden_flows(economy: Path) -> None:
    names = ["FlowMinerOut1HopAllNtv", "FlowMinerIn0HopAllUSD"]
    for profile in ("coinmetrics", "entity"):
        rows = _get(economy, *names, "--profile", profile, "--start", "2019-01-01", "--end", "2019-02-28")
        assert [rows[0]["day"], rows[-1]["day"], len(rows)] == ["2019-01-01", "2019-02-28", 59]
        found = {(row["day"], name): Decimal(row[name]) for row in rows for name in names}
        for row in ECONOMY.expected("metrics"):
            if row["profile"] == profile and row["metric"] in names and row["day"] >= "2019-01-01":
                given = Decimal(row["value"])
                assert abs(found.pop((row["day"], row["metric"])) - given) <= given * Decimal("1e-9")
        assert set(found.values()) <= {0}


def test_get_of_one_miner_is_the_golden_outflow(economy: Path) -> None:
    rows = _get(
        economy, "mineroutflowtotalntv", "MinerOutflowTxCnt", "--miner", "AntPool", "--start", "2019-01-01"
    )
    given = {
        row["day"]: (int(row["total_sat"]), int(row["tx_count"]))
        for row in ECONOMY.expected("outflow")
        if (row["profile"], row["miner"]) == ("entity", "AntPool")
    }
    assert len(given) > 10
    for row in rows:
        total = int(Decimal(row["MinerOutflowTotalNtv"]) * 10**8)
        assert (total, int(row["MinerOutflowTxCnt"])) == given.get(row["day"], (0, 0))


def test_get_writes_all_formats(economy: Path, tmp_path: Path) -> None:
    args = ["metrics", "get", "RevNtv", "--start", DAY, "--end", DAY, "--data-dir", economy]
    assert f"{DAY}   50.0030985" in minerflow(*args).stdout
    assert json.loads(minerflow(*args, "--format", "json").stdout) == [{"day": DAY, "RevNtv": 50.0030985}]
    minerflow(*args, "--format", "parquet", "-o", tmp_path / "rev.parquet")
    rows = duckdb.read_parquet(str(tmp_path / "rev.parquet")).fetchall()
    assert rows[0][1] == Decimal("50.00309850")


def test_get_per_hour_and_block(economy: Path) -> None:
    args = ["MinerOutflowTotalNtv", "--start", DAY, "--end", DAY]
    day = Decimal(_get(economy, *args)[0]["MinerOutflowTotalNtv"])
    for interval, key in (("hour", "hour"), ("block", "height")):
        rows = _get(economy, *args, "--interval", interval)
        assert len(rows) > 1 and key in rows[0]
        assert sum(Decimal(row["MinerOutflowTotalNtv"]) for row in rows) == day
    entities = _get(economy, "MinerEntity", "--start", DAY, "--end", DAY)
    assert [row["MinerEntity"] for row in entities] == [
        row["pool"].replace("Unknown", "") for row in ECONOMY.expected("blocks") if row["day"] == DAY
    ]


def test_the_running_day_comes_with_a_note(economy: Path) -> None:
    args = ["metrics", "get", "BlkCnt", "--start", "2019-02-28", "--data-dir", economy]
    assert "2019-03-01" not in minerflow(*args).output
    result = minerflow(*args, "--provisional")
    assert "2019-03-01" in result.stdout
    assert result.stderr == "2019-03-01 is not final yet: more blocks may change it\n"


def test_get_prints_the_latest_rows(economy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etl.cli.metrics.MOST_TABLE_ROWS", 5)
    result = minerflow("metrics", "get", "RevNtv", "--data-dir", economy)
    days = [line.split()[0] for line in result.stdout.splitlines()[3:] if line.strip()]
    assert days == [f"2019-02-{day}" for day in range(24, 29)]
    assert "these are the latest 5 rows" in result.stderr


def test_tables_begin_where_something_is_known(economy: Path) -> None:
    """The economy's genesis is of 2011, its pools mine from 2019 on; without that, eight years of zeros."""
    args = ["metrics", "get", "FlowMinerOut1HopAllNtv", "--data-dir", economy]
    result = minerflow(*args)
    first = result.stdout.splitlines()[3].split()
    sent = min(
        row["day"]
        for row in ECONOMY.expected("metrics")
        if row["profile"] == "entity" and row["metric"] == args[2] and Decimal(row["value"]) > 0
    )
    assert first[0] == sent and float(first[1]) > 0
    assert f"nothing is known before {sent}" in result.stderr
    since = minerflow(*args, "--start", "2018-12-30")
    assert since.stdout.splitlines()[3].split() == ["2018-12-30", "0"] and since.stderr == ""


def test_output_takes_the_form_from_the_name(economy: Path, tmp_path: Path) -> None:
    args = ["metrics", "get", "RevNtv", "--data-dir", economy]
    for name in ("rev.csv", "rev.json", "rev.parquet"):
        minerflow(*args, "-o", tmp_path / name)
    assert len(json.loads((tmp_path / "rev.json").read_text())) > 2000
    assert len(duckdb.read_csv(str(tmp_path / "rev.csv")).fetchall()) > 2000
    assert len(duckdb.read_parquet(str(tmp_path / "rev.parquet")).fetchall()) > 2000


def test_sql_is_the_query_and_the_view(economy: Path) -> None:
    text = minerflow("metrics", "sql", "MOMR", "--start", DAY, "--end", DAY, "--data-dir", economy).stdout
    query, _, view = text.partition(";\n\n")
    asked = minerflow("query", query, "--format", "csv", "--data-dir", economy).stdout
    got = minerflow(
        "metrics", "get", "MOMR", "--start", DAY, "--end", DAY, "--format", "csv", "--data-dir", economy
    )
    assert asked == got.stdout
    with duckdb.connect(str(economy / "minerflow.duckdb"), read_only=True) as con:
        published = con.execute("SELECT sql FROM duckdb_views() WHERE view_name = 'momr'").fetchall()[0][0]
    assert view.startswith("-- MOMR: ") and view.endswith(f"\n{published}\n")


def test_drill_lists_transactions_that_sum_to_the_number(economy: Path) -> None:
    args = ["MinerOutflowTotalNtv", DAY, "--miner", "AntPool", "--data-dir", economy]
    text = minerflow("drill", *args).stdout
    rows = list(csv.DictReader(StringIO(minerflow("drill", *args, "--format", "csv").stdout)))
    amounts = [Decimal(row["btc"]) for row in rows]
    (given,) = [
        row for row in ECONOMY.expected("outflow")
        if (row["profile"], row["miner"], row["day"]) == ("entity", "AntPool", DAY)
    ]  # fmt: skip
    assert sum(amounts) * 10**8 == int(given["total_sat"])
    assert len(rows) == int(given["tx_count"]) and amounts == sorted(amounts, reverse=True)
    assert text.splitlines()[-1] == (
        f"{len(rows)} transactions, {sum(amounts)} BTC together; "
        f"MinerOutflowTotalNtv of {DAY}: {sum(amounts)} BTC"
    )


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (["metrics", "get", "FlowMinerOut1HopAllNt"], "did you mean FlowMinerOut1HopAllNtv"),
        (["metrics", "get", "RevNtv", "--profile", "nobody"], "give one that it has: coinmetrics, entity"),
        (["metrics", "get", "MPI", "--miner", "nobody"], "all_miner"),
        (["metrics", "get", "RevNtv", "--interval", "hour"], "RevNtv is not known per hour"),
        (["metrics", "get", "RevNtv", "MinerEntity"], "different intervals"),
        (["metrics", "get", "RevNtv", "-o", "x.txt"], "add --format"),
        (["metrics", "get", "RevNtv", "-o", "x.csv", "--format", "table"], "give --format csv"),
        (["drill", "HashRate", DAY], "HashRate is not made of transactions"),
        (["drill", "MPI", "2030-01-01"], "the final days are 2011-02-02 to 2019-02-28"),
        (["drill", "MinerEntity", DAY], "MinerEntity is no number of a day"),
        (["plot", "RevNtv", "-o", "x.gif"], "end its name with .png or .svg or .html"),
        (["plot", "RevNtv", "TxCnt"], "different units"),
    ],
)
def test_requests_that_make_no_sense_are_refused(args: list[str], what: str, economy: Path) -> None:
    result = minerflow(*args, "--data-dir", economy, exit_code=2)
    assert what in result.stderr and result.stderr.startswith("error: ")


def test_plot_draws_files_and_sparklines(economy: Path, tmp_path: Path) -> None:
    args = ["--start", "2019-01-01", "--data-dir", economy]
    for name in ("flows.png", "flows.svg", "flows.html"):
        minerflow("plot", "FlowMinerOut1HopAllNtv", "--average", 7, *args, "-o", tmp_path / name)
        assert (tmp_path / name).stat().st_size > 5_000
    text = minerflow("plot", "FlowMinerOut1HopAllNtv", *args).stdout
    assert "2019-01-01 to 2019-02-28" in text and "█" in text
    assert "AntPool" in minerflow("plot", "pools", *args).stdout


def test_export_writes_files(economy: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    args = ["export", out, "--since", "2019-01-01", "--data-dir", economy]
    assert " files written (" in minerflow(*args).stdout
    assert "0 files written (0 rows), " in minerflow(*args).stdout
    assert (out / "metrics" / "profile=entity" / "year=2019" / "part.parquet").is_file()
    assert not (out / "metrics" / "profile=entity" / "year=2018").exists()
    assert (out / "DICTIONARY.md").is_file()


def test_nothing_heavy_is_loaded_without_need(economy: Path) -> None:
    assert modules_after("metrics", "list", "--data-dir", economy) == {"duckdb", "rich"}
    assert modules_after("metrics", "get", "RevNtv", "--data-dir", economy) == {"duckdb", "rich"}
    assert modules_after("plot", "RevNtv", "--data-dir", economy) == {"duckdb"}
    for name in ("metrics", "drill", "plot", "prices", "export"):
        assert modules_after(name, "--help") == set()
