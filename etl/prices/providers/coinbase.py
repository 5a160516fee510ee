"""Coinbase Exchange: daily candles of BTC-USD, whose close is the price at the day's end.

GET /products/BTC-USD/candles?granularity=86400&start=ISO&end=ISO answers a list of
[start in Unix seconds, low, high, open, close, volume], newest first, at most 300 of them. The last
one may be of a day that is not over; intervals without a trade are left out.
"""

from __future__ import annotations

from datetime import date, timedelta

from etl.prices.price_file import PriceRow
from etl.prices.providers.http import Getter, price_row, unexpected
from etl.prices.providers.times import DAY_S, day_at

BASE_URL = "https://api.exchange.coinbase.com"

_MOST_CANDLES = 300


def fetch(get: Getter, first: date, last: date) -> list[PriceRow]:
    """Closes of the days from first to last."""
    rows: list[PriceRow] = []
    while first <= last:
        end = min(last, first + timedelta(days=_MOST_CANDLES - 1))
        rows += _page(get, first, end)
        first = end + timedelta(days=1)
    return rows


def _page(get: Getter, first: date, last: date) -> list[PriceRow]:
    answer = get(
        "/products/BTC-USD/candles", granularity=DAY_S,
        start=f"{first}T00:00:00Z", end=f"{last}T00:00:00Z",
    )  # fmt: skip
    try:
        closes = {day_at(candle[0]): candle[4] for candle in answer}
    except (TypeError, LookupError, ValueError) as error:
        raise unexpected(get, "candles in another form") from error
    return [price_row(get, day, close, "coinbase") for day, close in closes.items() if first <= day <= last]
