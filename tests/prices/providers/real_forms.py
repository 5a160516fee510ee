"""What each provider answers, in the form that its documentation gives; prices rise by the day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.prices.providers.server import Answer

FIRST = date(2013, 10, 6)
TODAY = date(2024, 3, 10)
"""The day that is not over."""


def price(day: date) -> str:
    """The price at the end of a day."""
    return f"{1000 + (day - FIRST).days}.25"


def seconds(day: date) -> int:
    """Start of a day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def coinbase(path: str, parameters: dict[str, str]) -> Answer:
    """Numbers, newest first; more than 300 are refused; the candle of today is there too."""
    assert path == "/products/BTC-USD/candles" and parameters["granularity"] == "86400"
    start = datetime.fromisoformat(parameters["start"]).date()
    end = datetime.fromisoformat(parameters["end"]).date()
    if (end - start).days >= 300:
        return 400, {"message": "granularity too small for the requested time range"}
    days = _days(max(start - timedelta(days=2), FIRST), min(end + timedelta(days=1), TODAY))
    return 200, [[seconds(d), 1.5, 9e6, 2.5, float(price(d)), 12.75] for d in reversed(days)]


def kraken(path: str, parameters: dict[str, str]) -> Answer:
    """The latest 720 days after `since`, as text, the last one not over."""
    assert path == "/0/public/OHLC"
    assert parameters["pair"] == "XBTUSD" and parameters["interval"] == "1440"
    known = [d for d in _days(FIRST, TODAY) if seconds(d) > int(parameters["since"])][-720:]
    rows = [[seconds(d), "1.5", "9.9", "1.0", price(d), "2.2", "10.5", 7] for d in known or [TODAY]]
    return 200, {"error": [], "result": {"XXBTZUSD": rows, "last": seconds(TODAY) - 86400}}


def mempool(path: str, parameters: dict[str, str]) -> Answer:
    """All hours of the last days, a price a week before; numbers; -1 where there is none."""
    assert path == "/api/v1/historical-price" and parameters == {"currency": "USD"}
    entries: list[dict[str, Any]] = [{"time": seconds(d) + 7200, "USD": -1} for d in _days(FIRST, TODAY)]
    for d in _days(TODAY - timedelta(days=400), TODAY):
        before = float(price(d - timedelta(days=1)))
        entries += [{"time": seconds(d), "USD": before}, {"time": seconds(d) + 3600, "USD": 3.5}]
    return 200, {"prices": entries[::-1], "exchangeRates": {"USDEUR": 0.92}}


def coinmetrics(path: str, parameters: dict[str, str]) -> Answer:
    """Text, oldest first, a hundred rows a page."""
    assert path == "/v4/timeseries/asset-metrics"
    assert (parameters["assets"], parameters["metrics"], parameters["frequency"]) == ("btc", "PriceUSD", "1d")
    first = date.fromisoformat(parameters["start_time"])
    last = min(date.fromisoformat(parameters["end_time"]), TODAY - timedelta(days=1))
    start = int(parameters.get("next_page_token", "0.0").partition(".")[2])
    days = _days(first, last)
    page: dict[str, Any] = {
        "data": [
            {"asset": "btc", "time": f"{d}T00:00:00.000000000Z", "PriceUSD": f"{price(d)}00000001"}
            for d in days[start : start + 100]
        ]
    }
    if start + 100 < len(days):
        token = f"0.{start + 100}"
        page |= {"next_page_token": token, "next_page_url": f"https://nowhere/{token}"}
    return 200, page


FORMS: dict[str, Callable[[str, dict[str, str]], Answer]] = {
    "coinbase": coinbase, "kraken": kraken, "mempool": mempool, "coinmetrics-community": coinmetrics,
}  # fmt: skip
