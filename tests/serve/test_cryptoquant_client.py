"""The package `cryptoquant` from PyPI, its requests turned to the server by a transport adapter."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from requests import PreparedRequest
from requests.adapters import HTTPAdapter

from tests.support.served import DAYS

pytestmark = pytest.mark.filterwarnings("ignore")
VENDOR = "https://api.cryptoquant.com"


class Turned(HTTPAdapter):
    """Sends what is meant for the vendor to another address."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        assert request.url is not None
        request.url = request.url.replace(VENDOR, f"http://{self._address}")
        return super().send(request, *args, **kwargs)


@pytest.fixture(scope="module")
def client(address: str) -> Any:
    from cryptoquant import CryptoQuant

    made = CryptoQuant("no key is needed")
    made.session.mount(VENDOR, Turned(address))
    return made


def data(answer: Any) -> list[dict[str, Any]]:
    """The rows of what the client gives back: the parsed answer."""
    found: list[dict[str, Any]] = answer["result"]["data"]
    return found


def test_flows_of_every_pool(client: Any, file: duckdb.DuckDBPyConnection) -> None:
    pools = [each["symbol"] for each in data(client.get_btc_exch_entity(type_="miner"))]
    assert pools == ["a", "b", "all_miner"]
    for symbol in pools:
        found = data(client.get_btc_miner_outflow(window="day", miner=symbol, limit=1_000))
        expected = file.execute(
            "SELECT CAST(day AS VARCHAR), CAST(total_btc AS DOUBLE) FROM miner_outflow "
            "WHERE profile = 'entity' AND lower(miner) = ? ORDER BY day DESC",
            [symbol],
        ).fetchall()
        assert [(row["date"], row["outflow_total"]) for row in found] == expected
        assert len(found) == DAYS


def test_pairs_and_indicators(client: Any, file: duckdb.DuckDBPyConnection) -> None:
    pair = data(client.get_btc_inter_miner_2_exch(from_miner="a", to_exchange="binance", limit=3))
    assert [row["flow_total"] for row in pair] == [3.23456789] * 3
    back = data(client.get_btc_inter_exch_2_miner(from_exchange="binance", to_miner="b", limit=1))
    assert back[0]["flow_total"] == 0.5
    between = data(client.get_btc_inter_miner_2_miner(from_miner="a", to_miner="b", limit=1))
    assert between[0]["flow_total"] == 2
    hours = data(
        client.get_btc_miner_inflow(miner="b", window="hour", from_="20200103T000000", to_="20200104T235959")
    )
    assert [row["datetime"] for row in hours] == ["2020-01-04 12:00:00", "2020-01-03 12:00:00"]
    mpi = data(client.get_btc_idx_mpi(window="day", limit=1_000))
    expected = file.execute(
        "SELECT CAST(day AS VARCHAR), mpi FROM miner_outflow "
        "WHERE profile = 'entity' AND miner = 'all_miner' ORDER BY day DESC"
    ).fetchall()
    assert [(row["date"], row["mpi"]) for row in mpi] == expected
    puell = data(client.get_btc_ntw_puell(window="day", limit=2))
    assert puell[0].keys() == {"date", "puell_multiple"}


def test_discovery_and_errors(client: Any) -> None:
    from cryptoquant import CryptoQuantHTTPError

    listed = {each["path"] for each in data(client.get_endpoints())}
    assert "/v1/btc/miner-flows/outflow" in listed
    with pytest.raises(CryptoQuantHTTPError, match="400") as refused:
        client.get_btc_miner_outflow(window="day", miner="nobody")
    assert "bad_request: parameter 'miner'" in refused.value.response.text
