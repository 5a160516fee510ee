"""The dashboard's files and what it asks for, over HTTP."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import httpx
import pytest

from etl.serve.dashboard.static_files import STATIC
from tests.support.served import DAYS
from tests.support.small_warehouse import day

UPLOT = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
"""SHA-256 of the files of uPlot 1.6.32 in its package on npm, which are carried as they are."""


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{address}") as client:
        yield client


def told(client: httpx.Client, path: str, **asked: Any) -> Any:
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(client: httpx.Client, path: str, **asked: Any) -> str:
    answer = client.get(path, params=asked)
    assert answer.status_code == 400, answer.text
    message: str = answer.json()["error"]["message"]
    return message


def test_the_chart_library_is_the_published_one() -> None:
    found = {name: hashlib.sha256((STATIC / name).read_bytes()).hexdigest() for name in UPLOT}
    assert found == UPLOT
    assert b"(v1.6.32)" in (STATIC / "uPlot.iife.min.js").read_bytes()[:100]
    assert "MIT License" in (STATIC / "uPlot.LICENSE.txt").read_text()


def test_pages_hold_no_script_or_style_of_their_own(client: httpx.Client) -> None:
    for path, ancestors in (("/", "'none'"), ("/embed", "*")):
        page = client.get(path)
        assert page.status_code == 200
        policy = page.headers["content-security-policy"]
        assert f"frame-ancestors {ancestors}" in policy
        assert "script-src 'self'; style-src 'self';" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<style|style=|<script(?![^>]* src=)|\son\w+=", page.text)
        sources = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
        assert sources
        for source in sources:
            assert source.startswith("/static/")
            assert client.get(source).status_code == 200


@pytest.mark.parametrize("name", ["", "nothing.js", "../static_files.py", "%2e%2e%2fstatic_files.py", "a/b"])
def test_nothing_else_is_sent(client: httpx.Client, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_files_are_sent_once(client: httpx.Client) -> None:
    first = client.get("/static/app.js")
    again = client.get("/static/app.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_catalogue(client: httpx.Client, file: duckdb.DuckDBPyConnection) -> None:
    listed = told(client, "/catalogue")
    expected = file.execute(
        "SELECT DISTINCT id FROM metric_catalogue WHERE interval = 'day' AND unit <> 'name' ORDER BY id"
    ).fetchall()
    assert [each["id"] for each in listed["metrics"]] == [row[0] for row in expected]
    assert listed["miners"]["entity"] == {"a": "A", "all_miner": "all_miner", "b": "B"}
    assert (listed["first_day"], listed["last_day"]) == (str(day(1)), str(day(DAYS)))
    assert "CREATE VIEW momr" in told(client, "/definition", metric="MOMR")["sql"]
    assert "Did you mean 'MOMR'?" in refused(client, "/definition", metric="MOMRR")


def test_series_of_a_metric_is_what_the_file_has(
    client: httpx.Client, file: duckdb.DuckDBPyConnection
) -> None:
    for name, miner in (("MinerOutflowTotalNtv", "A"), ("MinerReserveNtv", "all_miner")):
        view = "miner_outflow" if miner == "A" else "miner_reserve"
        expected = file.execute(
            f"SELECT CAST(day AS VARCHAR), total_btc FROM {view} "
            "WHERE profile = 'entity' AND miner = ? ORDER BY day",
            [miner],
        ).fetchall()
        answer = client.get("/series", params={"expression": name, "miner": miner, "format": "csv"})
        heading, *rows = answer.text.splitlines()
        assert heading == f"day,{name}"
        assert [(on, Decimal(value)) for on, value in (row.split(",") for row in rows)] == expected
        assert len(rows) == DAYS


def test_series_of_a_pair(client: httpx.Client) -> None:
    asked = {"expression": "MinerToExchangeTotalNtv", "miner": "A", "start": str(day(5)), "end": str(day(6))}
    found = told(client, "/series", counterparty="Binance", **asked)
    # 2 BTC to B's address at Binance, and 1.23456789 BTC
    assert (found["first_day"], found["values"], found["unit"]) == (str(day(5)), [3.23456789] * 2, "BTC")


def test_series_of_a_formula(client: httpx.Client) -> None:
    """On day n pool A pays n BTC away; 1 BTC is worth 10,000.25 + n - 1 dollars at the end of day n."""
    asked = {"start": str(day(2)), "end": str(day(3)), "profile": "coinmetrics"}
    found = told(client, "/series", expression="FlowMinerOut0HopAllNtv * PriceUSD / 2", **asked)
    # the metric counts A's 2 BTC to an address in hop 1 too
    assert found["values"] == [4 * 10_001.25 / 2, 5 * 10_002.25 / 2]
    averaged = told(client, "/series", expression="ma(FlowMinerOut0HopAllNtv, 3)")
    assert averaged["values"][:4] == [None, None, 4, 5]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"expression": "MPI +"}, "At character 6: the formula ends"),
        ({"expression": "ma(MPI, 30) / BlkCnnt"}, "At character 15: there is no metric 'BlkCnnt'. Did"),
        ({"expression": "__import__('os')"}, "At character 1"),
        ({"expression": "MPI", "miner": "Nobody"}, "/catalogue lists the names"),
        ({"expression": "MPI", "profile": "entitty"}, "Did you mean 'entity'?"),
        ({"expression": "MPI", "start": "2020-02-30"}, "There is no such time"),
        ({"expression": "MinerEntity"}, "there is no metric 'MinerEntity'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_series_is_said(client: httpx.Client, asked: dict[str, str], said: str) -> None:
    assert said in refused(client, "/series", **asked)


def test_stacks(client: httpx.Client) -> None:
    pools = told(client, "/stack", of="pools")
    # A finds blocks 0 and 3 of four, B the second, nobody knows whose the third is; genesis is not counted
    assert {name: part[1:5] for name, part in zip(pools["names"], pools["values"], strict=True)} == {
        "A": [0, 0, 1, 1], "B": [1, 0, 0, 0], "Unknown": [0, 1, 0, 0],
    }  # fmt: skip
    average = told(client, "/stack", of="pools", average=4)
    assert {
        part[50] for name, part in zip(average["names"], average["values"], strict=True) if name != "A"
    } == {0.25}
    exchanges = told(client, "/stack", of="exchanges")
    assert exchanges["names"] == ["Binance"]
    assert exchanges["values"][0][7] == 3.2345679  # to 8 digits: it is drawn


@pytest.mark.parametrize(
    ("metric", "miner"),
    [
        ("MinerOutflowTotalNtv", "all_miner"),
        ("MinerNetflowNtv", "B"),
        ("FlowMinerOut1HopAllNtv", "all_miner"),
        ("FlowMinerNet1HopAllUSD", "all_miner"),
        ("MinerOutflowTotalUSD", "A"),
    ],
)
def test_transactions_add_up_to_the_day(
    client: httpx.Client, file: duckdb.DuckDBPyConnection, metric: str, miner: str
) -> None:
    on = str(day(9))
    found = told(client, "/transactions", metric=metric, day=on, miner=miner)
    amounts = [Decimal(each["amount"]) for each in found["transactions"]]
    asked = {"expression": metric, "miner": miner, "start": on, "end": on, "format": "csv"}
    value = client.get("/series", params=asked).text.split(",")[-1]
    assert sum(amounts) == Decimal(value) == Decimal(found["value"])
    assert found["adds_up"]
    assert [abs(each) for each in amounts] == sorted(map(abs, amounts), reverse=True)
    part = told(client, "/transactions", metric=metric, day=on, miner=miner, limit=1)
    assert Decimal(part["transactions"][0]["amount"]) + Decimal(part["others"]) == Decimal(value)


def test_transactions_say_whose_they_are(client: httpx.Client) -> None:
    found = told(client, "/transactions", metric="MinerOutflowTotalNtv", day=str(day(9)), miner="A")
    moved = {f"{each['from']} > {each['to']}" for each in found["transactions"][0]["groups"]}
    assert "A (paid by a miner, hop 1) > Binance (labelled exchange)" in moved
    assert "newly mined > A (paid by a coinbase, hop 0)" in moved


def test_days_and_metrics_without_transactions(client: httpx.Client) -> None:
    assert "The final days are" in refused(client, "/transactions", metric="MPI", day="2031-01-01")
    assert "not made of transactions" in refused(client, "/transactions", metric="BlkCnt", day=str(day(9)))
    mean = told(client, "/transactions", metric="MinerOutflowMeanNtv", day=str(day(9)))
    assert not mean["adds_up"]
