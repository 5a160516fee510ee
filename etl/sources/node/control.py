"""Single JSON-RPC calls through python-bitcoinrpc.

Invariants: one control per thread, as its proxy holds one connection; after any failure that may
pass the proxy is thrown away, since one that timed out or was hung up on never works again; the
proxy never learns the credentials, which its connection adds, so that neither its URL nor its
errors can show them.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Mapping
from typing import Any

from bitcoinrpc.authproxy import AuthServiceProxy, JSONRPCException

from etl.errors import NodeAnswerError
from etl.sources.node.address import NodeAddress
from etl.sources.node.connection import MOST_BYTES, TimedConnection, read_body, request_timeout
from etl.sources.node.failures import bad_answer, cut_off, refusal, rpc_failure, unavailable, unreachable
from etl.sources.node.retry import Retry

_NO_JSON = -342
"""python-bitcoinrpc's own code for an answer of another content type."""
_IDLE_S = 15.0
"""A connection unused for longer is not tried: the node hangs up after 30 s (rpcservertimeout)."""


class _Unauthorised(Exception):
    """HTTP 401."""


class _Response:
    """What the proxy asks of a response, of bounded length."""

    def __init__(self, response: http.client.HTTPResponse, address: NodeAddress) -> None:
        self.status, self.reason = response.status, response.reason
        self._response = response
        self._address = address

    def getheader(self, name: str) -> str | None:
        return self._response.getheader(name)

    def read(self) -> bytes:
        return read_body(self._response, MOST_BYTES, self._address)

    def close(self) -> None:
        self._response.close()


class _Authorised:
    """The proxy's connection: signs requests, and keeps the response that the proxy hides."""

    def __init__(self, address: NodeAddress, request_timeout_s: float) -> None:
        self._address = address
        self._http = TimedConnection(address, request_timeout_s)
        self._authorization = address.credentials.header()
        self._response: _Response | None = None

    def request(self, method: str, path: str, body: str, headers: Mapping[str, Any]) -> None:
        signed = {**headers, "Authorization": self._authorization}
        del signed["Host"]  # the proxy's lacks the port
        self._http.start_clock()
        self._http.request(method, path, body.encode(), signed)

    def getresponse(self) -> _Response:
        self._response = _Response(self._http.getresponse(), self._address)
        return self._response

    def refused_with(self) -> tuple[int, bytes]:
        """Status and body of an answer that the proxy did not want to read."""
        assert self._response is not None
        try:
            return self._response.status, self._response.read()
        except (OSError, http.client.HTTPException):
            return self._response.status, b""

    @property
    def sock(self) -> _Authorised:
        """Where the proxy sets its own timeout."""
        return self

    def settimeout(self, _: float) -> None:
        """The connection's clock decides instead."""

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
        self._http.close()


class NodeControl:
    """Calls that ask little and seldom: the state of the node, a sum; a context manager.

    Not for two threads.
    """

    def __init__(self, address: NodeAddress, retry: Retry) -> None:
        self.address = address
        self._retry = retry
        self._connection: _Authorised | None = None
        self._proxy: Any = None
        self._used_at = 0.0

    def call(self, method: str, *params: Any, request_timeout_s: float | None = None) -> Any:
        """The result of an RPC, numbers with a point as Decimal; retried while that may help.

        `request_timeout_s` is for calls that take minutes. Raises the node errors of etl.errors.
        """
        timeout_s = request_timeout_s or request_timeout(self._retry.timeout_s)
        if request_timeout_s is not None:
            self.close()  # the timeout is the connection's
        try:
            return self._retry(lambda: self._call(method, params, timeout_s))
        finally:
            if request_timeout_s is not None:
                self.close()

    def close(self) -> None:
        """Give the connection back; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._proxy = None

    def __enter__(self) -> NodeControl:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: str, params: tuple[Any, ...], timeout_s: float) -> Any:
        """One try, and another with the cookie as it is then if the node rejects the first."""
        if self.address.credentials.cookie_file is not None:
            with contextlib.suppress(_Unauthorised):
                return self._try(method, params, timeout_s)
        try:
            return self._try(method, params, timeout_s)
        except _Unauthorised:
            raise refusal(401, self.address) from None

    def _try(self, method: str, params: tuple[Any, ...], timeout_s: float) -> Any:
        if time.monotonic() - self._used_at > _IDLE_S:
            self.close()
        self._used_at = time.monotonic()
        if self._proxy is None:
            self._connection = _Authorised(self.address, timeout_s)
            url = f"http://signed:later@{self.address.parts.netloc}{self.address.parts.path}"
            self._proxy = AuthServiceProxy(url, None, timeout_s, self._connection)
        try:
            return getattr(self._proxy, method)(*params)
        except Exception as error:
            failure = self._failure(method, error)
            self.close()
            raise failure from error

    def _failure(self, method: str, error: Exception) -> Exception:
        if isinstance(error, NodeAnswerError):
            return error
        if isinstance(error, JSONRPCException):
            return self._rpc_failure(method, error)
        if isinstance(error, json.JSONDecodeError) and not error.doc.endswith("\n"):
            return cut_off(self.address)
        if isinstance(error, OSError | http.client.HTTPException):
            return unreachable(error, self.address)
        return bad_answer(f"no JSON-RPC answer ({type(error).__name__})", self.address)

    def _rpc_failure(self, method: str, error: Any) -> Exception:
        if error.code != _NO_JSON:
            return rpc_failure(method, error.code, error.message, self.address)
        assert self._connection is not None
        status, body = self._connection.refused_with()
        if status == 401:
            return _Unauthorised()
        if status == 403:
            return refusal(status, self.address)
        if status == 503:
            return unavailable(body, self.address)
        return bad_answer(f"HTTP {status} without JSON", self.address)
