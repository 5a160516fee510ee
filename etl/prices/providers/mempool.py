"""mempool.space, or an instance of one's own: the price at 00:00 UTC of the next day.

GET /api/v1/historical-price?currency=USD answers {"prices": [{"time": SECONDS, "USD": price}, ...],
"exchangeRates": {...}} with all prices known, in no order that counts; -1 stands for none. In the
early years there is none at most midnights, so that days are missing.
"""

from __future__ import annotations

from datetime import date, timedelta

from etl.prices.price_file import PriceRow
from etl.prices.providers.http import Getter, price_row, unexpected
from etl.prices.providers.times import start_of

BASE_URL = "https://mempool.space"


def fetch(get: Getter, first: date, last: date) -> list[PriceRow]:
    """Prices at the ends of those days from first to last that have one."""
    answer = get("/api/v1/historical-price", currency="USD")
    try:
        known = {entry["time"]: entry["USD"] for entry in answer["prices"]}
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        ends = {day: known.get(start_of(day + timedelta(days=1))) for day in days}
        priced = {day: price for day, price in ends.items() if price is not None and price > 0}
    except (TypeError, LookupError) as error:
        raise unexpected(get, "prices in another form") from error
    return [price_row(get, day, price, "mempool") for day, price in priced.items()]
