"""JSON over HTTP from a price provider.

Invariant: numbers keep all their digits.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from decimal import Decimal, InvalidOperation
from typing import Any

from etl.errors import PriceSourceError, PriceSourceUnavailable
from etl.prices.price_file import PriceRow
from etl.sources.node.retry import Notify, Retry

_REQUEST_TIMEOUT_S = 30.0
_MOST_BYTES = 64_000_000
_BUSY = (429, 500, 502, 503, 504)
_ACTION = "see whether the provider has changed its interface, or use another with --provider"


class Getter:
    """Requests to one provider, repeated while it is busy or out of reach."""

    def __init__(self, base_url: str, timeout_s: float, notify: Notify) -> None:
        """`timeout_s` is for how long a request is repeated."""
        self.base_url = base_url.rstrip("/")
        self._retry = Retry(timeout_s, notify)

    def __call__(self, path: str, **parameters: object) -> Any:
        """The JSON at a path. Raises PriceSourceUnavailable and PriceSourceError."""
        url = f"{self.base_url}{path}?{urllib.parse.urlencode(parameters)}"
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise PriceSourceError(f"{self.base_url} is no HTTP address", "correct --base-url")
        body = self._retry(lambda: self._read(url))
        try:
            return json.loads(body, parse_float=Decimal)
        except ValueError as error:
            raise unexpected(self, "an answer that is no JSON") from error

    def _read(self, url: str) -> bytes:
        request = urllib.request.Request(
            url, headers={"Accept": "application/json", "User-Agent": "minerflow"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_REQUEST_TIMEOUT_S) as answer:
                body: bytes = answer.read(_MOST_BYTES)
                return body
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error.code, error.read(500)) from error
        except OSError as error:
            raise PriceSourceUnavailable(
                f"{self.base_url} cannot be reached: {getattr(error, 'reason', error)}",
                "check the network, or use another provider with --provider",
            ) from error

    def _refused(self, status: int, body: bytes) -> PriceSourceError | PriceSourceUnavailable:
        text = " ".join(body.decode(errors="replace").split())
        what = f"{self.base_url} answers HTTP {status}: {text}"
        if status in _BUSY:
            return PriceSourceUnavailable(what, "try again later, or use another provider")
        return PriceSourceError(what, _ACTION)


def unexpected(get: Getter, what: str) -> PriceSourceError:
    """The error for an answer that does not have the documented form."""
    return PriceSourceError(f"{get.base_url} gives {what}", _ACTION)


def price_row(get: Getter, day: Any, price: object, source: str) -> PriceRow:
    """A day's price as a provider writes it. Raises PriceSourceError."""
    try:
        amount = Decimal(str(price))
    except InvalidOperation as error:
        raise unexpected(get, f"the price {price!r} for {day}") from error
    if not amount.is_finite() or amount <= 0:
        raise unexpected(get, f"the price {price!r} for {day}")
    return PriceRow(day, amount, source)
