"""Random small economies: few addresses that meet often, and values that fall together."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from tests.clustering.economy import Block, Coin, Economy, Identity, Pool, Tx

EXCHANGES = ("Binance", "Kraken", "OKX")
POOL_NAMES = ("Apool", "Bpool", "Cpool")
TAGS = ("/a/", "/A", "/ab/", "b/", "B", "ü", "Ü/")
SCRIPTS = (b"\3\1\2\3/ab/x", b"/a/", "zü".encode(), b"B/", b"", b"x/A /ab/", "xÜ/b".encode(), b"aB/aB/")
MAX_MONEY_SAT = 21_000_000 * 10**8
START_TIME = 1_546_300_000
STEPS_S = (0, 600, 40_000, 86_400, 200_000)

_IDS = st.one_of(
    st.integers(0, 9),
    st.integers(2**64 - 9, 2**64 - 1),
    st.integers(0, 2**64 - 1),
)
"""Numbers near each other fall on neighbouring slots of a hash table, at its start and at its end."""

_TOTALS = st.one_of(
    st.sampled_from([0, 1, 3, 546 * 6, 2730 * 6, 500_000, 60_000_000, 5_000_000_000, MAX_MONEY_SAT]),
    st.integers(0, 100),
    st.integers(0, MAX_MONEY_SAT),
)
_WEIGHTS = st.integers(0, 4)

People = tuple[tuple[Identity, bool], ...]
"""Addresses and whether they can be owned."""


def _coins(people: People, shares: Sequence[tuple[int, int]], total: int) -> tuple[Coin, ...]:
    """`total` divided among (person, weight) pairs; what does not divide falls to nobody."""
    weights = sum(weight for _, weight in shares) or 1
    return tuple(Coin(*people[person % len(people)], total * weight // weights) for person, weight in shares)


def _shares(most: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    return st.lists(st.tuples(st.integers(0, 13), _WEIGHTS), min_size=1, max_size=most)


@st.composite
def _payment(draw: st.DrawFn, people: People) -> tuple[tuple[Coin, ...], tuple[Coin, ...]]:
    inputs = _coins(people, draw(_shares(draw(st.sampled_from([1, 1, 2, 2, 5])))), draw(_TOTALS))
    total = sum(coin.value_sat for coin in inputs)
    fee = min(total, draw(st.sampled_from([0, 0, 1, 1000, total // 2, total])))
    return inputs, _coins(people, draw(_shares(6)), total - fee)


@st.composite
def _joinmarket(draw: st.DrawFn, people: People) -> tuple[tuple[Coin, ...], tuple[Coin, ...]]:
    """Near the rule: p equal outputs, p or p - 1 others, p or more payers."""
    p = draw(st.integers(2, 4))
    denomination = draw(st.sampled_from([546, 2730, 1000, 10**7]))
    others = draw(st.integers(max(0, p - 2), p))
    payers = draw(st.lists(st.integers(0, 13), min_size=p, max_size=p + 2, unique=True))
    receivers = draw(st.lists(st.integers(0, 13), min_size=p + others, max_size=p + others))
    values = [denomination] * p + [denomination + 7 * (i + 1) for i in range(others)]
    outputs = tuple(
        Coin(*people[person % len(people)], value) for person, value in zip(receivers, values, strict=True)
    )
    total = sum(values) + draw(st.integers(0, 50))
    return _coins(people, [(person, 1) for person in payers], total + len(payers)), outputs


@st.composite
def _whirlpool(draw: st.DrawFn, people: People) -> tuple[tuple[Coin, ...], tuple[Coin, ...]]:
    """Near the rule: as many outputs as inputs, all equal."""
    count = draw(st.integers(4, 6))
    denomination = draw(st.sampled_from([100_000, 5_000_000, 100_001]))
    extras = draw(st.lists(st.sampled_from([0, 1, 110_000, 110_001]), min_size=count, max_size=count))
    start = draw(st.integers(0, 13))
    persons = [people[(start + i) % len(people)] for i in range(2 * count)]
    inputs = tuple(
        Coin(*person, denomination + extra) for person, extra in zip(persons[:count], extras, strict=True)
    )
    return inputs, tuple(Coin(*person, denomination) for person in persons[count:])


@st.composite
def _blocks(draw: st.DrawFn, people: People, first_height: int) -> tuple[Block, ...]:
    kinds = st.one_of(
        _payment(people), _payment(people), _payment(people), _joinmarket(people), _whirlpool(people)
    )
    rewards = st.lists(
        st.tuples(st.integers(0, 13), st.sampled_from([0, 1, 625_000_000, 5_000_000_000])),
        min_size=1,
        max_size=draw(st.sampled_from([3, 3, 6])),
    )
    blocks = []
    time = START_TIME
    for at in range(draw(st.sampled_from([1, 3, 5, 7, 9]))):
        height = first_height + at
        time += draw(st.sampled_from(STEPS_S))
        paid = tuple(Coin(*people[p % len(people)], value) for p, value in draw(rewards))
        txs = [Tx(f"{height} coinbase", (), paid)]
        for number, (inputs, outputs) in enumerate(draw(st.lists(kinds, max_size=5))):
            txs.append(Tx(f"{height} {number}", inputs, outputs))
        script = draw(st.sampled_from(SCRIPTS))
        blocks.append(Block(height, time, script, tuple(txs)))
    return tuple(blocks)


@st.composite
def economies(draw: st.DrawFn, *, with_labels: bool = True, with_pools: bool = True) -> Economy:
    """A chain of up to nine blocks among up to fourteen addresses."""
    ids = draw(st.lists(_IDS, min_size=draw(st.sampled_from([5, 9, 12])), max_size=14, unique=True))
    nobodys = draw(st.sets(st.sampled_from(ids), max_size=2))
    people = tuple((identity, identity not in nobodys) for identity in ids)
    owned: st.SearchStrategy[Identity] = st.sampled_from(
        [identity for identity in ids if identity not in nobodys]
    )
    labels = st.dictionaries(owned, st.sampled_from(EXCHANGES), max_size=4)
    claimed = st.lists(st.sampled_from(ids), max_size=2, unique=True)
    pools = st.lists(
        st.tuples(claimed, st.lists(st.sampled_from(TAGS), max_size=2)),
        min_size=draw(st.integers(0, len(POOL_NAMES))),
        max_size=len(POOL_NAMES),
    )
    first_height = draw(st.sampled_from([0, 0, 0, 7]))
    return Economy(
        draw(_blocks(people, first_height)),
        tuple(
            Pool(name, tuple(addresses), tuple(tags))
            for name, (addresses, tags) in zip(POOL_NAMES, draw(pools), strict=False)
        )
        if with_pools
        else (),
        draw(labels) if with_labels else {},
        frozenset(draw(st.sets(st.integers(first_height, first_height + 8), max_size=1))),
    )
