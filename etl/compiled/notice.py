"""Telling whoever waits that code is being compiled, which takes a minute once, when it really is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numba.core.event

_event: Any = numba.core.event

_KIND = "numba:compile"
_TEXT = "compiling code, once for this version: a minute or so"


class _Told(_event.Listener):  # type: ignore[misc]
    """Calls a function at the first start of a compilation."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._is_told = False

    def on_start(self, event: object) -> None:
        """Tell, unless that was done."""
        if not self._is_told:
            self._is_told = True
            self._tell(_TEXT)

    def on_end(self, event: object) -> None:
        """Nothing."""


@contextmanager
def compiling_told(tell: Callable[[str], None]) -> Iterator[None]:
    """Have `tell` say so, once, if the block compiles anything that no run before has left compiled."""
    listener = _Told(tell)
    _event.register(_KIND, listener)
    try:
        yield
    finally:
        _event.unregister(_KIND, listener)
