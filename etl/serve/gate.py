"""What every request passes: limits, keys, the profile in the path, headers, the log and the counters.

Invariant: no answer leaves without the security headers, and no exception as anything but a refusal in
the shape of the path's family.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from etl.serve.access import Access
from etl.serve.dashboard.static_files import PAGES, PREFIX
from etl.serve.families import refusal
from etl.serve.monitoring import Monitoring
from etl.serve.refusals import Refused
from etl.serve.sending import send_answer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from etl.serve.publications import Publications

MOST_URL = 10_000
"""Characters of a request's target: path, question mark and query."""

_LOG = logging.getLogger(__name__)
_OPEN_PATHS = ("/health", "/ready", *PAGES)
"""Answered without a key: for those who watch the service, and the dashboard, which asks for one."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {}"
)
_EMBEDDED = "/embed"
"""The one part that other pages may frame."""


def _security(framed_by: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-security-policy", _POLICY.format(framed_by).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"access-control-allow-origin", b"*"),
        (b"access-control-expose-headers", b"etag, x-minerflow-file, x-next-page-url"),
    ]


_EVERYWHERE = [*_security("'none'"), (b"x-frame-options", b"DENY")]
_FRAMED = _security("*")


class Gate:
    """Wraps the routes of the API."""

    def __init__(
        self, app: ASGIApp, publications: Publications, access: Access, monitoring: Monitoring
    ) -> None:
        self._app = app
        self._publications = publications
        self._access = access
        self._monitoring = monitoring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, sent = time.perf_counter(), _Sent(send, scope["path"])
        scope["asked_path"] = scope["path"]
        limits: list[tuple[bytes, bytes]] = []
        try:
            self._check_form(scope)
            if scope["path"] not in _OPEN_PATHS and not scope["path"].startswith(PREFIX):
                limits = self._access.admit(scope)
            sent.more = limits
            self._take_profile(scope)
            await self._app(scope, receive, sent)
        except Refused as refused:
            await send_answer(sent, scope, refusal(scope["asked_path"], refused), refused.status)
        except Exception:
            _LOG.exception("a request failed")
            if not sent.status:
                broken = Refused(500, "the server failed; its log says why")
                await send_answer(sent, scope, refusal(scope["asked_path"], broken), broken.status)
        finally:
            self._monitoring.count(scope, sent.status, sent.size, time.perf_counter() - started)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["asked_path"] = scope["path"]
        try:
            self._access.admit(scope)
            self._take_profile(scope)
            await self._app(scope, receive, send)
        except Refused as refused:
            await _refuse_handshake(scope, send, refused)

    @staticmethod
    def _check_form(scope: Scope) -> None:
        query = scope["query_string"]
        if len(scope["raw_path"]) + bool(query) + len(query) > MOST_URL:
            raise Refused(414, f"the URL must not be longer than {MOST_URL:,} characters")
        if scope["method"] not in ("GET", "HEAD"):
            raise Refused(405, f"{scope['method']} is not supported; use GET")

    def _take_profile(self, scope: Scope) -> None:
        """Cut a profile off the front of the path; the request then is for that one."""
        first, _, rest = scope["path"][1:].partition("/")
        scope["profile"] = None
        if rest and self._publications.is_ready and first in self._publications.current.profiles:
            scope["profile"], scope["path"] = first, f"/{rest}"


async def _refuse_handshake(scope: Scope, send: Send, refused: Refused) -> None:
    """Answer a WebSocket's handshake as any request is refused, where the server can."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    body = refusal(scope["asked_path"], refused).body
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *_EVERYWHERE]
    await send({"type": "websocket.http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


class _Sent:
    """Passes on what is sent, with the headers that every answer has, and counts it."""

    def __init__(self, send: Send, path: str) -> None:
        self._send = send
        self._headers = _FRAMED if path.startswith(_EMBEDDED) else _EVERYWHERE
        self.more: list[tuple[bytes, bytes]] = []
        self.status = 0
        self.size = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], *self._headers, *self.more]
        else:
            self.size += len(message.get("body", b""))
        await self._send(message)
