"""Kraken: daily candles of XBTUSD, whose close is the price at the day's end.

GET /0/public/OHLC?pair=XBTUSD&interval=1440&since=SECONDS answers {"error": [], "result": {PAIR:
[[start, open, high, low, close, vwap, volume, count], ...], "last": ...}} with candles after
`since`, the latest 720 days at most; the last one is of the day that is not over.
Errors come with status 200.
"""

from __future__ import annotations

from datetime import date

from etl.prices.price_file import PriceRow
from etl.prices.providers.http import Getter, price_row, unexpected
from etl.prices.providers.times import day_at, start_of

BASE_URL = "https://api.kraken.com"


def fetch(get: Getter, first: date, last: date) -> list[PriceRow]:
    """Closes of those days from first to last that are among the latest 720."""
    answer = get("/0/public/OHLC", pair="XBTUSD", interval=1440, since=start_of(first) - 1)
    try:
        (candles,) = (held for name, held in answer["result"].items() if name != "last")
        closes = {day_at(candle[0]): candle[4] for candle in candles[:-1]}
    except (TypeError, LookupError, ValueError, AttributeError) as error:
        raise unexpected(get, "candles in another form") from error
    return [price_row(get, day, close, "kraken") for day, close in closes.items() if first <= day <= last]
