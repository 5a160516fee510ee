"""Each provider against a server that answers as the real one documents."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from etl.errors import PriceSourceError, PriceSourceUnavailable
from etl.prices.providers import PROVIDERS, fetch_prices
from tests.prices.providers.real_forms import FORMS, TODAY, price, seconds
from tests.prices.providers.server import Answer, serving

YESTERDAY = TODAY - timedelta(days=1)


def test_every_provider_is_tried() -> None:
    assert FORMS.keys() == PROVIDERS.keys()


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_year_of_prices(name: str) -> None:
    first = YESTERDAY - timedelta(days=364)
    with serving(FORMS[name]) as server:
        rows = fetch_prices(name, first, YESTERDAY, base_url=f"{server.url}/", timeout_s=0)
    assert [row.day for row in rows] == [first + timedelta(days=n) for n in range(365)]
    digits = "00000001" if name == "coinmetrics-community" else ""
    assert [row.price for row in rows] == [Decimal(price(row.day) + digits) for row in rows]
    assert {row.source for row in rows} == {name}
    pages = {"coinbase": 2, "coinmetrics-community": 4}
    assert len(server.requests) == pages.get(name, 1)


def test_kraken_has_no_more_than_720_days() -> None:
    with serving(FORMS["kraken"]) as server:
        rows = fetch_prices("kraken", date(2015, 1, 1), YESTERDAY, base_url=server.url, timeout_s=0)
    assert (rows[0].day, rows[-1].day) == (TODAY - timedelta(days=719), YESTERDAY)


def test_mempool_leaves_out_days_whose_end_has_no_price() -> None:
    with serving(FORMS["mempool"]) as server:
        rows = fetch_prices("mempool", date(2015, 1, 1), YESTERDAY, base_url=server.url, timeout_s=0)
    assert rows[0].day == TODAY - timedelta(days=401)


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_busy_provider_is_asked_again(status: int) -> None:
    answers = [(status, b"slow down"), (status, b"slow down")]

    def busy(path: str, parameters: dict[str, str]) -> Answer:
        return answers.pop() if answers else FORMS["kraken"](path, parameters)

    told: list[str] = []
    with serving(busy) as server:
        rows = fetch_prices(
            "kraken", YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=20, notify=told.append
        )
    assert len(rows) == 1 and len(server.requests) == 3
    assert f"HTTP {status}: slow down" in told[0]


def test_a_provider_that_stays_busy_or_away_is_given_up() -> None:
    with serving(lambda *_: (503, b"")) as server, pytest.raises(PriceSourceUnavailable):
        fetch_prices("kraken", YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=0)
    with pytest.raises(PriceSourceUnavailable, match="cannot be reached"):
        fetch_prices("kraken", YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=0)


def test_kraken_tells_its_errors_with_status_200() -> None:
    def refused(text: str) -> Any:
        return lambda *_: (200, {"error": [text], "result": {}})

    with (
        serving(refused("EGeneral:Too many requests")) as server,
        pytest.raises(PriceSourceUnavailable, match="Too many requests"),
    ):
        fetch_prices("kraken", YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=0)
    with (
        serving(refused("EQuery:Unknown asset pair")) as server,
        pytest.raises(PriceSourceError, match="Unknown asset pair"),
    ):
        fetch_prices("kraken", YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=0)


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize(
    "answer",
    [(200, b"<html>"), (200, None), (200, {"data": 1, "prices": 1, "error": 0}), (200, [[1]]), (404, b"")],
    ids=["html", "null", "object", "short", "404"],
)
def test_answers_of_another_form_are_refused(name: str, answer: Answer) -> None:
    with serving(lambda *_: answer) as server, pytest.raises(PriceSourceError):
        fetch_prices(name, YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=0)


@pytest.mark.parametrize("bad", [0, -5, "NaN", "much"])
def test_a_price_that_is_none_is_refused(bad: Any) -> None:
    candle = [seconds(YESTERDAY), 1, 1, 1, bad, 1]
    with serving(lambda *_: (200, [candle])) as server, pytest.raises(PriceSourceError, match="price"):
        fetch_prices("coinbase", YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=0)


def test_only_http_addresses_are_asked() -> None:
    with pytest.raises(PriceSourceError, match="no HTTP address"):
        fetch_prices("kraken", YESTERDAY, YESTERDAY, base_url="file:///etc/passwd", timeout_s=0)
