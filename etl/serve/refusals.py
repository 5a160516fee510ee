"""Why a request is refused. Each family of endpoints writes these in its vendor's shape."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_SHOWN = 100
"""How many characters of a value an answer repeats."""


class Refused(Exception):
    """A request that gets no data: the HTTP status and what to tell the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class WrongCredentials(Refused):
    """A key was sent that is none of the server's."""

    def __init__(self) -> None:
        super().__init__(
            401, "the API key is not one of this server's; check it, or ask whoever runs the server"
        )


class BadParameter(Refused):
    """A parameter or a value of one that is not understood; `hint` says what would be."""

    def __init__(self, name: str, value: str, hint: str = "") -> None:
        self.name = name[:_SHOWN]
        self.value = value[:_SHOWN]
        self.hint = hint
        super().__init__(400, f"parameter {self.name!r}: {self.value!r} is not supported. {hint}".rstrip())


class TooManyRequests(Refused):
    """More requests than the limit; `seconds` until the next may come, `at` is that in epoch seconds."""

    def __init__(self, seconds: int, at: int) -> None:
        super().__init__(429, f"too many requests; the next may come in {seconds} s")
        self.seconds = seconds
        self.at = at


def nearest(value: str, known: Iterable[str]) -> str:
    """A sentence that names the known value most like another, nothing where none is."""
    by_small = {name.lower(): name for name in known}
    found = difflib.get_close_matches(value[:_SHOWN].lower(), by_small, n=1)
    return f"Did you mean '{by_small[found[0]]}'?" if found else ""
