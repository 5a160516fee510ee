"""The reference tracker gives the golden results, which another program computed: the oracle is proven."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.clustering.golden_economy import golden_economy
from tests.clustering.reference import Attributes, Reference, Results
from tests.clustering.reference_sums import active, transfers
from tests.support.golden import CHAINS, GoldenChain


@pytest.fixture(scope="module", params=CHAINS, ids=lambda chain: str(chain.name))
def tracked(request: pytest.FixtureRequest) -> tuple[GoldenChain, Reference]:
    chain: GoldenChain = request.param
    return chain, Reference(golden_economy(chain), ask_everyone=False)


def _results(reference: Reference) -> list[tuple[str, Results]]:
    return list(reference.results.items())


def _day(number: int) -> str:
    return str(date(1970, 1, 1) + timedelta(days=number))


def _days(reference: Reference) -> dict[int, str]:
    """Day by height."""
    return {block.height: _day(block.day) for block in reference.economy.blocks}


def _text(values: tuple[object, ...]) -> tuple[str, ...]:
    return tuple("" if value is None else str(value) for value in values)


def _expected(chain: GoldenChain, table: str) -> list[tuple[str, ...]]:
    return sorted(tuple(row.values()) for row in chain.expected(table))


def test_pools(tracked: tuple[GoldenChain, Reference]) -> None:
    chain, reference = tracked
    expected = {int(row["height"]): row["pool"] for row in chain.expected("blocks")}
    assert reference.pools == expected


def test_coinjoins(tracked: tuple[GoldenChain, Reference]) -> None:
    chain, reference = tracked
    assert sorted(map(_text, reference.coinjoins)) == _expected(chain, "coinjoins")


def test_conflicts(tracked: tuple[GoldenChain, Reference]) -> None:
    chain, reference = tracked
    found = [(profile, *each) for profile, results in _results(reference) for each in results.conflicts]
    assert sorted(map(_text, found)) == _expected(chain, "conflicts")


def test_addresses(tracked: tuple[GoldenChain, Reference]) -> None:
    chain, reference = tracked
    found = [
        (profile, identity, *attributes, height)
        for profile, results in _results(reference)
        for height, identity, attributes in results.changes
    ]
    assert sorted(map(_text, found)) == _expected(chain, "addresses")


def test_daily_flows(tracked: tuple[GoldenChain, Reference]) -> None:
    chain, reference = tracked
    days = _days(reference)
    value_sat: Counter[tuple[object, ...]] = Counter()
    tx_count: Counter[tuple[object, ...]] = Counter()
    for profile, results in _results(reference):
        for height, position, _, (source, destination), amount in results.transfers:
            group = (profile, days[height], position == 0, *_named(source), *destination)
            value_sat[group] += amount
            tx_count[group] += 1
    found = [(*group, value_sat[group], tx_count[group]) for group in value_sat]
    assert sorted(map(_text, found)) == _expected(chain, "daily_flows")


def _named(source: Attributes | None) -> Attributes:
    return source or (None, None, None)


def test_supply(tracked: tuple[GoldenChain, Reference]) -> None:
    """At the last block of each day; metrics.csv leaves zeros and the day that is not final out."""
    chain, reference = tracked
    days = _days(reference)
    last = {day: height for height, day in days.items()}
    expected = {
        (row["profile"], row["day"], row["metric"]): Decimal(row["value"])
        for row in chain.expected("metrics")
        if row["metric"] in ("SplyMiner0HopAllNtv", "SplyMiner1HopAllNtv") and row["day"] in last
    }
    assert len(expected) > 2 * len(last)
    found = {
        (profile, day, f"SplyMiner{hop}HopAllNtv"): Decimal(results.supply[height][hop]).scaleb(-8)
        for profile, results in _results(reference)
        for day, height in last.items()
        for hop in (0, 1)
        if day != days[chain.last_height]
    }
    assert {key: value for key, value in found.items() if value} == expected


def test_chain_statistics(tracked: tuple[GoldenChain, Reference]) -> None:
    """Of each final day."""
    chain, reference = tracked
    blocks = reference.economy.blocks
    addresses = {_day(day): count for day, count in active(reference.economy).items()}
    moved: Counter[tuple[str, int]] = Counter()
    for block in blocks:
        for at, amount in enumerate(transfers(block)):
            moved[_day(block.day), at] += amount
    expected = chain.expected("chain_stats")
    assert len(expected) >= 44
    for row in expected:
        day = row["day"]
        found = (moved[day, 0], moved[day, 1], addresses.get(day, 0))
        assert found == (int(row["TxTfrCnt"]), int(row["TxTfrVal_sat"]), int(row["AdrActCnt"])), day
