"""`/v4/timeseries-stream/asset-metrics` as a WebSocket, and `/events` for browsers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from etl.serve.announcements import NEW_BLOCK, Announcement, Announcements, Listener, message
from etl.serve.answers import Answer
from etl.serve.coinmetrics import ASSET, COMMON
from etl.serve.coinmetrics.request import PER_BLOCK, check_metrics, served_assets
from etl.serve.parameters import Parameters, without_empty_key
from etl.serve.sending import send_answer
from etl.serve.snapshot import Snapshot

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from etl.serve.publications import Publications

PARAMETERS = (
    "assets", "metrics", "frequency", "backfill", "ignore_unsupported_errors",
    "ignore_forbidden_errors", *COMMON,
)  # fmt: skip
EVENT_PARAMETERS = ("metrics", "backfill", *COMMON)
BACKFILLS = ("latest", "none")
QUIET_S = 15.0
"""After so long without a block an event stream sends a comment, so that nobody takes it for dead."""
_WARNING = {
    "warning": {
        "type": "falling_behind",
        "message": "This connection does not read as fast as blocks are published; it will be closed.",
    }
}
_STALL = {"error": {"type": "stall", "message": "The client was reading too slowly."}}


@dataclass(frozen=True)
class StreamRequest:
    """Which metrics of new blocks are wanted, and whether the newest block comes at once."""

    metrics: list[str]
    has_backfill: bool


def read_request(query: bytes, snapshot: Snapshot, names: tuple[str, ...]) -> StreamRequest:
    """The request of a stream. Raises BadParameter."""
    parameters = Parameters(without_empty_key(query), names)
    known = snapshot.per_block()
    parameters.choice("frequency", (PER_BLOCK,), PER_BLOCK)
    if "assets" in names:
        served_assets(parameters)
        parameters.needed("metrics")
    listed = parameters.listed("metrics") or list(known)
    metrics = check_metrics(parameters, listed, known, f"Per block there are: {', '.join(known)}.")
    return StreamRequest(metrics, parameters.choice("backfill", BACKFILLS, "latest") == "latest")


class Streams:
    """The endpoints that stay open."""

    def __init__(self, publications: Publications, announcements: Announcements) -> None:
        self._publications = publications
        self._announcements = announcements

    async def websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket until either side closes it. Raises Refused before it is open."""
        snapshot = self._publications.current
        request = read_request(scope["query_string"], snapshot, PARAMETERS)
        socket = WebSocket(scope, receive, send)
        with self._announcements.listening() as listener:
            await socket.accept()
            sending = asyncio.create_task(self._send_all(socket, request, listener))
            listening = asyncio.create_task(_until_closed(socket))
            await asyncio.wait((sending, listening), return_when=asyncio.FIRST_COMPLETED)
            for task in (sending, listening):
                task.cancel()
            await asyncio.gather(sending, listening, return_exceptions=True)

    async def events(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one stream of server-sent events. Raises Refused."""
        request = read_request(scope["query_string"], self._publications.current, EVENT_PARAMETERS)
        with self._announcements.listening() as listener:
            stream = self._event_texts(request, listener)
            await send_answer(send, scope, Answer(b"", "text/event-stream", stream=stream))

    async def _send_all(self, socket: WebSocket, request: StreamRequest, listener: Listener) -> None:
        numbers, warned = count(), False
        with suppress(WebSocketDisconnect, RuntimeError):
            for first in self._backfill(request):
                await socket.send_text(_text(first, request, next(numbers)))
            async for told in listener.announcements(QUIET_S):
                if listener.falls_behind and not warned:
                    await socket.send_text(orjson.dumps(_WARNING).decode())
                warned = listener.falls_behind
                if told is not None:
                    await socket.send_text(_text(told, request, next(numbers)))
            if listener.has_stalled:
                await socket.send_text(orjson.dumps(_STALL).decode())
            await socket.close(1001)

    async def _event_texts(self, request: StreamRequest, listener: Listener) -> AsyncIterator[bytes]:
        numbers = count()
        yield b": blocks as they are published\n\n"
        for first in self._backfill(request):
            yield _event(first, request, next(numbers))
        async for told in listener.announcements(QUIET_S):
            yield b":\n\n" if told is None else _event(told, request, next(numbers))

    def _backfill(self, request: StreamRequest) -> Iterator[Announcement]:
        if request.has_backfill and self._publications.current.blocks:
            yield Announcement(NEW_BLOCK, self._publications.current.tip)


def _text(told: Announcement, request: StreamRequest, number: int) -> str:
    return orjson.dumps(message(told, ASSET, request.metrics, number)).decode()


def _event(told: Announcement, request: StreamRequest, number: int) -> bytes:
    data: dict[str, Any] = message(told, ASSET, request.metrics, number)
    return b"event: %s\ndata: %s\n\n" % (told.kind.encode(), orjson.dumps(data))


async def _until_closed(socket: WebSocket) -> None:
    """Pass over what the client says until it goes."""
    with suppress(WebSocketDisconnect, RuntimeError):
        while True:
            received = await socket.receive()
            if received["type"] == "websocket.disconnect":
                return
