"""JSON over HTTP from a price provider.

Invariants: numbers keep all their digits; a request ends, whatever the provider sends, and so does an answer;
that a provider is busy is retried whether it tells so by a status or in the body of an answer.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future
from decimal import Decimal, InvalidOperation
from typing import Any

from etl.errors import PriceSourceError, PriceSourceUnavailable
from etl.foreign_text import escaped
from etl.prices.price_file import PriceRow, is_price
from etl.sources.node.retry import Notify, Retry

_SHORTEST_REQUEST_S = 5.0
_LONGEST_REQUEST_S = 60.0
_MOST_BYTES = 32_000_000
_MOST_TOLD = 300
"""characters of an error that a provider tells"""

_BUSY = (408, 425, 429)
"""beside 5xx: 500 to 504 of the provider, 520 to 530 of what stands in front of it"""
_PASSING = (
    "rate limit", "too many requests", "throttle", "temporar", "unavailable", "internal error",
    "internal server error", "internal_server_error", "timeout", "timed out", "deadline elapsed", "busy",
    "overload", "maintenance", "try again", "eservice:",
)  # fmt: skip
"""What errors say, in small letters, that pass by themselves. Kraken: EAPI:Rate limit exceeded,
EGeneral:Too many requests, EGeneral:Temporary lockout, EGeneral:Internal error, EService:Unavailable and
more; Coinbase: Public rate limit exceeded, Slow rate limit exceeded, Internal server error."""
_CHANGED = "see whether the provider has changed its interface, or use another with --provider"
_LATER = "try again later, or use another provider with --provider"


class Getter:
    """Requests to one provider, repeated while it is busy or out of reach."""

    def __init__(self, base_url: str, timeout_s: float, notify: Notify) -> None:
        """`timeout_s` is for how long a request is repeated. Raises PriceSourceError for no HTTP address."""
        _check_address(base_url)
        self.base_url = base_url.rstrip("/")
        self._request_s = min(max(timeout_s, _SHORTEST_REQUEST_S), _LONGEST_REQUEST_S)
        self._retry = Retry(timeout_s, notify)

    def __call__(self, path: str, **parameters: object) -> Any:
        """The JSON at a path. Raises PriceSourceUnavailable and PriceSourceError."""
        url = f"{self.base_url}{path}?{urllib.parse.urlencode(parameters)}"
        return self._retry(lambda: self._answer(url))

    def _answer(self, url: str) -> Any:
        """What one request gives."""
        try:
            status, body = _within(self._request_s, lambda deadline: _read(url, deadline))
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = escaped(str(getattr(error, "reason", error)) or type(error).__name__)
            raise PriceSourceUnavailable(
                f"{self.base_url} cannot be reached: {reason}",
                "check the network, or use another provider with --provider",
            ) from error
        if len(body) > _MOST_BYTES:
            raise unexpected(self, f"more than {_MOST_BYTES:,} bytes")
        if status == 200:
            return self._accepted(body)
        raise self._refused(f"HTTP {status}: {_told(body)}", is_busy=status >= 500 or status in _BUSY)

    def _accepted(self, body: bytes) -> Any:
        """The JSON of a body that tells no error."""
        try:
            answer = json.loads(body, parse_float=Decimal)
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise unexpected(self, "an answer that is no JSON") from error
        told = _error_in(answer)
        if told:
            raise self._refused(told)
        return answer

    def _refused(self, told: str, *, is_busy: bool = False) -> PriceSourceError | PriceSourceUnavailable:
        what = f"{self.base_url} answers {told}"
        if is_busy or any(words in told.lower() for words in _PASSING):
            return PriceSourceUnavailable(what, _LATER)
        return PriceSourceError(what, _CHANGED)


def _check_address(base_url: str) -> None:
    try:
        parts = urllib.parse.urlsplit(base_url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or "@" in base_url or not base_url.isprintable() or " " in base_url:
        shown = escaped(base_url.rpartition("@")[2])
        raise PriceSourceError(
            f"{shown} is no HTTP address", "correct --base-url: http:// or https://, a host, no user name"
        )


def _within(seconds: float, read: Callable[[float], tuple[int, bytes]]) -> tuple[int, bytes]:
    """What `read` gives, called with its deadline in a thread of its own, so that nothing that it waits for
    (names, connections, headers byte by byte) takes longer. Raises TimeoutError and what `read` raises.
    """
    result: Future[tuple[int, bytes]] = Future()

    def call() -> None:
        try:
            result.set_result(read(time.monotonic() + seconds))
        except Exception as error:
            result.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    try:
        return result.result(seconds)
    except TimeoutError as error:
        raise TimeoutError(f"no whole answer within {seconds:g} s") from error


def _read(url: str, deadline: float) -> tuple[int, bytes]:
    """Status and body of one request; the body may be one byte longer than is allowed."""
    request = urllib.request.Request(url, headers={"Accept": "application/json", "User-Agent": "minerflow"})
    seconds = max(deadline - time.monotonic(), 0.001)
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.status, _body(answer, deadline)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _body(error, deadline)


def _body(answer: Any, deadline: float) -> bytes:
    """The body of an answer, which may be an HTTPError."""
    body = bytearray()
    while len(body) <= _MOST_BYTES and (piece := answer.read1(_MOST_BYTES + 1 - len(body))):
        body += piece
        if time.monotonic() > deadline:
            raise TimeoutError("the answer comes too slowly")
    if answer.length and len(body) <= _MOST_BYTES:
        raise http.client.IncompleteRead(bytes(body), answer.length)
    return bytes(body)


def _told(body: bytes) -> str:
    """What the body of a refusal says: the error in its JSON, else its text."""
    try:
        told = _error_in(json.loads(body))
    except (ValueError, RecursionError):
        told = ""
    return told or _short(body[: 10 * _MOST_TOLD].decode(errors="replace"))


def _error_in(answer: Any) -> str:
    """The error that an answer tells, nothing where it tells none.

    Kraken: {"error": [texts]}, of which those that begin with W are warnings; Coin Metrics: {"error":
    {"type": text, "message": text}}; Coinbase and mempool: {"message": text} or {"error": text}.
    """
    if not isinstance(answer, dict):
        return ""
    told = answer.get("error") or answer.get("message")
    if isinstance(told, dict):
        told = ", ".join(map(str, told.values()))
    elif isinstance(told, list):
        told = ", ".join(str(each) for each in told if not str(each).startswith("W"))
    return _short(told) if isinstance(told, str) else ""


def _short(text: str) -> str:
    return escaped(" ".join(text[: 10 * _MOST_TOLD].split()), _MOST_TOLD)


def unexpected(get: Getter, what: str) -> PriceSourceError:
    """The error for an answer that does not have the documented form."""
    return PriceSourceError(f"{get.base_url} gives {what}", _CHANGED)


def price_row(get: Getter, day: Any, price: object, source: str) -> PriceRow:
    """A day's price as a provider writes it. Raises PriceSourceError."""
    try:
        amount = Decimal(str(price))
    except InvalidOperation as error:
        raise unexpected(get, f"the price {_short(repr(price))} for {day}") from error
    if not is_price(amount):
        raise unexpected(get, f"the price {_short(repr(price))} for {day}")
    return PriceRow(day, amount, source)
