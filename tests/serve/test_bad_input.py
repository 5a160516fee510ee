"""What is refused, in the shape that Coin Metrics' clients read, and what is no request at all."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.support.served import block_hash

PATH = "/v4/timeseries/asset-metrics"
GOOD = {"assets": "btc", "metrics": "FlowMinerOut0HopAllNtv"}
TYPES = {
    400: "bad_parameter",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    414: "uri_too_long",
    431: "header_too_large",
}


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{address}") as client:
        yield client


def check(answer: httpx.Response, status: int) -> str:
    """The message of a refusal in the family's shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert told.keys() == {"error"}
    assert told["error"].keys() == {"type", "message"}
    assert told["error"]["type"] == TYPES[status]
    assert "Traceback" not in answer.text
    return str(told["error"]["message"])


BLOCKS = {"metrics": "MinerEntity", "frequency": "1b"}


@pytest.mark.parametrize(
    ("asked", "name", "hint"),
    [
        ({"metrics": "FlowMinerOut0HopAllNtw"}, "metrics", "FlowMinerOut0HopAllNtv"),
        ({"metrics": "flowminerout0hopallntv"}, "metrics", "FlowMinerOut0HopAllNtv"),
        ({"metrics": "MinerEntity"}, "metrics", "frequency=1b"),
        ({"metrics": "BlkCnt", "frequency": "1b"}, "metrics", "frequency=1d"),
        ({"metrics": "BlkCnt,,TxCnt"}, "metrics", "empty"),
        ({"metrics": ""}, "metrics", ""),
        ({"assets": "eth"}, "assets", "btc"),
        ({"assets": "BTC"}, "assets", "btc"),
        ({"assets": "btc,eth"}, "assets", "btc"),
        ({"profile": "entities"}, "profile", "entity"),
        ({"start_tmie": "2020-01-01"}, "start_tmie", "start_time"),
        ({"frequency": "1h"}, "frequency", "1"),
        ({"frequency": "1d-ny-close"}, "frequency", "1d"),
        ({"format": "xml"}, "format", "json"),
        ({"format": "JSON"}, "format", "json"),
        ({"pretty": "True"}, "pretty", "true"),
        ({"page_size": "0"}, "page_size", "1 to 10000"),
        ({"page_size": "-1"}, "page_size", "1 to 10000"),
        ({"page_size": "10001"}, "page_size", "1 to 10000"),
        ({"page_size": "1e3"}, "page_size", "1 to 10000"),
        ({"page_size": "12345678901234567890"}, "page_size", "1 to 10000"),
        ({"page_size": "\u0661\u0660"}, "page_size", "1 to 10000"),
        ({"limit_per_asset": "0"}, "limit_per_asset", "from 1"),
        ({"min_confirmations": "100"}, "min_confirmations", "99"),
        ({"start_time": "2020-02-30"}, "start_time", "no such time"),
        ({"end_time": "2020-01-01T25:00"}, "end_time", "no such time"),
        ({"end_time": "0000-01-01"}, "end_time", ""),
        ({"end_time": "9999-12-31T23:00", "timezone": "America/New_York"}, "end_time", ""),
        ({"end_time": "yesterday"}, "end_time", "2020-02-29"),
        ({"start_time": "2020-01-02", "end_time": "2020-01-01"}, "end_time", "before start_time"),
        ({"timezone": "America/NewYork"}, "timezone", "America/New_York"),
        ({"timezone": "../../etc/passwd"}, "timezone", ""),
        ({"start_height": "1"}, "start_height", "frequency=1b"),
        (BLOCKS | {"start_height": "1", "start_time": "2020-01-01"}, "start_height", "start_time"),
        (BLOCKS | {"start_hash": block_hash(1), "start_height": "1"}, "start_hash", "start_height"),
        (BLOCKS | {"start_height": "2", "end_height": "1"}, "end_height", "before start_height"),
        (BLOCKS | {"start_hash": block_hash(2), "end_hash": block_hash(1)}, "end_hash", "before start_hash"),
        (BLOCKS | {"end_hash": "0" * 64}, "end_hash", "No block"),
        (BLOCKS | {"start_hash": "' OR 1=1 --"}, "start_hash", "No block"),
        ({"next_page_token": "x"}, "next_page_token", "whole"),
        ({"next_page_token": "A" * 27}, "next_page_token", ""),
        ({"status": "final"}, "status", "all"),
        ({"sort": "height"}, "sort", "asset"),
    ],
)  # fmt: skip
def test_parameters(client: httpx.Client, asked: dict[str, str], name: str, hint: str) -> None:
    message = check(client.get(PATH, params=GOOD | asked), 400)
    assert f"'{name}'" in message
    assert hint in message


def test_message_is_the_vendors(client: httpx.Client) -> None:
    """Its own example: Bad parameter 'metrics'. Value 'asdgwav' is not supported."""
    message = check(client.get(PATH, params=GOOD | {"metrics": "asdgwav"}), 400)
    assert message.startswith("Bad parameter 'metrics'. Value 'asdgwav' is not supported.")


def test_missing_and_repeated(client: httpx.Client) -> None:
    assert "'metrics'" in check(client.get(PATH, params={"assets": "btc"}), 400)
    assert "'assets'" in check(client.get(PATH, params={"metrics": "BlkCnt"}), 400)
    assert "'assets'" in check(client.get(f"{PATH}?assets=btc&assets=btc&metrics=BlkCnt"), 400)
    assert client.get(f"{PATH}?&api_key=&assets=btc&metrics=BlkCnt").status_code == 200


def test_unsupported_may_be_passed_over(client: httpx.Client) -> None:
    asked = {
        "assets": "btc,eth",
        "metrics": "BlkCnt,Nonsense,MinerEntity",
        "ignore_unsupported_errors": "true",
    }
    answer = client.get(PATH, params=asked)
    assert list(answer.json()["data"][0]) == ["asset", "time", "BlkCnt"]
    check(client.get(PATH, params=asked | {"metrics": "Nonsense"}), 400)


@pytest.mark.parametrize(
    "nasty",
    ["'", '"', "' OR '1'='1", "btc'; DROP TABLE blocks; --", "%00", "\x00", "\r\nx: y", "{}", b"\xed\xa0"],
)  # fmt: skip
def test_injection(client: httpx.Client, nasty: str | bytes) -> None:
    names = (
        "assets", "metrics", "frequency", "status", "start_time", "end_time", "start_height", "end_height",
        "start_hash", "end_hash", "start_inclusive", "end_inclusive", "min_confirmations", "timezone",
        "page_size", "paging_from", "sort", "limit_per_asset", "null_as_zero", "pretty", "format", "profile",
        "ignore_unsupported_errors", "ignore_forbidden_errors", "next_page_token",
    )  # fmt: skip
    for name in names:
        check(client.get(PATH, params={**GOOD, **BLOCKS, name: nasty}), 400)
    for path in ("/v1/btc/miner-flows/outflow", "/v1/btc/status/entity-list"):
        for name in ("miner", "window", "from", "to", "limit", "format", "type"):
            answer = client.get(path, params={"miner": "a", name: nasty})
            assert (answer.status_code, answer.json()["status"]["code"]) == (400, 400)


def test_tokens_of_other_requests(client: httpx.Client) -> None:
    token = client.get(PATH, params=GOOD).json()["next_page_token"]
    assert client.get(PATH, params={**GOOD, "next_page_token": token, "page_size": "3"}).status_code == 200
    for asked in (
        {"metrics": "BlkCnt", "next_page_token": token},
        {"next_page_token": token[:-1]},
        {"next_page_token": token + "A"},
        {"next_page_token": token[:5] + ("A" if token[5] != "A" else "B") + token[6:]},
    ):
        assert "next_page_token" in check(client.get(PATH, params=GOOD | asked), 400)


def test_length_of_the_url(client: httpx.Client) -> None:
    start = f"{PATH}?assets=btc&metrics="
    longest = start + "x" * (10_000 - len(start))
    check(client.get(longest), 400)
    check(client.get(longest + "x"), 414)
    long = client.get("/v1/" + "x" * 10_000)
    assert (long.status_code, long.json()["status"]["code"]) == (414, 414)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_methods(client: httpx.Client, method: str) -> None:
    check(client.request(method, PATH, params=GOOD), 405)
    refused = client.request(method, "/v1/btc/flow-indicator/mpi")
    assert refused.json()["status"] == {
        "code": 405,
        "message": f"not_allowed: {method} is not supported; use GET",
    }


@pytest.mark.parametrize(
    "path", ["/v4", "/v4/", f"{PATH}/", "/v4/timeseries/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
             "/v5/x", "/nobody/v4/timeseries/asset-metrics", "//v4/timeseries/asset-metrics"],
)  # fmt: skip
def test_paths(client: httpx.Client, path: str) -> None:
    check(client.get(path), 404)


def raw(address: str, sent: bytes) -> bytes:
    """What comes back for bytes, until the server closes."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(sent)
        received = b""
        while part := connection.recv(65_536):
            received += part
        return received


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), 400),
        (b"hello\r\n\r\n", 400),
        (b"GET /v4/\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET /v4/x?" + b"x" * 100_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
        (b"GET /v4/x HTTP/1.1\r\nhost: x\r\nx-long: " + b"x" * 100_000 + b"\r\n\r\n", 431),
        (b"GET /v4/x HTTP/1.1\r\nhost: x\r\n" + b"".join(b"x-%d: y\r\n" % n for n in range(9_000)), 431),
        (b"POST /v4/x HTTP/1.1\r\nhost: x\r\ncontent-length: 300000\r\n\r\n" + bytes(300_000), 413),
    ],
)  # fmt: skip
def test_bytes_that_are_no_request(address: str, sent: bytes, status: int) -> None:
    received = raw(address, sent)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), received[:200]
    assert b"content-type: application/json" in head
    assert f'"type":"{TYPES[status]}"'.encode() in body


def test_security_headers(client: httpx.Client) -> None:
    for answer in (client.get(PATH, params=GOOD), client.get("/nothing"), client.get(PATH)):
        headers = answer.headers
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "style-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in headers
        assert "server" not in headers
