"""Coin Metrics' community data: PriceUSD, which is the reference rate at the day's end.

GET /v4/timeseries/asset-metrics answers {"data": [{"asset": "btc", "time": start of the day,
"PriceUSD": "price"}], "next_page_token": ...} page by page. The data are licensed CC BY-NC 4.0.
"""

from __future__ import annotations

from datetime import date

from etl.prices.price_file import PriceRow
from etl.prices.providers.http import Getter, price_row, unexpected

BASE_URL = "https://community-api.coinmetrics.io"

_PAGE_ROWS = 10_000


def fetch(get: Getter, first: date, last: date) -> list[PriceRow]:
    """Prices of the days from first to last."""
    prices: dict[date, object] = {}
    token: dict[str, str] = {}
    while True:
        answer = get(
            "/v4/timeseries/asset-metrics", assets="btc", metrics="PriceUSD", frequency="1d",
            start_time=first, end_time=last, paging_from="start", page_size=_PAGE_ROWS, **token,
        )  # fmt: skip
        try:
            page = {date.fromisoformat(r["time"][:10]): r["PriceUSD"] for r in answer["data"]}
            following = answer.get("next_page_token")
        except (TypeError, LookupError, ValueError, AttributeError) as error:
            raise unexpected(get, "prices in another form") from error
        if page and following and page.keys() <= prices.keys():
            raise unexpected(get, "pages without a new day")
        prices |= page
        if not page or not following:
            break
        token = {"next_page_token": following}
    return [
        price_row(get, day, price, "coinmetrics-community")
        for day, price in prices.items()
        if price is not None
    ]
