"""Sending answers: entity tags, compression where asked, streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.serve.answers import Answer

if TYPE_CHECKING:
    from starlette.types import Scope, Send

_CACHING = (b"cache-control", b"no-cache")


def header(scope: Scope, name: bytes) -> bytes:
    """The value of a request's header, empty where it has none."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""


async def send_answer(send: Send, scope: Scope, answer: Answer, status: int = 200) -> None:
    """Send an answer; 304 without a body where the client has it already."""
    headers = [(b"content-type", answer.media_type.encode())]
    headers += [(name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
    if answer.edition:
        headers.append((b"x-minerflow-file", answer.edition.partition(".")[0].encode()))
    if answer.edition or answer.etag:
        tag = f'W/"{answer.edition or answer.etag}"'.encode()
        headers += [(b"etag", tag), _CACHING]
        if status == 200 and tag in header(scope, b"if-none-match"):
            await _send_whole(send, scope, 304, headers, b"")
            return
    if answer.stream is not None:
        await _send_stream(send, headers, answer)
        return
    body = answer.body
    headers.append((b"vary", b"accept-encoding"))
    if b"gzip" in header(scope, b"accept-encoding") and (packed := answer.gzipped()) is not None:
        body = packed
        headers.append((b"content-encoding", b"gzip"))
    await _send_whole(send, scope, status, headers, body)


async def _send_whole(
    send: Send, scope: Scope, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    if status != 304:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def _send_stream(send: Send, headers: list[tuple[bytes, bytes]], answer: Answer) -> None:
    assert answer.stream is not None
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async for part in answer.stream:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
