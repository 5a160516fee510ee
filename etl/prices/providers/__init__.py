"""Providers of daily prices, each in a module of its own.

A provider gives, for days that are over, the price at their end (00:00 UTC of the next day).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from etl.prices.price_file import PriceRow
from etl.prices.providers import coinbase, coinmetrics, kraken, mempool
from etl.prices.providers.http import Getter
from etl.sources.node.retry import Notify, log_notice


@dataclass(frozen=True)
class Provider:
    """Where prices come from."""

    name: str
    base_url: str
    fetch: Callable[[Getter, date, date], list[PriceRow]]
    """the prices of the days from the first to the last, as far as it has them"""


PROVIDERS = {
    provider.name: provider
    for provider in (
        Provider("coinbase", coinbase.BASE_URL, coinbase.fetch),
        Provider("kraken", kraken.BASE_URL, kraken.fetch),
        Provider("mempool", mempool.BASE_URL, mempool.fetch),
        Provider("coinmetrics-community", coinmetrics.BASE_URL, coinmetrics.fetch),
    )
}


def fetch_prices(
    name: str,
    first: date,
    last: date,
    *,
    base_url: str | None = None,
    timeout_s: float = 60,
    notify: Notify = log_notice,
) -> list[PriceRow]:
    """Ask a provider for the prices of days that are over.

    Raises PriceSourceUnavailable where it stays out of reach for `timeout_s`, and PriceSourceError
    for an answer that it should not give.
    """
    provider = PROVIDERS[name]
    rows = provider.fetch(Getter(base_url or provider.base_url, timeout_s, notify), first, last)
    return sorted(row for row in rows if first <= row.day <= last)
