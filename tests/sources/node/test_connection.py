"""A request ends: by its deadline however slowly the node answers, by its length however much it sends."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from etl.errors import MinerflowError, NodeAnswerError, NodeUnreachable
from etl.sources.node import connection
from etl.sources.node.address import Credentials, NodeAddress
from etl.sources.node.connection import Answer, NodeConnection
from etl.sources.node.control import NodeControl
from etl.sources.node.retry import Retry
from tests.support.rawserver import RawServer, Talk

SILENCE_S = 0.15


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_SHORTEST_REQUEST_TIMEOUT_S", SILENCE_S)


def _dripping(start: bytes, drop: bytes) -> Talk:
    def talk(connected: socket.socket) -> None:
        connected.sendall(start)
        while True:
            connected.sendall(drop)
            time.sleep(SILENCE_S / 5)

    return talk


def _sending(*parts: bytes) -> Talk:
    def talk(connected: socket.socket) -> None:
        for part in parts:
            connected.sendall(part)

    return talk


def _flooding(start: bytes, flood: bytes) -> Talk:
    def talk(connected: socket.socket) -> None:
        connected.sendall(start)
        while True:
            connected.sendall(flood)

    return talk


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def _get(address: NodeAddress) -> object:
    with NodeConnection(address, SILENCE_S) as node:
        return node.get("/rest/chaininfo.json")


def _post(address: NodeAddress) -> object:
    with NodeConnection(address, SILENCE_S) as node:
        return node.post(b"{}")


def _call(address: NodeAddress) -> object:
    with NodeControl(address, Retry(0)) as control:
        return control.call("getblockchaininfo")


_ASKS: list[Callable[[NodeAddress], object]] = [_get, _post, _call]


def _address(server: RawServer) -> NodeAddress:
    return NodeAddress(f"http://{server.netloc}/", Credentials("user", "password"))


@pytest.mark.parametrize("ask", _ASKS)
@pytest.mark.parametrize(
    "talk",
    [
        _dripping(_HEAD + b"Content-Length: 1000000\r\n\r\n", b"x"),
        _dripping(_HEAD + b"X-Slow: ", b"x"),
        _dripping(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        _dripping(_HEAD + b"\r\n", b"x"),
        _dripping(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "head", "chunks", "body of no length", "continue"],
)
def test_an_answer_that_drips_ends_by_the_deadline(ask: Callable[[NodeAddress], object], talk: Talk) -> None:
    start = time.monotonic()
    with RawServer(talk) as server, pytest.raises(NodeUnreachable, match="does not answer in time"):
        ask(_address(server))
    assert time.monotonic() - start < 20 * SILENCE_S


def test_an_answer_that_is_slow_but_in_time_is_taken() -> None:
    def talk(connected: socket.socket) -> None:
        for part in (_HEAD, b"Content-Length: 2\r\n", b"\r\n", b"o", b"k"):
            connected.sendall(part)
            time.sleep(SILENCE_S / 2)

    with RawServer(talk) as server, NodeConnection(_address(server), SILENCE_S) as node:
        assert node.get("/") == Answer(200, b"ok")


@pytest.mark.parametrize("ask", _ASKS)
@pytest.mark.parametrize(
    "talk",
    [
        _sending(_HEAD + b"Content-Length: 1000000000000\r\n\r\n"),
        _flooding(_HEAD + b"\r\n", bytes(1 << 20)),
        _flooding(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + bytes(1 << 16) + b"\r\n"),
    ],
    ids=["announced", "of no length", "chunks"],
)
def test_an_answer_without_end_is_refused(ask: Callable[[NodeAddress], object], talk: Talk) -> None:
    with RawServer(talk) as server, pytest.raises(NodeAnswerError, match="longer than 4,194,304 bytes"):
        ask(_address(server))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 -5 OK\r\n\r\n",
        b"HTTP/1.1 99999999999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200,
        _HEAD + b"Content-Length: -1\r\n\r\n{}",
        _HEAD + b"Content-Length: many\r\n\r\n{}",
        _HEAD + b"Content-Length: 9\r\n\r\n{}",
        _HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        _HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabc",
        b"\xff" * 70_000,
    ],
)
@pytest.mark.parametrize("ask", _ASKS[1:])
def test_what_is_no_answer_is_an_error_of_ours_or_an_answer(
    ask: Callable[[NodeAddress], object], answer: bytes
) -> None:
    with RawServer(_sending(answer)) as server:
        try:
            found = ask(_address(server))
        except MinerflowError as error:
            assert server.netloc in error.what
        else:
            assert isinstance(found, Answer)


def test_the_next_request_opens_another_connection() -> None:
    """After one that was too long; nothing of it is left over."""
    answers = iter([_HEAD + b"Content-Length: 5\r\n\r\nabcde", _HEAD + b"Content-Length: 2\r\n\r\nok"])
    with (
        RawServer(lambda connected: connected.sendall(next(answers))) as server,
        NodeConnection(_address(server), 5) as node,
    ):
        with pytest.raises(NodeAnswerError, match="longer than 4 bytes"):
            node.get("/", most_bytes=4)
        assert node.get("/").body == b"ok"
