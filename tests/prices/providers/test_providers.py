"""Each provider against a server that answers as the real one documents."""

from __future__ import annotations

import time
from collections.abc import Iterator
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


BUSY: dict[str, Answer] = {
    f"HTTP {status}": (status, b"<html> slow down")
    for status in (408, 429, 500, 502, 503, 504, 520, 522, 526, 530)
} | {
    # Kraken's support pages and clients' reports list these; all come with status 200.
    "EGeneral:Too many requests": (200, {"error": ["EGeneral:Too many requests"]}),
    "EAPI:Rate limit exceeded": (200, {"error": ["EAPI:Rate limit exceeded"]}),
    "EGeneral:Temporary lockout": (200, {"error": ["EGeneral:Temporary lockout"]}),
    "EGeneral:Internal error": (200, {"error": ["EGeneral:Internal error"]}),
    "EService:Unavailable": (200, {"error": ["EService:Unavailable"]}),
    "EService:Busy": (200, {"error": ["WApi:Deprecated", "EService:Busy"], "result": {}}),
    # Coinbase's, with whatever status.
    "Public rate limit exceeded": (200, {"message": "Public rate limit exceeded"}),
    "Slow rate limit exceeded": (403, {"message": "Slow rate limit exceeded"}),
    "Internal server error": (200, {"message": "Internal server error"}),
    # Coin Metrics' form of an error.
    "too_many_requests": (200, {"error": {"type": "too_many_requests", "message": "Too many requests"}}),
    # An instance of mempool that starts.
    "Service temporarily unavailable": (200, {"error": "Service temporarily unavailable"}),
}  # fmt: skip


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("told", BUSY)
def test_a_busy_provider_is_asked_again(name: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etl.sources.node.retry.FIRST_PAUSE_S", 0.001)
    answers = [BUSY[told]]

    def busy(path: str, parameters: dict[str, str]) -> Answer:
        return answers.pop() if answers else FORMS[name](path, parameters)

    notices: list[str] = []
    with serving(busy) as server:
        rows = fetch_prices(
            name, YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=20, notify=notices.append
        )
    assert (len(rows), len(server.requests), len(notices)) == (1, 2, 1)
    assert told in notices[0]


REFUSED: dict[str, Answer] = {
    "EQuery:Unknown asset pair": (200, {"error": ["EQuery:Unknown asset pair"], "result": {}}),
    "granularity too small": (400, {"message": "granularity too small for the requested time range"}),
    "bad_parameter, Bad parameter": (400, {"error": {"type": "bad_parameter", "message": "Bad parameter"}}),
    "HTTP 403: Forbidden": (403, b"Forbidden"),
    r"\x1b[2Jno": (404, b"\x1b[2Jno"),
}


@pytest.mark.parametrize("told", REFUSED)
def test_an_error_that_waiting_cannot_mend_is_told_at_once(told: str) -> None:
    with serving(lambda *_: REFUSED[told]) as server, pytest.raises(PriceSourceError) as error:
        fetch_prices("kraken", YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=20)
    assert told in error.value.what and len(server.requests) == 1


def test_a_warning_is_no_error() -> None:
    def warned(path: str, parameters: dict[str, str]) -> Answer:
        status, answer = FORMS["kraken"](path, parameters)
        return status, answer | {"error": ["WGeneral:Deprecated"]}

    with serving(warned) as server:
        assert len(fetch_prices("kraken", YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=0)) == 1


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"


def _dripped(begin: bytes, drop: bytes) -> Iterator[bytes]:
    yield begin
    while True:
        time.sleep(0.02)
        yield drop


@pytest.mark.parametrize("begin", [HEAD, b"HTTP/1.1 200 OK\r\nX: "], ids=["body", "headers"])
def test_an_answer_that_drips_is_given_up(begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etl.prices.providers.http._SHORTEST_REQUEST_S", 0.2)
    start = time.monotonic()
    with (
        serving(lambda *_: (200, _dripped(begin, b" "))) as server,
        pytest.raises(PriceSourceUnavailable, match=r"no whole answer within 0\.2 s"),
    ):
        fetch_prices("kraken", YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=0)
    assert time.monotonic() - start < 10


def test_an_answer_that_is_cut_off_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etl.sources.node.retry.FIRST_PAUSE_S", 0.001)
    cut = [iter([HEAD + b'{"error": []'])]

    def answer(path: str, parameters: dict[str, str]) -> Answer:
        return (200, cut.pop()) if cut else FORMS["kraken"](path, parameters)

    with serving(answer) as server:
        rows = fetch_prices("kraken", YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=20)
    assert (len(rows), len(server.requests)) == (1, 2)


def test_an_answer_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etl.prices.providers.http._MOST_BYTES", 100_000)
    endless = b"HTTP/1.1 200 OK\r\n\r\n["

    def pieces() -> Iterator[bytes]:
        yield endless
        while True:
            yield b"[" * 10_000

    with (
        serving(lambda *_: (200, pieces())) as server,
        pytest.raises(PriceSourceError, match="more than 100,000 bytes"),
    ):
        fetch_prices("kraken", YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=0)


def test_pages_without_end_are_refused() -> None:
    page = {"data": [{"time": f"{YESTERDAY}T00", "PriceUSD": "1"}], "next_page_token": "0.1"}
    with serving(lambda *_: (200, page)) as server, pytest.raises(PriceSourceError, match="new day"):
        fetch_prices("coinmetrics-community", YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=0)
    assert len(server.requests) == 2


def test_a_provider_that_stays_busy_or_away_is_given_up() -> None:
    with serving(lambda *_: (503, b"")) as server, pytest.raises(PriceSourceUnavailable):
        fetch_prices("kraken", YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=0)
    with pytest.raises(PriceSourceUnavailable, match="cannot be reached"):
        fetch_prices("kraken", YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=0)


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>"),
        (200, None),
        (200, {"data": 1, "prices": 1, "error": 0}),
        (200, [[1]]),
        (404, b""),
        (200, b"[" * 100_000),
        (200, b'[["Infinity", 1, 1, 1, 1e9999999999999999999]]'),
        (200, [[1e300] * 6]),
        (200, b"[[Infinity, 1, 1, 1, 1]]"),
        (200, b"9" * 5000),
    ],
    ids=[
        "html",
        "null",
        "object",
        "short",
        "404",
        "deep",
        "exponent",
        "late",
        "infinite",
        "long",
    ],
)
def test_answers_of_another_form_are_refused(name: str, answer: Answer) -> None:
    with serving(lambda *_: answer) as server, pytest.raises(PriceSourceError):
        fetch_prices(name, YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=0)


@pytest.mark.parametrize("bad", [0, -5, "NaN", "sNaN", "much", 1e308, "1e-9", True, None])
def test_a_price_that_is_none_is_refused(bad: Any) -> None:
    candle = [seconds(YESTERDAY), 1, 1, 1, bad, 1]
    with serving(lambda *_: (200, [candle])) as server, pytest.raises(PriceSourceError, match="price"):
        fetch_prices("coinbase", YESTERDAY, YESTERDAY, base_url=server.url, timeout_s=0)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://host/", "kraken.com", "http://", "http://host:port", "http://[::1",
     "http://a b"],
)  # fmt: skip
def test_only_http_addresses_are_asked(url: str) -> None:
    with pytest.raises(PriceSourceError, match="no HTTP address"):
        fetch_prices("kraken", YESTERDAY, YESTERDAY, base_url=url, timeout_s=0)


def test_an_address_with_a_password_is_refused_without_telling_it() -> None:
    with pytest.raises(PriceSourceError, match="host is no HTTP address") as error:
        fetch_prices("kraken", YESTERDAY, YESTERDAY, base_url="http://me:secret@host", timeout_s=0)
    assert "secret" not in str(error.value)
