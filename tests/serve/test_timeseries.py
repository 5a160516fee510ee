"""`/v4/timeseries/asset-metrics` over HTTP, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import httpx
import orjson
import pytest

from tests.support.served import DAYS, block_hash
from tests.support.small_warehouse import day

PATH = "/v4/timeseries/asset-metrics"
OUT = "FlowMinerOut0HopAllNtv"
Row = dict[str, str | None]


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{address}") as client:
        yield client


def get(client: httpx.Client, **asked: Any) -> httpx.Response:
    parameters = {"assets": "btc", "metrics": OUT} | asked
    return client.get(PATH, params={name: str(value) for name, value in parameters.items()})


def rows(client: httpx.Client, **asked: Any) -> list[Row]:
    answer = get(client, **({"page_size": 10_000} | asked))
    assert answer.status_code == 200, answer.text
    found: list[Row] = answer.json()["data"]
    return found


def days(found: list[Row]) -> list[str]:
    return [str(row["time"])[:10] for row in found]


def test_rows_say_what_was_put_in(client: httpx.Client) -> None:
    """Pool A, in hop 0, pays (height + 1) BTC away and 2 BTC to an address in hop 1; a block is a day."""
    found = rows(client, profile="entity", metrics="FlowMinerOut0HopAllNtv,BlkCnt")
    assert len(found) == DAYS
    assert found[2]["time"] == "2020-01-03T00:00:00.000000000Z"
    assert [row["FlowMinerOut0HopAllNtv"] for row in found[:3]] == ["3", "4", "5"]
    # asset and time, then the metrics in the order of their names, not as asked
    assert list(found[1])[:4] == ["asset", "time", "BlkCnt", "FlowMinerOut0HopAllNtv"]
    assert found[1]["BlkCnt"] == "1"


def test_values_equal_the_file(client: httpx.Client, file: duckdb.DuckDBPyConnection) -> None:
    """Every metric of the view `metrics`, in both profiles."""
    expected: dict[tuple[str, str], dict[str, Decimal]] = {}
    for profile, on, metric, value in file.execute(
        "SELECT profile, CAST(day AS VARCHAR), metric, value FROM metrics WHERE value IS NOT NULL"
    ).fetchall():
        expected.setdefault((profile, metric), {})[on] = value
    assert len(expected) > 300
    for profile in ("coinmetrics", "entity"):
        names = [metric for of, metric in expected if of == profile]
        served = rows(client, profile=profile, metrics=",".join(names))
        for name in names:
            got = {str(row["time"])[:10]: Decimal(str(row[name])) for row in served if row[name] is not None}
            assert got.keys() == expected[profile, name].keys()
            for on, value in expected[profile, name].items():
                assert abs(got[on] - value) <= abs(value) * Decimal("1e-15"), (name, on)


def test_values_are_plain_decimals(client: httpx.Client) -> None:
    names = ",".join(
        metric["metric"]
        for metric in client.get("/v4/catalog-v2/asset-metrics").json()["data"][0]["metrics"]
        if metric["metric"] != "MinerEntity"
    )
    for row in rows(client, metrics=names, limit_per_asset=5):
        for name, value in row.items():
            if name not in ("asset", "time") and "-status" not in name and value is not None:
                whole, _, fraction = value.removeprefix("-").partition(".")
                assert whole.isdigit(), (name, value)
                assert len(fraction) <= 18, (name, value)
                assert not fraction.endswith("0"), (name, value)


@pytest.mark.parametrize("size", [7, 100, 399, 400, 401, 10_000])
@pytest.mark.parametrize("paging_from", ["start", "end"])
@pytest.mark.parametrize("profile", [{}, {"profile": "entity"}])
def test_pages_put_together_are_the_whole(
    client: httpx.Client, size: int, paging_from: str, profile: dict[str, str]
) -> None:
    pages: list[list[Row]] = []
    answer = get(client, page_size=size, paging_from=paging_from, **profile)
    while True:
        told = answer.json()
        assert told["data"] == sorted(told["data"], key=lambda row: row["time"])
        pages.append(told["data"])
        if "next_page_token" not in told:
            assert "next_page_url" not in told
            break
        assert told["data"]
        answer = client.get(told["next_page_url"])
        assert answer.status_code == 200
    whole = sum(pages if paging_from == "start" else reversed(pages), [])
    assert days(whole) == [str(day(number)) for number in range(1, DAYS + 1)]
    assert len(pages) == -(-DAYS // size)


def test_pages_begin_at_the_end_by_default(client: httpx.Client) -> None:
    assert days(get(client).json()["data"]) == [str(day(n)) for n in range(DAYS - 99, DAYS + 1)]


@pytest.mark.parametrize("paging_from", ["start", "end"])
def test_limit_per_asset_is_the_newest(client: httpx.Client, paging_from: str) -> None:
    found = rows(client, limit_per_asset=3, paging_from=paging_from)
    assert days(found) == [str(day(n)) for n in range(DAYS - 2, DAYS + 1)]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ({"start_time": "2020-01-03", "end_time": "2020-01-05"}, 3, 5),
        ({"start_time": "20200103", "end_time": "20200105"}, 3, 5),
        ({"start_time": "2020-01-03T00:00:00Z", "end_time": "2020-01-05T00:00:00.000000000Z"}, 3, 5),
        ({"start_time": "2020-01-03T00:00:00.000000001Z", "end_time": "2020-01-05T23:59"}, 4, 5),
        ({"start_time": "2020-01-03", "end_time": "2020-01-05", "start_inclusive": "false"}, 4, 5),
        ({"start_time": "2020-01-03", "end_time": "2020-01-05", "end_inclusive": "false"}, 3, 4),
        # Midnight in New York is 05:00 UTC: the first UTC midnight after it is the next day's. The zone
        # counts before Z.
        ({"start_time": "20200103T000000Z", "end_time": "20200105", "timezone": "America/New_York"}, 4, 5),
        # 09:00 in Tokyo is midnight in UTC.
        ({"start_time": "20200103T090000", "end_time": "2020-01-05T09:00", "timezone": "Asia/Tokyo"}, 3, 5),
    ],
)  # fmt: skip
def test_times(client: httpx.Client, asked: dict[str, str], first: int, last: int) -> None:
    assert days(rows(client, **asked)) == [str(day(n)) for n in range(first, last + 1)]


@pytest.mark.parametrize(
    "asked",
    [
        {"start_time": "2031-01-01"},
        {"end_time": "2009-01-03"},
        {"start_time": "2020-01-03", "end_time": "2020-01-03", "end_inclusive": "false"},
        {"metrics": "MPI", "end_time": "2020-02-01"},
    ],
)
def test_no_rows(client: httpx.Client, asked: dict[str, str]) -> None:
    answer = get(client, **asked)
    assert (answer.status_code, answer.json()) == (200, {"data": []})
    stream = get(client, format="json_stream", **asked)
    assert (stream.status_code, stream.content) == (200, b"")


def test_null_only_beside_a_value(client: httpx.Client) -> None:
    """There are prices for the first half of the days."""
    both = rows(client, metrics="FlowMinerOut0HopAllUSD,BlkCnt")
    assert len(both) == DAYS
    assert both[DAYS // 2]["FlowMinerOut0HopAllUSD"] is None
    # 3 BTC at 10,000.25 dollars
    assert both[0]["FlowMinerOut0HopAllUSD"] == "30000.75"
    assert len(rows(client, metrics="FlowMinerOut0HopAllUSD")) == DAYS // 2
    zero = rows(client, metrics="FlowMinerOut0HopAllUSD,BlkCnt", null_as_zero="true")
    assert zero[-1]["FlowMinerOut0HopAllUSD"] == "0"


def test_json_stream_is_whole(client: httpx.Client) -> None:
    answer = get(client, format="json_stream", page_size=3, paging_from="end")
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = answer.content.split(b"\n")
    assert lines.pop() == b""
    assert days([orjson.loads(line) for line in lines]) == [str(day(n)) for n in range(1, DAYS + 1)]
    assert b"\r" not in answer.content


def test_csv(client: httpx.Client) -> None:
    answer = get(client, format="csv", metrics=f"{OUT},BlkCnt", page_size=2, paging_from="start")
    header, first, second, end = answer.text.split("\n")
    assert header == f"asset,time,BlkCnt,{OUT},{OUT}-status,{OUT}-status-time"
    assert first.startswith("btc,2020-01-01T00:00:00.000000000Z,0,3,flash,20")
    assert second.startswith("btc,2020-01-02T00:00:00.000000000Z,1,4,flash,20")
    assert end == ""
    following = client.get(answer.headers["x-next-page-url"])
    assert following.text.split("\n")[1].startswith("btc,2020-01-03")
    last = get(client, format="csv", page_size=10_000)
    assert "x-next-page-url" not in last.headers


def test_blocks(client: httpx.Client) -> None:
    """Pools A, B, nobody known, A found the blocks, in turns; two blocks are not confirmed."""
    found = rows(client, metrics="MinerEntity", frequency="1b")
    confirmed = [height for height in range(DAYS - 1) if height % 4 != 2]
    assert [int(str(row["height"])) for row in found] == confirmed
    assert found[1] == {
        "block_hash": block_hash(1),
        "parent_block_hash": block_hash(0),
        "height": "1",
        "asset": "btc",
        "time": "2020-01-02T12:00:00.000000000Z",
        "MinerEntity": "B",
    }
    tip = rows(client, metrics="MinerEntity", frequency="1b", min_confirmations=0)[-1]
    assert tip["height"] == str(DAYS)


@pytest.mark.parametrize(
    ("asked", "heights"),
    [
        ({"start_height": 3, "end_height": 8}, [3, 4, 5, 7, 8]),
        ({"start_height": 3, "start_inclusive": "false", "end_height": 7}, [4, 5, 7]),
        ({"start_height": 3, "end_height": 8, "end_inclusive": "false"}, [3, 4, 5, 7]),
        ({"start_hash": block_hash(3), "end_hash": block_hash(5)}, [3, 4, 5]),
        ({"start_hash": block_hash(3), "end_time": "2020-01-06T12:00:00"}, [3, 4, 5]),
        ({"start_time": "2020-01-04T12:00:00", "end_time": "2020-01-06T11:59:59.9"}, [3, 4]),
        ({"start_time": "2020-01-04T12:00:00.5", "end_height": 5}, [4, 5]),
        ({"end_height": 9, "limit_per_asset": 2}, [8, 9]),
        ({"start_height": 8, "end_height": 8}, [8]),
        ({"start_height": 6, "end_height": 6}, []),
    ],
)  # fmt: skip
def test_ranges_of_blocks(client: httpx.Client, asked: dict[str, Any], heights: list[int]) -> None:
    asked = {"metrics": "MinerEntity", "frequency": "1b", **asked}
    assert [int(str(row["height"])) for row in rows(client, **asked)] == heights
    stream = get(client, format="json_stream", **asked).text.splitlines()
    assert [int(orjson.loads(line)["height"]) for line in stream] == heights


@pytest.mark.parametrize("paging_from", ["start", "end"])
def test_pages_of_blocks(client: httpx.Client, paging_from: str) -> None:
    found: list[int] = []
    answer = get(client, metrics="MinerEntity", frequency="1b", page_size=50, paging_from=paging_from).json()
    while True:
        page = [int(row["height"]) for row in answer["data"]]
        found = found + page if paging_from == "start" else page + found
        if "next_page_url" not in answer:
            break
        answer = client.get(answer["next_page_url"]).json()
    assert found == [height for height in range(DAYS - 1) if height % 4 != 2]


def test_profile_by_path_and_by_parameter(client: httpx.Client) -> None:
    by_path = client.get(f"/entity{PATH}?&assets=btc&metrics={OUT}").json()
    assert by_path["data"] == get(client, profile="entity").json()["data"]
    assert "/entity/v4/" in by_path["next_page_url"]


def test_entity_tag_and_compression(client: httpx.Client) -> None:
    first = get(client, page_size=10_000)
    assert first.headers["content-encoding"] == "gzip"
    again = client.get(first.request.url, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = client.get(first.request.url, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json() == first.json()


def test_pretty_is_the_same(client: httpx.Client) -> None:
    pretty = get(client, pretty="true")
    assert "\n" in pretty.text
    assert pretty.json()["data"] == get(client).json()["data"]
