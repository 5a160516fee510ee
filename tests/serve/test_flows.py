"""CryptoQuant's endpoints over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import httpx
import pytest

from tests.support.served import DAYS
from tests.support.small_warehouse import day

FLOWS = "/v1/btc/miner-flows"
PAIRS = "/v1/btc/inter-entity-flows"


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{address}") as client:
        yield client


def data(client: httpx.Client, path: str, **asked: Any) -> list[dict[str, Any]]:
    asked = {name.rstrip("_"): value for name, value in asked.items()}
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["status"] == {"code": 200, "message": "success"}
    assert told["result"]["window"] == asked.get("window", "day")
    found: list[dict[str, Any]] = told["result"]["data"]
    return found


def test_outflow_of_a_pool(client: httpx.Client) -> None:
    """On day n pool A pays n BTC and 2 BTC to others, and 1.23456789 BTC to an exchange."""
    newest, before = data(client, f"{FLOWS}/outflow", miner="a", limit=2)
    assert newest["date"] == str(day(DAYS))
    assert before == {
        "date": str(day(DAYS - 1)),
        "outflow_mean": pytest.approx((DAYS - 1 + 2 + 1.23456789) / 3, rel=1e-15),
        "outflow_mean_ma7": pytest.approx((DAYS - 4 + 2 + 1.23456789) / 3, rel=1e-15),
        "outflow_top10": DAYS - 1 + 2 + 1.23456789,
        "outflow_total": DAYS - 1 + 2 + 1.23456789,
    }


def test_amounts_are_written_exactly(client: httpx.Client) -> None:
    answer = client.get(f"{FLOWS}/inflow", params={"miner": "B", "limit": 1})
    # B has 2 BTC of A and half a BTC of Binance
    assert '"inflow_total":2.5}' in answer.text


def test_a_hundred_by_default_newest_first(client: httpx.Client) -> None:
    found = data(client, f"{FLOWS}/netflow", miner="all_miner")
    assert [row["date"] for row in found] == [str(day(n)) for n in range(DAYS, DAYS - 100, -1)]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ({"from_": "20200103", "to": "20200105"}, 3, 5),
        ({"from_": "2020-01-03", "to": "2020-01-05T12:00:00Z"}, 3, 5),
        ({"from_": "20200103T000001", "to": "20200105T235959"}, 4, 5),
        ({"to": "20200105", "limit": 2}, 4, 5),
        ({"from_": "20200101", "to": "20200105", "limit": 1}, 5, 5),
    ],
)
def test_ranges_of_days(client: httpx.Client, asked: dict[str, Any], first: int, last: int) -> None:
    found = data(client, f"{FLOWS}/reserve", miner="all_miner", **asked)
    assert [row["date"] for row in found] == [str(day(n)) for n in range(last, first - 1, -1)]


def test_every_endpoint_equals_the_file(client: httpx.Client, file: duckdb.DuckDBPyConnection) -> None:
    """Each field of each path per day, for a pool and for all, against the view behind it."""
    catalogue = file.execute(
        "SELECT vendor, view, column_name, grain, id FROM metric_catalogue "
        "WHERE interval = 'day' AND regexp_full_match(vendor, 'CryptoQuant btc/.*') AND unit <> 'USD'"
    ).fetchall()
    assert len(catalogue) >= 25
    for vendor, view, column, grain, metric in catalogue:
        _, path, field = vendor.split(" ")
        for miner in ("A", "all_miner"):
            asked, rows = _entities(path, miner)
            where = " AND ".join(f"{key} = '{rows[key]}'" for key in grain.split(", ") if key in rows)
            where += f" AND metric = '{metric}'" if column == "value" else ""
            expected = dict(
                file.execute(
                    f"SELECT CAST(day AS VARCHAR), CAST({column} AS DOUBLE) FROM {view} WHERE {where}"
                ).fetchall()
            )
            found = {row["date"]: row[field] for row in data(client, f"/v1/{path}", limit=100_000, **asked)}
            assert found.keys() == expected.keys()
            known = {on: value for on, value in expected.items() if value is not None}
            assert {on: found[on] for on in known} == pytest.approx(known, rel=1e-15, abs=1e-18)
            assert {found[on] for on in expected.keys() - known.keys()} <= {None}


def _entities(path: str, miner: str) -> tuple[dict[str, str], dict[str, str]]:
    """What to ask for, and the values of the view's columns."""
    rows = {"profile": "entity", "miner": miner}
    symbol = miner.lower()
    if path.endswith("miner-to-exchange"):
        return {"from_miner": symbol, "to_exchange": "binance"}, rows | {"counterparty": "Binance"}
    if path.endswith("exchange-to-miner"):
        return {"from_exchange": "all_exchange", "to_miner": symbol}, rows | {"counterparty": "all_exchange"}
    if path.endswith("miner-to-miner"):
        return {"from_miner": symbol, "to_miner": "b"}, rows | {"counterparty": "B"}
    if "miner-flows" in path or "supply-ratio" in path:
        return {"miner": symbol}, rows
    return {}, rows | {"miner": "all_miner"}


def test_hours(client: httpx.Client) -> None:
    """A block a day at noon; its median time past here is its own time."""
    found = data(client, f"{FLOWS}/outflow", miner="a", window="hour", to="20200105T120000", limit=3)
    assert [row["datetime"] for row in found] == [
        "2020-01-05 12:00:00", "2020-01-04 12:00:00", "2020-01-03 12:00:00",
    ]  # fmt: skip
    assert found[0]["outflow_total"] == 5 + 2 + 1.23456789
    assert "outflow_mean_ma7" not in found[0]


def test_blocks(client: httpx.Client) -> None:
    asked = {"from_miner": "a", "to_exchange": "binance", "window": "block"}
    found = data(client, f"{PAIRS}/miner-to-exchange", from_=7, to=9, **asked)
    assert [row["blockheight"] for row in found] == [9, 8, 7]
    assert found[0] == {
        "blockheight": 9,
        "datetime": "2020-01-10 12:00:00",
        "flow_mean": pytest.approx((1.23456789 + 2) / 2),
        "flow_total": 1.23456789 + 2,
        "transactions_count_flow": 2,
    }
    by_time = data(client, f"{PAIRS}/miner-to-exchange", from_="20200108", to="2020-01-10T13:00", **asked)
    assert by_time == found
    far_back = data(client, f"{PAIRS}/miner-to-exchange", to=3, limit=2, **asked)
    assert [row["blockheight"] for row in far_back] == [3, 2]


def test_fields_of_two_views_per_hour(client: httpx.Client) -> None:
    """Pool B receives in each block and pays nothing."""
    found = data(client, f"{FLOWS}/transactions-count", miner="b", window="hour", limit=1)
    assert found[0]["transactions_count_inflow"] == 2
    assert found[0]["transactions_count_outflow"] is None


def test_csv(client: httpx.Client) -> None:
    answer = client.get(
        f"{FLOWS}/reserve", params={"miner": "all_miner", "format": "csv", "limit": 2, "to": "20200102"}
    )
    lines = answer.text.splitlines()
    assert lines[0].split(",")[0] == "date"
    assert "reserve" in lines[0].split(",")
    assert [line.split(",")[0] for line in lines[1:]] == ["2020-01-02", "2020-01-01"]


def test_other_profile(client: httpx.Client) -> None:
    by_path = client.get(f"/coinmetrics{FLOWS}/outflow", params={"miner": "a"})
    by_name = client.get(f"{FLOWS}/outflow", params={"miner": "a", "profile": "coinmetrics"})
    assert by_path.json() == by_name.json()


def test_entity_list(client: httpx.Client) -> None:
    def symbols(kind: str) -> dict[str, str]:
        told = client.get("/v1/btc/status/entity-list", params={"type": kind}).json()
        return {each["symbol"]: each["name"] for each in told["result"]["data"]}

    assert symbols("miner") == {"a": "A", "b": "B", "all_miner": "all_miner"}
    assert symbols("exchange") == {"binance": "Binance", "all_exchange": "all_exchange"}
    assert symbols("bank") == {}


def test_discovery_lists_what_is_answered(client: httpx.Client) -> None:
    listed = client.get("/v1/discovery/endpoints?source=mcp").json()["result"]["data"]
    by_path = {each["path"]: each for each in listed}
    assert {
        *(f"{FLOWS}/{name}" for name in (
            "inflow", "outflow", "netflow", "reserve", "transactions-count", "in-house-flow",
        )),
        *(f"{PAIRS}/{name}" for name in ("miner-to-exchange", "exchange-to-miner", "miner-to-miner")),
        "/v1/btc/flow-indicator/mpi", "/v1/btc/flow-indicator/miner-supply-ratio",
        "/v1/btc/network-indicator/puell-multiple", "/v1/btc/status/entity-list",
    } == by_path.keys()  # fmt: skip
    for path, each in by_path.items():
        assert not {"from", "to", "limit"} & each["parameters"].keys()
        needed = {
            name: each["parameters"][name][place] for place, name in enumerate(each["required_parameters"])
        }
        assert client.get(path, params=needed).status_code == 200
    assert by_path[f"{FLOWS}/outflow"]["parameters"]["window"] == ["day", "hour", "block"]
    assert by_path["/v1/btc/flow-indicator/mpi"]["parameters"]["window"] == ["day"]
    mine = client.get("/v1/my/discovery/endpoints?source=mcp").json()
    assert mine["plan"] == {"name": "PREMIUM"}
    assert mine["apiEndpoint"]["btc"]["flow-indicator"]["mpi"] == {"day": "P0D"}


@pytest.mark.parametrize(
    ("path", "asked", "status", "said"),
    [
        (f"{FLOWS}/outflow", {}, 400, "'miner'"),
        (f"{FLOWS}/outflow", {"miner": "f3pool"}, 400, "'miner'"),
        (f"{FLOWS}/outflow", {"miner": "binanse"}, 400, "entity-list?type=miner"),
        (f"{FLOWS}/outflow", {"miner": "a", "window": "min"}, 400, "'window'"),
        ("/v1/btc/flow-indicator/mpi", {"window": "hour"}, 400, "'window'"),
        (f"{FLOWS}/outflow", {"miner": "a", "limit": "100001"}, 400, "'limit'"),
        (f"{FLOWS}/outflow", {"miner": "a", "limit": "0"}, 400, "'limit'"),
        (f"{FLOWS}/outflow", {"miner": "a", "from": "2020-02-30"}, 400, "'from'"),
        (f"{FLOWS}/outflow", {"miner": "a", "from": "20200105", "to": "20200101"}, 400, "'to'"),
        (f"{FLOWS}/outflow", {"miner": "a", "format": "xml"}, 400, "'format'"),
        (f"{FLOWS}/outflow", {"miner": "a", "color": "red"}, 400, "'color'"),
        (f"{FLOWS}/outflow", {"miner": "a", "profile": "entitiy"}, 400, "'entity'"),
        (f"{PAIRS}/miner-to-miner", {"from_miner": "a", "to_miner": "A"}, 400, "'to_miner'"),
        (f"{PAIRS}/miner-to-exchange", {"from_miner": "a"}, 400, "'to_exchange'"),
        (f"{FLOWS}/addresses-count", {"miner": "a"}, 404, "btc/miner-flows"),
        ("/v1/btc/status/entity-list", {"type": "mine"}, 400, "'miner'"),
        ("/v1/nothing", {}, 404, ""),
    ],
)
def test_what_is_refused(
    client: httpx.Client, path: str, asked: dict[str, str], status: int, said: str
) -> None:
    answer = client.get(path, params=asked)
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()["status"]
    assert (answer.status_code, told["code"]) == (status, status)
    assert told["message"].startswith({400: "bad_request: ", 404: "not_found: "}[status])
    assert said in told["message"]
