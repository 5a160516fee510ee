"""A local HTTP server that answers as a Bitcoin Core node does, and fails as one does."""

from __future__ import annotations

import socket
import threading
import time
from base64 import b64encode
from collections import deque
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from etl.sources.node.address import Credentials, NodeAddress
from tests.support.fakechain import HTML, FakeChain, Reply
from tests.support.wire import Json, golden_blocks

Fault = Literal["reset", "cut", "busy", "html", "hang", "garbled"]
"""What happens to one request: closed without an answer; closed within the answer; HTTP 503; a page
of another program; no answer at all; an answer cut off whose length says that it is complete."""
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class FakeNode:
    """A running node; a context manager. Its attributes and `core`'s may be changed meanwhile."""

    def __init__(
        self,
        blocks: Sequence[Json],
        *,
        chain: str = "regtest",
        user: str = "user",
        password: str = "password",
        warm_up_calls: int = 0,
        prune_height: int | None = None,
        version: int = 319900,
        rest: bool = True,
        latency_s: float = 0.0,
    ) -> None:
        self.core = FakeChain(blocks, chain, warm_up_calls, prune_height, version, rest)
        self.user = user
        self.password = password
        self.latency_s = latency_s
        self.forbidden = False
        """whether HTTP 403 answers every RPC"""
        self.faults: deque[Fault] = deque()
        """of the next requests, one each"""
        self._lock = threading.Lock()
        self._server = _Server(self)

    @classmethod
    def golden(cls, name: str, **options: Any) -> FakeNode:
        """The node of a golden folder; that of the economy with its recorded stale branches."""
        chain = "main" if name == "mainnet_early" else "regtest"
        node = cls(golden_blocks(name), chain=chain, **options)
        if name == "economy":
            node.core.add_recorded_stale_branches()
        return node

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Refuse connections from now on and end those that are open."""
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()

    def hang_up(self) -> None:
        """End all open connections, as a node does with idle ones."""
        self._server.hang_up()

    @property
    def url(self) -> str:
        """Without credentials."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    @property
    def address(self) -> NodeAddress:
        """With the credentials as of now."""
        return NodeAddress(self.url, Credentials(self.user, self.password))

    def write_cookie(self, path: Path, password: str) -> NodeAddress:
        """Have the node take `password`, and write it to a cookie file."""
        with self._lock:  # who is rejected finds the new cookie
            self.user, self.password = "__cookie__", password
            path.write_text(f"__cookie__:{password}", encoding="ascii")
        return NodeAddress(self.url, Credentials(cookie_file=path))

    def set_chain(self, blocks: Sequence[Json]) -> None:
        """Make `blocks`, from genesis, the active chain; blocks that leave it stay known."""
        with self._lock:
            self.core.set_chain(blocks)

    def answer(self, path: str, authorization: str | None, body: bytes | None) -> Reply:
        """What the node says to a GET (no body) or a POST."""
        with self._lock:
            if body is None:
                return self.core.rest_reply(path)
            pair = b64encode(f"{self.user}:{self.password}".encode()).decode()
            if authorization != f"Basic {pair}":
                return 401, HTML, b""
            if self.forbidden:
                return 403, HTML, b""
            return self.core.rpc_reply(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, node: FakeNode) -> None:
        self.node = node
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no error of the server's."""

    def hang_up(self) -> None:
        for request in list(self._open):
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                self._open.discard(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self._serve(None)

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers["Content-Length"])))

    def _serve(self, body: bytes | None) -> None:
        node = self.server.node
        time.sleep(node.latency_s)
        fault = node.faults.popleft() if node.faults else None
        if fault == "hang":
            self.rfile.read(1)  # until the client gives up
        if fault in ("reset", "hang"):
            self.close_connection = True
            return
        if fault == "busy":
            reply: Reply = 503, HTML, b"Work queue depth exceeded"
        elif fault == "html":
            reply = 200, HTML, b"<html>login</html>"
        else:
            reply = node.answer(self.path, self.headers.get("Authorization"), body)
        self._send(reply, fault)

    def _send(self, reply: Reply, fault: Fault | None) -> None:
        status, kind, body = reply
        if fault == "garbled":
            body = body[: len(body) // 2]
        realm = 'WWW-Authenticate: Basic realm="jsonrpc"\r\n' if status == 401 else ""
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\n{realm}Content-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        if fault == "cut":
            body = body[: len(body) // 2]
            self.close_connection = True
        self.wfile.write(head.encode() + body)
