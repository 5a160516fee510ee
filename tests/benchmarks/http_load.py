"""Requests over many connections at once, each as soon as its connection has the answer before.

Invariant: an answer counts once it is there whole; what is not a 200 is counted apart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import cast

import httptools


@dataclass
class Load:
    """What a run of requests took."""

    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    """seconds from the request to the end of its answer"""
    refused: int = 0
    """answers that were no 200"""
    size: int = 0
    """bytes of bodies"""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.waits) / self.seconds

    def percentile(self, share: float) -> float:
        """The wait (s) that this share of the requests did not exceed."""
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Connection(asyncio.Protocol):
    """One connection, which asks until the time is over."""

    def __init__(self, requests: Sequence[bytes], first: int, load: Load, until: float) -> None:
        self._requests, self._places = requests, count(first)
        self._load, self._until = load, until
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def _ask(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._asked = time.perf_counter()
        self._transport.write(self._requests[next(self._places) % len(self._requests)])

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._load.size += len(body)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self._load.waits.append(now - self._asked)
        self._load.refused += self._parser.get_status_code() != 200
        if now < self._until:
            asyncio.get_running_loop().call_soon(self._ask)
        else:
            self._transport.close()
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server hung up"))


def request_of(target: str, *, gzip: bool = False) -> bytes:
    """The bytes of a GET."""
    encoding = "Accept-Encoding: gzip\r\n" if gzip else ""
    return f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{encoding}\r\n".encode()


def run(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Load:
    """Send the requests in turn, over and over, for so many seconds."""

    async def ask_all() -> Load:
        load, loop = Load(), asyncio.get_running_loop()
        started = time.perf_counter()

        def made(number: int) -> _Connection:
            return _Connection(requests, number * 7, load, started + seconds)

        opened = [
            await loop.create_connection(lambda number=number: made(number), "127.0.0.1", port)  # type: ignore[misc]
            for number in range(connections)
        ]
        await asyncio.gather(*(connection.done for _, connection in opened))
        load.seconds = time.perf_counter() - started
        return load

    import uvloop

    return uvloop.run(ask_all())
