"""Pro rata shares are exact: floor(received * spent / total) in integers wider than 64 bits."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clustering.transfers import share
from tests.support.properties import cases, examples

MAX_MONEY_SAT = 21_000_000 * 10**8
LIMIT = 2**52 - 1
"""What `share` promises to bear; no more than MAX_MONEY_SAT can ever be."""

EDGES = sorted(
    {value for power in range(53) for value in (2**power - 1, 2**power, 2**power + 1) if value <= LIMIT}
    | {10**power for power in range(16)}
    | {MAX_MONEY_SAT - 1, MAX_MONEY_SAT, LIMIT - 1, LIMIT, 94_906_265, 94_906_267, 3, 7}
)


def _share(received: int, spent: int, total: int) -> int:
    return int(share(np.int64(received), np.int64(spent), np.int64(total)))


@examples(2000)
@given(st.integers(1, LIMIT), st.floats(0, 1), st.floats(0, 1))
def test_of_random_amounts(total: int, received_part: float, spent_part: float) -> None:
    received, spent = round(total * received_part), round(total * spent_part)
    assert _share(received, spent, total) == received * spent // total


@examples(1000)
@given(st.integers(1, LIMIT).flatmap(lambda total: st.tuples(*(st.integers(0, total),) * 2, st.just(total))))
def test_of_any_amounts(amounts: tuple[int, int, int]) -> None:
    received, spent, total = amounts
    assert _share(received, spent, total) == received * spent // total


def test_of_extremes() -> None:
    for total in EDGES[1:]:
        amounts = [edge for edge in EDGES if edge <= total]
        if len(amounts) > 40:
            amounts = amounts[:8] + random.Random(total).sample(amounts[8:-12], 20) + amounts[-12:]
        for received in amounts:
            for spent in amounts:
                assert _share(received, spent, total) == received * spent // total


@examples(1000)
@given(st.integers(2, LIMIT), st.integers(1, LIMIT), st.integers(-3, 3))
def test_around_whole_quotients(total: int, factor: int, off: int) -> None:
    """received * spent just below, at and above a multiple of total."""
    spent = 1 + factor % (total - 1)
    received = min(total, max(0, -(-((factor % total) * total) // spent) + off))
    assert _share(received, spent, total) == received * spent // total


def test_of_many_pseudo_random_amounts() -> None:
    numbers = random.Random(2718)
    for _ in range(cases(20_000)):
        total = numbers.randrange(1, 2 ** numbers.randrange(1, 53))
        received, spent = numbers.randrange(total + 1), numbers.randrange(total + 1)
        assert _share(received, spent, total) == received * spent // total


@examples(300)
@given(st.lists(st.integers(0, MAX_MONEY_SAT // 8), min_size=1, max_size=8), st.floats(0, 1))
def test_the_sources_of_a_payment_never_add_up_to_more_than_it(spent: list[int], part: float) -> None:
    total = sum(spent)
    if total == 0:
        return
    received = round(total * part)
    shares = [_share(received, each, total) for each in spent]
    assert received - len(spent) < sum(shares) <= received
