"""Adding prices: what is odd is found, and nothing is overwritten unasked."""

from __future__ import annotations

from decimal import Decimal

import pytest

from etl.errors import PriceFileError
from etl.prices.merge import merge
from etl.prices.price_file import PriceRow
from tests.support.small_warehouse import day


def _rows(prices: dict[int, str], source: str = "held") -> list[PriceRow]:
    return [PriceRow(day(number), Decimal(price), source) for number, price in prices.items()]


HELD = _rows({1: "100", 2: "110", 3: "120"})


def test_new_days_are_added_in_order() -> None:
    merged = merge(HELD, _rows({5: "140", 4: "130"}), replace=False)
    assert [row.day for row in merged.rows] == [day(n) for n in range(1, 6)]
    assert (merged.added, merged.replaced, merged.is_changed) == (2, [], True)
    assert merged.lines() == ["new prices: 2; held now: 5 (2020-01-01 to 2020-01-05)"]


def test_the_same_price_again_changes_nothing() -> None:
    merged = merge(HELD, _rows({2: "110.00"}, "new"), replace=False)
    assert merged.rows == HELD
    assert not merged.is_changed


def test_another_price_needs_replace() -> None:
    given = _rows({2: "111", 3: "120", 4: "130"}, "new")
    with pytest.raises(PriceFileError) as error:
        merge(HELD, given, replace=False)
    assert "1 days have another price already (differ: 2020-01-02: 110 held, 111 given)" in str(error.value)
    assert "--replace" in error.value.action
    merged = merge(HELD, given, replace=True)
    assert [row.price for row in merged.rows] == [100, 111, 120, 130]
    assert [row.source for row in merged.rows] == ["held", "new", "held", "new"]
    assert merged.lines()[0] == "replaced: 2020-01-02: 110 by 111"


@pytest.mark.parametrize(
    ("given", "gap"),
    [({6: "1"}, "2020-01-04 to 2020-01-05"), ({-1: "1"}, "2019-12-31 to 2019-12-31")],
)
def test_gaps_are_refused_and_named(given: dict[int, str], gap: str) -> None:
    with pytest.raises(PriceFileError, match=gap):
        merge(HELD, _rows(given), replace=True)


def test_days_given_twice_are_reported_or_refused() -> None:
    merged = merge(HELD, _rows({4: "130"}) * 2, replace=False)
    assert merged.lines()[0] == "given more than once: 2020-01-04"
    with pytest.raises(PriceFileError, match="two prices are given for 2020-01-04: 130 and 131"):
        merge(HELD, _rows({4: "130"}) + _rows({4: "131"}), replace=True)


def test_jumps_are_reported_both_ways() -> None:
    # 120 to 180 is just half as much again; 180 to 121 is a fall by less than a third of 180.
    merged = merge(HELD, _rows({4: "180", 5: "121", 6: "80"}), replace=False)
    assert merged.lines()[0] == "jumps: 2020-01-04: 120 to 180, 2020-01-06: 121 to 80"
    assert merge(HELD, _rows({4: "179.99"}), replace=False).jumps == []


def test_many_findings_are_cut_short() -> None:
    given = _rows({n: str(10**n) for n in range(4, 14)})
    assert merge(HELD, given, replace=False).lines()[0].endswith(" and 5 more")
