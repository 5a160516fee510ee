"""HTTP as uvicorn speaks it, with limits on what a client may send and how long it may take.

Invariant: whatever arrives, even no HTTP at all, is answered in the shape of the family or the connection
is closed; none stays open without making progress.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from etl.serve.families import refusal
from etl.serve.refusals import Refused

HEAD_S = 10
"""Seconds from the first byte of a request to the end of its head."""
LINGER_S = 2
"""Seconds that a client may go on sending after it was refused; what it sends is passed over."""
STALLED_S = 30
"""Seconds that a client may leave an answer unread."""
MOST_CONNECTIONS = 1_000
MOST_URL = 65_536
"""Bytes read of a URL; the gate refuses shorter ones already."""
MOST_HEAD = 32_768
"""Bytes of all headers together."""
MOST_BODY = 65_536

_REASONS = {
    400: "Bad Request", 413: "Content Too Large", 414: "URI Too Long",
    431: "Request Header Fields Too Large", 503: "Service Unavailable",
}  # fmt: skip


class LimitedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._head_size = self._body_size = 0
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            self._refuse(Refused(503, "too many connections; come back later"))
            return
        self._timer = self.loop.call_later(HEAD_S, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the connection is being closed."""
        if self._refused or self.parser is None:
            return
        if self._timer is None and (self.cycle is None or self.cycle.response_complete):
            self._timer = self.loop.call_later(HEAD_S, self.transport.close)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head_size = self._body_size = 0

    def on_url(self, url: bytes) -> None:
        """A part of the URL."""
        super().on_url(url)
        if len(self.url) > MOST_URL:
            self._refuse(Refused(414, f"the URL is longer than {MOST_URL:,} bytes"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._head_size += len(name) + len(value)
        if self._head_size > MOST_HEAD:
            self._refuse(Refused(431, f"the headers are longer than {MOST_HEAD:,} bytes"))
        else:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head has come."""
        self._stop_timer()
        if not self._refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body, which no endpoint reads."""
        self._body_size += len(body)
        if self._body_size > MOST_BODY:
            self._refuse(Refused(413, "no request takes a body"))
        elif not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request has come."""
        if not self._refused:
            super().on_message_complete()

    def pause_writing(self) -> None:
        """The client does not read as fast as the answer comes."""
        super().pause_writing()
        self._stall = self.loop.call_later(STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read on."""
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(Refused(400, "this is not a request that HTTP/1.1 knows"))

    def _refuse(self, refused: Refused) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        path = getattr(self, "url", b"")[:100].decode("latin-1")
        body = refusal(path, refused).body
        self.transport.write(
            b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
            b"x-content-type-options: nosniff\r\nconnection: close\r\n\r\n%s"
            % (refused.status, _REASONS[refused.status].encode(), len(body), body)
        )
        # Closed at once, with bytes unread, the connection would be reset and the answer lost.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
