"""Glassnode's shape, by the package `glassnode-python`, unmodified, and by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb
import httpx
import pytest

from tests.support.small_warehouse import day

pytestmark = pytest.mark.filterwarnings("ignore")
PATH = "/v1/metrics"


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{address}{PATH}") as client:
        yield client


def seconds(number: int) -> int:
    return int(datetime.combine(day(number), datetime.min.time(), UTC).timestamp())


@pytest.mark.parametrize(
    ("path", "metric", "view", "column"),
    [
        ("mining/revenue_from_fees", "FeeShare", "metrics", "value"),
        ("mining/thermocap", "ThermoCap", "metrics", "value"),
        ("transactions/miners_outflow_multiple", "all_miner", "miner_outflow", "outflow_multiple"),
    ],
)
def test_their_client_gets_what_the_file_has(
    address: str, file: duckdb.DuckDBPyConnection, path: str, metric: str, view: str, column: str
) -> None:
    from glassnode_python.client import GlassnodeClient

    client = GlassnodeClient(api_key="any", base_url=f"http://{address}", auto_env=False)
    frame = client.download(
        "BTC", start="2020-01-01", end="2021-06-01", endpoint=f"{PATH}/{path}", verbose=False
    )
    key = "metric" if view == "metrics" else "miner"
    expected = file.execute(
        f"SELECT CAST(day AS VARCHAR), CAST({column} AS DOUBLE) FROM {view} "
        f"WHERE profile = 'entity' AND {key} = ? AND {column} IS NOT NULL ORDER BY day",
        [metric],
    ).fetchall()
    assert len(expected) > 30
    assert [str(on.date()) for on in frame.index] == [row[0] for row in expected]
    assert list(frame.iloc[:, 0]) == pytest.approx([row[1] for row in expected], rel=1e-15)


def test_points(client: httpx.Client) -> None:
    """A finds a block on days 4 and 5; its coinbase pays 51 BTC."""
    asked: dict[str, str | int] = {"a": "BTC", "miner": "A", "s": seconds(4), "u": seconds(5), "i": "24h"}
    assert client.get("mining/revenue_sum", params=asked).json() == [
        {"t": seconds(4), "v": 51}, {"t": seconds(5), "v": 51},
    ]  # fmt: skip
    dollars = client.get("mining/revenue_sum", params=asked | {"c": "USD", "f": "csv"}).text
    # 10,000.25 dollars on day 1, one more each day
    assert dollars == f"timestamp,value\n{seconds(4)},{51 * 10_003.25}\n{seconds(5)},{51 * 10_004.25}\n"
    humanized = client.get("mining/revenue_sum", params=asked | {"timestamp_format": "humanized"}).json()
    assert humanized[0]["t"] == "2020-01-04T00:00:00Z"
    ribbon = client.get("indicators/difficulty_ribbon", params={"a": "BTC", "s": seconds(300)}).json()
    assert list(ribbon[0]["o"]) == ["ma9", "ma14", "ma25", "ma40", "ma60", "ma90", "ma128", "ma200"]


def test_refusals(client: httpx.Client) -> None:
    for path, asked, status, said in [
        ("mining/thermocapp", {"a": "BTC"}, 404, "Did you mean 'mining/thermocap'?"),
        ("mining/thermocap", {}, 400, "'a'"),
        ("mining/thermocap", {"a": "ETH"}, 400, "'a'"),
        ("mining/thermocap", {"a": "BTC", "i": "1h"}, 400, "'i'"),
        ("mining/thermocap", {"a": "BTC", "s": "yesterday"}, 400, "'s'"),
        ("mining/revenue_sum", {"a": "BTC"}, 400, "'miner'"),
    ]:
        answer = client.get(path, params=asked)
        assert answer.status_code == status, answer.text
        assert said in answer.json()["status"]["message"]
