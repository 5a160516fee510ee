"""The tracker against the reference on random small economies, and what must make no difference to it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.clustering.economy import Block, Economy, Identity
from tests.clustering.reference import Reference, distinct_owners
from tests.clustering.strategies import economies
from tests.clustering.tracking import (
    ALL_KINDS,
    MANY_POOLS,
    Outcome,
    expected,
    new_tracker,
    tracked,
)
from tests.support.properties import examples

CUTS = st.sets(st.integers(0, 14), max_size=6)


@examples(400)
@given(economies())
def test_as_the_reference(economy: Economy) -> None:
    assert tracked(economy) == expected(Reference(economy))


@examples(150)
@given(economies(), CUTS)
def test_any_profiles_of_the_rules_as_the_reference(economy: Economy, cuts: set[int]) -> None:
    """A profile is a table of a methodology file: nothing else says which there are."""
    found = tracked(economy, cuts, ALL_KINDS)
    assert found == expected(Reference(economy, methodology=ALL_KINDS))


@examples(30)
@given(economies())
def test_as_the_reference_where_codes_are_wide(economy: Economy) -> None:
    """Behind the pools that are known stand 40,000 that never mine."""
    many = replace(economy, pools=economy.pools + MANY_POOLS)
    assert new_tracker(many).codes.dtype == np.uint32
    assert tracked(many) == expected(Reference(economy))


@examples(60)
@given(economies())
def test_the_reference_need_not_ask_everyone(economy: Economy) -> None:
    """As it does not on the golden chains."""
    assert expected(Reference(economy, ask_everyone=False)) == expected(Reference(economy))


@examples(150)
@given(economies(), CUTS)
def test_batches_make_no_difference(economy: Economy, cuts: set[int]) -> None:
    assert tracked(economy, cuts) == tracked(economy)


@examples(200)
@given(economies())
def test_no_transaction_passes_on_more_than_it_pays(economy: Economy) -> None:
    """Nor a group more than it spent, nor does a group receive more than it was paid."""
    paid = {tx.name: sum(coin.value_sat for coin in tx.outputs) for b in economy.blocks for tx in b.txs}
    names = {(b.height, i): tx.name for b in economy.blocks for i, tx in enumerate(b.txs)}
    flowed: Counter[tuple[str, str]] = Counter()
    for profile, height, position, _, _, _, _, _, amount in tracked(economy).facts:
        assert amount > 0
        flowed[profile, names[height, position]] += amount
    for (_, name), amount in flowed.items():
        assert amount <= paid[name]


def _shuffled(block: Block, seed: int) -> Block:
    coinbase, *txs = block.txs
    random.Random(seed).shuffle(txs)
    return replace(block, txs=(coinbase, *txs))


def _without_positions(found: Outcome) -> Outcome:
    return replace(
        found,
        facts=sorted(((*row[:2], *row[3:]) for row in found.facts), key=repr),
        coinjoins=sorted(found.coinjoins),
    )


@examples(200)
@given(economies(with_labels=False, with_pools=False), st.integers(0, 2**32))
def test_order_within_a_block_means_nothing_without_names(economy: Economy, seed: int) -> None:
    """Where no join can be refused and all pools are Unknown, transactions may change places at will."""
    blocks = tuple(_shuffled(block, seed + block.height) for block in economy.blocks)
    shuffled = replace(economy, blocks=blocks)
    assert _without_positions(tracked(shuffled)) == _without_positions(tracked(economy))


def _relations(economy: Economy) -> dict[Identity, set[Identity]]:
    """For each address the ones that any evidence of the chain, refused or not, may tie it to."""
    groups: list[set[Identity]] = []
    for block in economy.blocks:
        for tx in block.txs:
            merged = set(distinct_owners(tx))
            apart = [group for group in groups if not group & merged]
            merged.update(*(group for group in groups if group & merged))
            groups = [*apart, merged]
    return {identity: group for group in groups for identity in group}


def _reach(economy: Economy, position: int, block: Block) -> set[Identity]:
    relations = _relations(economy)
    tx = block.txs[position]
    touched = {coin.identity for coin in (*tx.inputs, *tx.outputs) if coin.is_ownable}
    return touched.union(*(relations.get(identity, ()) for identity in touched))


@examples(200)
@given(economies(), st.data())
def test_unrelated_neighbours_may_change_places(economy: Economy, data: st.DataObject) -> None:
    """Two transactions of a block whose addresses, and all that these ever spend with, are apart."""
    pairs = [
        (at, i)
        for at, block in enumerate(economy.blocks)
        for i in range(1, len(block.txs) - 1)
        if not _reach(economy, i, block) & _reach(economy, i + 1, block)
    ]
    if not pairs:
        return
    at, i = data.draw(st.sampled_from(pairs))
    block = economy.blocks[at]
    txs = (*block.txs[:i], block.txs[i + 1], block.txs[i], *block.txs[i + 2 :])
    blocks = (*economy.blocks[:at], replace(block, txs=txs), *economy.blocks[at + 1 :])
    swapped = replace(economy, blocks=blocks)
    assert _without_positions(tracked(swapped)) == _without_positions(tracked(economy))
