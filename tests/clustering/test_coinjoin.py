"""CoinJoin rules against the reference, on random transactions at and around every threshold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustering.coinjoin import RULES, coinjoin_rules
from tests.clustering.economy import Coin, Tx
from tests.clustering.reference import coinjoin_rule
from tests.support.properties import examples

BASE_ID = 10**9
DATA = Path(__file__).parent.parent / "data"
WASABI1_BOUNDS = (
    4_499_999, 4_500_000, 5_500_000, 5_500_001, 7_999_999, 8_000_000, 12_000_000, 12_000_001,
)  # fmt: skip


def _rules(txs: Sequence[Tx]) -> list[str | None]:
    """Names by the production code, for a whole batch at once."""

    def column(coins: list[Coin], name: str, dtype: type) -> np.ndarray:
        return np.array([getattr(coin, name) for coin in coins], dtype=dtype)

    inputs = [coin for tx in txs for coin in tx.inputs]
    outputs = [coin for tx in txs for coin in tx.outputs]
    numbers = coinjoin_rules(
        np.array([len(tx.inputs) for tx in txs], dtype=np.int64),
        np.array([len(tx.outputs) for tx in txs], dtype=np.int64),
        column(inputs, "identity", np.uint64), column(inputs, "value_sat", np.int64),
        column(outputs, "identity", np.uint64), column(outputs, "value_sat", np.int64),
    )  # fmt: skip
    return [RULES[number] or None for number in numbers.tolist()]


def _tx(spent: Sequence[int], payers: Sequence[int], paid: Sequence[int], takers: Sequence[int]) -> Tx:
    return Tx(
        "tx",
        tuple(Coin(payer, True, value) for payer, value in zip(payers, spent, strict=True)),
        tuple(Coin(BASE_ID + taker, True, value) for taker, value in zip(takers, paid, strict=True)),
    )


@st.composite
def _groups(draw: st.DrawFn, most: int) -> list[int]:
    """Output values in groups of equals."""
    values = st.one_of(
        st.sampled_from([0, 546, 2730, 4999, 5000, *WASABI1_BOUNDS]),
        st.integers(1, 12_000_000),
    )
    sizes = st.sampled_from([1, 1, 1, 2, 2, 3, 4, 9, 10, 11])
    found: list[int] = []
    for size, value in draw(st.lists(st.tuples(sizes, values), min_size=1, max_size=12)):
        found += [value] * size
    return draw(st.permutations(found[:most]))


def _people(count: int) -> st.SearchStrategy[list[int]]:
    """That many numbers, all different or with some repeated."""
    repeated = st.lists(st.integers(0, max(1, count)), min_size=count, max_size=count)
    return st.one_of(st.just(list(range(count))), st.just(list(range(count))), repeated)


@st.composite
def _mixes(draw: st.DrawFn) -> Tx:
    """Anything with equal outputs."""
    paid = draw(_groups(80))
    count = draw(st.one_of(st.integers(1, 14), st.integers(18, 25)))
    takers, payers = draw(_people(len(paid))), draw(_people(count))
    return _tx([10**8] * count, payers, paid, takers)


@st.composite
def _whirlpools(draw: st.DrawFn) -> Tx:
    """A Whirlpool mix, or one with a single defect."""
    count = draw(st.integers(4, 11))
    pool = draw(st.sampled_from([100_000, 1_000_000, 5_000_000, 50_000_000, 200_000]))
    spent = [pool + draw(st.sampled_from([0, 1, 109_999, 110_000])) for _ in range(count)]
    paid, payers = [pool] * count, list(range(count))
    takers = list(range(count))
    defect = draw(st.integers(0, 12))
    spent[-1] += {1: 110_001, 2: -110_001}.get(defect, 0)
    payers[-1] -= defect == 3
    takers[-1] -= defect == 4
    paid[-1] += defect == 5
    if defect == 6:
        paid, takers = [*paid, pool], [*takers, count]
    return _tx(spent, payers, paid, takers)


@st.composite
def _wasabis(draw: st.DrawFn) -> Tx:
    """Wasabi 2 and what narrowly is not: 19 to 21 inputs, repeated values, one payer too often."""
    count = draw(st.sampled_from([19, 20, 21, 30, 60]))
    payers = list(range(count))
    often = draw(st.integers(1, 7))
    payers[:often] = [0] * often
    paid: list[int] = []
    for i in range(draw(st.integers(1, 5))):
        paid += [draw(st.sampled_from([5000, 4999, 6561])) + 1000 * i] * draw(st.sampled_from([2, 2, 3]))
    paid += [10**6 + i for i in range(draw(st.integers(0, len(paid) + 3)))]
    return _tx([10**7] * count, payers, paid, list(range(len(paid))))


@st.composite
def _equals(draw: st.DrawFn) -> Tx:
    """JoinMarket and Wasabi 1 and what narrowly is not: p equal outputs and about as many others."""
    p = draw(st.sampled_from([2, 3, 4, 5, 6, 9, 10, 10, 11, 12]))
    denomination = draw(st.sampled_from([546, 2730, 9_000_000, *WASABI1_BOUNDS]))
    others = p + draw(st.sampled_from([-1, -1, 0, 0, 1, -2]))
    paid = [denomination] * p + [denomination + 1 + i for i in range(others)]
    count = max(1, p + draw(st.sampled_from([-1, 0, 0, 1, 3])))
    payers = list(range(count))
    if draw(st.integers(0, 3)) == 3:
        payers[-1] = 0
    takers = list(range(len(paid)))
    if draw(st.integers(0, 3)) == 3:
        takers[-1] = 0
    return _tx([10**8] * count, payers, paid, takers)


TXS = st.one_of(_mixes(), _whirlpools(), _wasabis(), _equals())


@examples(1000)
@given(st.lists(TXS, min_size=1, max_size=2))
def test_as_the_reference(txs: list[Tx]) -> None:
    assert _rules(txs) == [coinjoin_rule(tx) for tx in txs]


def _of(spent: int, inputs: int, paid: Sequence[int]) -> Tx:
    return _tx([spent] * inputs, range(inputs), paid, range(len(paid)))


WHIRLPOOL = _of(5_000_500, 5, [5_000_000] * 5)
WASABI1 = _of(20_000_000, 10, [10_000_000] * 10 + [123, 456])
WASABI2 = _of(10**6, 20, [5000, 5000, 6561, 6561, 8192, 8192, 9000, 9001, 9002])
JOINMARKET = _of(10**7, 3, [10**6, 10**6, 10**6, 111, 222])


def _with_first_outputs(tx: Tx, *values: int) -> Tx:
    changed = [replace(coin, value_sat=value) for coin, value in zip(tx.outputs, values, strict=False)]
    return replace(tx, outputs=(*changed, *tx.outputs[len(values) :]))


@pytest.mark.parametrize(
    ("tx", "rule"),
    [
        (WHIRLPOOL, "whirlpool"),
        (_of(50_110_000, 10, [50_000_000] * 10), "whirlpool"),
        (_of(50_110_001, 10, [50_000_000] * 10), None),
        (_of(5_000_500, 4, [5_000_000] * 4), None),
        (_of(10_500_000, 11, [10_000_000] * 11), "wasabi1"),
        (WASABI1, "wasabi1"),
        (_of(20_000_000, 9, [10_000_000] * 10 + [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]), None),
        (_of(20_000_000, 10, [8_000_000] * 10 + [1]), "wasabi1"),
        (_of(20_000_000, 10, [7_999_999] * 10 + [1]), None),
        (_of(20_000_000, 12, [12_000_000] * 10 + [1]), "wasabi1"),
        (_of(20_000_000, 12, [12_000_001] * 10 + [1]), None),
        (_of(20_000_000, 10, [4_500_000] * 10 + [1]), "wasabi1"),
        (_of(20_000_000, 10, [4_499_999] * 10 + [1]), None),
        (_of(20_000_000, 10, [5_500_000] * 10 + [1]), "wasabi1"),
        (_of(20_000_000, 10, [5_500_001] * 10 + [1]), None),
        (WASABI2, "wasabi2"),
        (_with_first_outputs(WASABI2, 4999, 4999), None),
        (_with_first_outputs(WASABI2, 5001, 5002), None),
        (replace(WASABI2, inputs=WASABI2.inputs[:19]), None),
        (replace(WASABI2, inputs=WASABI2.inputs[:1] * 2 + WASABI2.inputs[2:]), "wasabi2"),
        (replace(WASABI2, inputs=WASABI2.inputs[:1] * 3 + WASABI2.inputs[3:]), None),
        (replace(WASABI2, outputs=(*WASABI2.outputs[:8], WASABI2.outputs[7])), None),
        (JOINMARKET, "joinmarket"),
        (replace(JOINMARKET, inputs=JOINMARKET.inputs[:1] * 3), None),
        (replace(JOINMARKET, outputs=(*JOINMARKET.outputs[:4], JOINMARKET.outputs[3])), None),
        (_with_first_outputs(JOINMARKET, 546, 546, 546), None),
        (_with_first_outputs(JOINMARKET, 2730, 2730, 2730), None),
        (_with_first_outputs(JOINMARKET, 10**6, 10**6, 10**6, 10**6), None),
        (_of(10**7, 3, [10**6, 10**6, 10**6, 111, 222, 333]), "joinmarket"),
        (_of(10**7, 3, [10**6, 10**6, 10**6, 111]), None),
        (_of(10**7, 3, [700, 700, 700, 546, 546, 546]), None),  # the lowest most frequent value is dust
        (_of(10**7, 2, [10**6, 10**6, 111]), None),
    ],
)  # fmt: skip
def test_thresholds(tx: Tx, rule: str | None) -> None:
    """Worked out by hand from methodology section 4."""
    assert coinjoin_rule(tx) == rule
    assert _rules([tx, WHIRLPOOL, tx]) == [rule, "whirlpool", rule]


def _real_rounds() -> list[tuple[str, Tx]]:
    """(reference set, round) of crocs-muni/coinjoin-analysis, dumplings__end_zksnacks_202405: Wasabi 1 with
    its first base denomination, WabiSabi rounds of coordinators that take fewer inputs."""
    rounds = json.loads((DATA / "coinjoin_rounds.json").read_text())
    numbers: dict[str, int] = {}

    def coins(rows: list[tuple[str, int]]) -> tuple[Coin, ...]:
        return tuple(Coin(numbers.setdefault(script, len(numbers)), True, sat) for script, sat in rows)

    return [(kind, Tx(txid, coins(spent), coins(paid))) for kind, txid, _, spent, paid in rounds]


def test_real_rounds() -> None:
    kinds, rounds = zip(*_real_rounds(), strict=True)
    assert kinds == ("WasabiCoinJoins", "Wasabi2CoinJoins", "Wasabi2CoinJoins")
    assert _rules(rounds) == ["wasabi1", "wasabi2", "wasabi2"]


def test_a_coinbase_is_no_coinjoin() -> None:
    coinbase = replace(WASABI1, inputs=())
    assert _rules([coinbase, WASABI1]) == [None, "wasabi1"]
