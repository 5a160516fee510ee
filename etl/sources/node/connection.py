"""One keep-alive HTTP connection to a node.

Invariants: it belongs to one thread (only `abort` may be called from another); after any failure
the next request opens a new connection, so nothing is read that belongs to an earlier request; a request
ends by its deadline, however slowly the node answers, and no more of an answer is kept than was asked for.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from etl.errors import NodeAnswerError
from etl.sources.node.address import NodeAddress
from etl.sources.node.failures import refusal, too_long, unreachable

MOST_BYTES = 4 << 20
"""Of an answer, unless the caller knows that more may come."""
MOST_BLOCK_BYTES = 128 << 20
"""Of an answer about one block. A block has at most 4 MB; as JSON, with what it spends, the largest that can
be made of ordinary scripts takes about 30 MB."""

_SHORTEST_REQUEST_TIMEOUT_S = 5.0
_LONGEST_REQUEST_TIMEOUT_S = 120.0
_TIMES_IN_ALL = 4.0
"""A request may take so many times as long in all as it may wait for a byte."""
_PIECE = 1 << 20
_HUNG_UP = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)


@dataclass(frozen=True)
class Answer:
    """A complete HTTP answer."""

    status: int
    body: bytes


class NodeConnection:
    """Requests to one node, one after the other; a context manager."""

    def __init__(self, address: NodeAddress, request_timeout_s: float) -> None:
        """`request_timeout_s` without a byte end a request, and a few times as long ends any."""
        self._address = address
        self._http = TimedConnection(address, request_timeout_s)
        self._is_aborted = False

    def post(self, body: bytes, most_bytes: int = MOST_BYTES) -> Answer:
        """A JSON-RPC call, with credentials.

        Raises NodeUnreachable, NodeRefused, ConfigError, and NodeAnswerError for more than `most_bytes`.
        """
        path = self._address.parts.path
        for is_last in (self._address.credentials.cookie_file is None, True):
            headers = {
                "Authorization": self._address.credentials.header(),
                "Content-Type": "application/json",
            }
            answer = self._exchange("POST", path, body, headers, most_bytes)
            if answer.status != 401 or is_last:
                break
        if answer.status in (401, 403):
            raise refusal(answer.status, self._address)
        return answer

    def get(self, path: str, most_bytes: int = MOST_BYTES) -> Answer:
        """A REST call, without credentials. Raises NodeUnreachable, NodeAnswerError."""
        return self._exchange("GET", path, None, {}, most_bytes)

    def close(self) -> None:
        """Give the connection back; the next request opens another."""
        self._http.close()

    def __enter__(self) -> NodeConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def abort(self) -> None:
        """Fail, with NodeUnreachable, what another thread waits for and all later requests."""
        self._is_aborted = True
        self._http.hang_up()

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], most_bytes: int
    ) -> Answer:
        was_open = self._http.is_open
        try:
            try:
                return self._once(method, path, body, headers, most_bytes)
            except _HUNG_UP:
                if not was_open:
                    raise
                self._http.close()  # the node ends connections that were idle for 30 s
                return self._once(method, path, body, headers, most_bytes)
        except NodeAnswerError:
            self._http.close()
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._http.close()
            raise unreachable(error, self._address) from error

    def _once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], most_bytes: int
    ) -> Answer:
        if self._is_aborted:
            raise ConnectionAbortedError
        self._http.start_clock()
        self._http.request(method, path, body, headers)
        with self._http.getresponse() as response:
            return Answer(response.status, read_body(response, most_bytes, self._address))


def read_body(response: http.client.HTTPResponse, most_bytes: int, address: NodeAddress) -> bytes:
    """The body of an answer. Raises NodeAnswerError as soon as it is longer than `most_bytes`."""
    announced = response.length
    if announced is not None and announced <= most_bytes:
        return response.read()
    pieces: list[bytes] = []
    left = most_bytes
    while announced is None and left >= 0 and (piece := response.read(min(_PIECE, left + 1))):
        pieces.append(piece)
        left -= len(piece)
    if announced is not None or left < 0:
        raise too_long(most_bytes, address)
    return b"".join(pieces)


class _Clock:
    """The deadline of the request in hand: each wait for a byte ends by it."""

    def __init__(self, request_timeout_s: float) -> None:
        self._timeout_s = request_timeout_s
        self.start()

    def start(self) -> None:
        self._ends_at = time.monotonic() + _TIMES_IN_ALL * self._timeout_s

    def wait_s(self) -> float:
        """Seconds that the next byte may take. Raises TimeoutError."""
        left_s = self._ends_at - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return min(left_s, self._timeout_s)


class _TimedReader(io.RawIOBase):
    """The bytes that a socket receives."""

    def __init__(self, connected: socket.socket, clock: _Clock) -> None:
        self._socket = connected
        self._bytes = connected.makefile("rb", buffering=0)
        self._clock = clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(self._clock.wait_s())
        return self._bytes.readinto(buffer)

    def close(self) -> None:
        self._bytes.close()
        super().close()


class _TimedSocket:
    """What http.client asks of a socket, each wait bounded by a clock."""

    def __init__(self, connected: socket.socket, clock: _Clock) -> None:
        self._socket = connected
        self._clock = clock

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._socket, self._clock), _PIECE)

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(self._clock.wait_s())
        self._socket.sendall(data)

    def shutdown(self, how: int) -> None:
        self._socket.shutdown(how)

    def close(self) -> None:
        self._socket.close()


class TimedConnection:
    """A connection, not yet open, to a node's host and port, whose requests end by a deadline."""

    def __init__(self, address: NodeAddress, request_timeout_s: float) -> None:
        parts = address.parts
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        assert parts.hostname is not None
        self._http: Any = kind(parts.hostname, parts.port, timeout=request_timeout_s)
        self._clock = _Clock(request_timeout_s)

    def start_clock(self) -> None:
        """Begin a request's time."""
        self._clock.start()

    @property
    def is_open(self) -> bool:
        """Whether the last request left the connection open."""
        return self._http.sock is not None

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> None:
        """Send a request; connects first where that is needed."""
        if not self.is_open:
            self._http.connect()
            self._http.sock = _TimedSocket(self._http.sock, self._clock)
        self._http.request(method, path, body, headers)

    def getresponse(self) -> http.client.HTTPResponse:
        """The answer's head; its body is still to be read."""
        response: http.client.HTTPResponse = self._http.getresponse()
        return response

    def hang_up(self) -> None:
        """Fail what another thread waits for."""
        connected = self._http.sock
        if connected is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the connection back; the next request opens another."""
        self._http.close()


def request_timeout(timeout_s: float) -> float:
    """Seconds without a byte that end a request, for a job that waits `timeout_s`."""
    return min(max(timeout_s, _SHORTEST_REQUEST_TIMEOUT_S), _LONGEST_REQUEST_TIMEOUT_S)
