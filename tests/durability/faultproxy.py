"""An HTTP proxy that loses, delays, cuts off and changes the answers of a node, by a seed."""

from __future__ import annotations

import http.client
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

FAULTS = ("drop", "delay", "hang", "truncate", "shorten", "flip", "flip", "garble", "flip head")
"""Hang up without an answer; answer late; answer too late; hang up within the answer; leave out its end and
give a length that hides it; flip bits of the body; replace bytes of it; flip bits of the head."""


class FaultProxy:
    """Runs between a client and the node at `host:port`; a context manager."""

    def __init__(self, host: str, port: int, seed: object, rate: float, late_s: float) -> None:
        self.upstream = host, port
        self.rate = rate
        self.late_s = late_s
        """what is too late for the client"""
        self._rng = random.Random(repr(seed))
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.netloc = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FaultProxy:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def draw(self) -> tuple[str | None, random.Random]:
        """What happens to the next answer, and the dice for how."""
        with self._lock:
            fault = self._rng.choice(FAULTS) if self._rng.random() < self.rate else None
            return fault, random.Random(self._rng.random())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no error of the proxy's."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self._forward(None)

    def do_POST(self) -> None:
        self._forward(self.rfile.read(int(self.headers["Content-Length"])))

    def _forward(self, body: bytes | None) -> None:
        upstream = http.client.HTTPConnection(*self.server.proxy.upstream, timeout=10)
        headers = {k: v for k, v in self.headers.items() if k.lower() in ("authorization", "content-type")}
        upstream.request(self.command, self.path, body, headers)
        response = upstream.getresponse()
        content = response.read()
        kind = response.getheader("Content-Type") or ""
        upstream.close()
        self._answer(response.status, kind, content)

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        proxy = self.server.proxy
        fault, rng = proxy.draw()
        if fault in ("delay", "hang"):
            time.sleep(rng.random() * 0.02 if fault == "delay" else proxy.late_s)
        if fault in ("drop", "hang"):
            self.close_connection = True
            return
        if fault == "shorten":
            content = content[: rng.randrange(len(content) + 1)]
        if fault == "flip":
            content = _flipped(content, rng)
        if fault == "garble":
            start = rng.randrange(len(content) + 1)
            content = content[:start] + rng.randbytes(rng.randrange(1, 9)) + content[start + 8 :]
        head = f"HTTP/1.1 {status} Reason\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
        sent = head.encode()
        if fault == "flip head":
            sent = _flipped(sent, rng)
        sent += content
        if fault == "truncate":
            sent = sent[: rng.randrange(len(sent))]
            self.close_connection = True
        self.wfile.write(sent)


def _flipped(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5])):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)
