"""One keep-alive HTTP connection to a node.

Invariants: it belongs to one thread (only `abort` may be called from another); after any failure
the next request opens a new connection, so nothing is read that belongs to an earlier request.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from etl.sources.node.address import NodeAddress
from etl.sources.node.failures import refusal, unreachable

_SHORTEST_REQUEST_TIMEOUT_S = 5.0
_LONGEST_REQUEST_TIMEOUT_S = 120.0
_HUNG_UP = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)


@dataclass(frozen=True)
class Answer:
    """A complete HTTP answer."""

    status: int
    body: bytes


class NodeConnection:
    """Requests to one node, one after the other; a context manager."""

    def __init__(self, address: NodeAddress, request_timeout_s: float) -> None:
        self._address = address
        self._http = http_connection(address, request_timeout_s)
        self._is_aborted = False

    def post(self, body: bytes) -> Answer:
        """A JSON-RPC call, with credentials. Raises NodeUnreachable, NodeRefused, ConfigError."""
        path = self._address.parts.path
        for is_last in (self._address.credentials.cookie_file is None, True):
            headers = {
                "Authorization": self._address.credentials.header(),
                "Content-Type": "application/json",
            }
            answer = self._exchange("POST", path, body, headers)
            if answer.status != 401 or is_last:
                break
        if answer.status in (401, 403):
            raise refusal(answer.status, self._address)
        return answer

    def get(self, path: str) -> Answer:
        """A REST call, without credentials. Raises NodeUnreachable."""
        return self._exchange("GET", path, None, {})

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
        connected = self._http.sock
        if connected is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def _exchange(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        was_open = self._http.sock is not None
        try:
            try:
                return self._once(method, path, body, headers)
            except _HUNG_UP:
                if not was_open:
                    raise
                self._http.close()  # the node ends connections that were idle for 30 s
                return self._once(method, path, body, headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._http.close()
            raise unreachable(error, self._address) from error

    def _once(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        if self._is_aborted:
            raise ConnectionAbortedError
        self._http.request(method, path, body, headers)
        with self._http.getresponse() as response:
            return Answer(response.status, response.read())


def http_connection(address: NodeAddress, request_timeout_s: float) -> http.client.HTTPConnection:
    """A connection, not yet open, to the node's host and port."""
    parts = address.parts
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    assert parts.hostname is not None
    return kind(parts.hostname, parts.port, timeout=request_timeout_s)


def request_timeout(timeout_s: float) -> float:
    """Seconds without a byte that end a request, for a job that waits `timeout_s`."""
    return min(max(timeout_s, _SHORTEST_REQUEST_TIMEOUT_S), _LONGEST_REQUEST_TIMEOUT_S)
