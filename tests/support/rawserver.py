"""A server that sends exactly the bytes that it is told to, as slowly as it is told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from types import TracebackType

Talk = Callable[[socket.socket], None]
"""What is done with each connection once its first request has come."""


class RawServer:
    """Listens on a port of this machine; a context manager."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._listening = socket.create_server(("127.0.0.1", 0))

    @property
    def netloc(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> RawServer:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connected, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connected,), daemon=True).start()

    def _answer(self, connected: socket.socket) -> None:
        with connected:
            try:
                connected.recv(1 << 16)
                self._talk(connected)
            except OSError:
                return  # the client has had enough
