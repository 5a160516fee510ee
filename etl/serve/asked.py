"""What a request asks for, apart from how HTTP says it, and the endpoint that answers it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.serve.answers import Answer, Key
from etl.serve.parameters import Parameters
from etl.serve.refusals import BadParameter, nearest
from etl.serve.sending import header, send_answer

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from etl.serve.publications import Publications
    from etl.serve.snapshot import Snapshot

_HOST = re.compile(rb"[A-Za-z0-9.:\[\]_-]{1,255}")


@dataclass(frozen=True)
class Asked:
    """One request for data."""

    publications: Publications
    snapshot: Snapshot
    """the newest as the request came"""
    path: str
    """with the profile in front, as the client wrote it"""
    profile: str | None
    """from the path"""
    query: bytes
    base_url: str
    """scheme and host by which the client knows this server"""

    def profile_of(self, parameters: Parameters, default: str) -> str:
        """The profile asked for in the path or by parameter. Raises BadParameter."""
        named = parameters.text("profile")
        profile = named or self.profile or default
        if profile not in self.snapshot.profiles or (named and self.profile not in (None, named)):
            listed = f"The profiles are: {', '.join(self.snapshot.profiles)}."
            raise BadParameter("profile", profile, nearest(profile, self.snapshot.profiles) or listed)
        return profile


Make = Callable[[Asked], Coroutine[Any, Any, Answer]]


class Endpoint:
    """An ASGI application that answers from the newest snapshot, each thing asked made once."""

    def __init__(self, publications: Publications, make: Make) -> None:
        self._publications = publications
        self._make = make
        self._making: dict[Key, asyncio.Future[Answer]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises Refused."""
        snapshot = self._publications.current
        base_url = _base_url(scope)
        key = (base_url, scope["asked_path"], scope["query_string"].decode("latin-1"))
        answer = snapshot.answers.get(key)
        if answer is None:
            asked = Asked(
                self._publications, snapshot, scope["asked_path"], scope["profile"],
                scope["query_string"], base_url,
            )  # fmt: skip
            answer = await self._made(asked, key)
            if answer.edition == snapshot.edition:
                snapshot.answers.put(key, answer)
        await send_answer(send, scope, answer)

    async def _made(self, asked: Asked, key: Key) -> Answer:
        """The answer, made once for all who ask for it at the same time; a stream can only be read once."""
        named = (asked.snapshot.edition, *key)
        making = self._making.get(named)
        is_first = making is None
        if making is None:
            making = self._making[named] = asyncio.ensure_future(self._make(asked))
            making.add_done_callback(lambda _: self._making.pop(named, None))
        answer = await asyncio.shield(making)
        if answer.stream is not None and not is_first:
            answer = await self._make(asked)
        answer.edition = answer.edition or asked.snapshot.edition
        return answer


def _base_url(scope: Scope) -> str:
    host = header(scope, b"host")
    if not _HOST.fullmatch(host):
        name, port = scope.get("server") or ("localhost", None)
        host = f"{name}:{port}".encode() if port else str(name).encode()
    return f"{scope['scheme']}://{host.decode()}"
