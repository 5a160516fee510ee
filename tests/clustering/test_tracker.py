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
    batches,
    expected,
    learn,
    new_tracker,
    outcome,
    saved,
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


@examples(60)
@given(economies(), CUTS)
def test_a_saved_state_of_any_profiles_goes_on(economy: Economy, cuts: set[int]) -> None:
    parts = batches(economy, cuts)
    tracker = new_tracker(economy, methodology=ALL_KINDS)
    results = [learn(tracker, tables) for tables in parts]
    for tables in parts:
        tracker = new_tracker(economy, saved(tracker), ALL_KINDS)
        results.append(tracker.track(tables))
    assert outcome(tracker, results, economy, ALL_KINDS) == tracked(economy, methodology=ALL_KINDS)


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


@examples(150)
@given(economies(), CUTS)
def test_a_saved_state_goes_on_as_if_nothing_had_been(economy: Economy, cuts: set[int]) -> None:
    """With all ownership learnt first, a new tracker takes over after every batch."""
    parts = batches(economy, cuts)
    tracker = new_tracker(economy)
    results = [learn(tracker, tables) for tables in parts]
    for tables in parts:
        tracker = new_tracker(economy, saved(tracker))
        results.append(tracker.track(tables))
    assert outcome(tracker, results, economy) == tracked(economy)


def _of_entity(found: Outcome) -> Outcome:
    return replace(
        found,
        facts=[row for row in found.facts if row[0] == "entity"],
        quiet={key: sums for key, sums in found.quiet.items() if key[0] == "entity"},
        changes=[row for row in found.changes if row[0] == "entity"],
        supply={key: sums for key, sums in found.supply.items() if key[0] == "entity"},
        exchange_flows={key: sums for key, sums in found.exchange_flows.items() if key[0] == "entity"},
        held={key: sums for key, sums in found.held.items() if key[0] == "entity"},
    )


@examples(150)
@given(economies(), CUTS)
def test_increments_are_one_run_in_the_point_in_time_profile(economy: Economy, cuts: set[int]) -> None:
    """Ownership is learnt part by part too; the retroactive profile's conflicts are the same as well."""
    results = []
    tracker = new_tracker(economy)
    for tables in batches(economy, cuts):
        results += [learn(tracker, tables), tracker.track(tables)]
        tracker = new_tracker(economy, saved(tracker))
    assert _of_entity(outcome(tracker, results, economy)) == _of_entity(tracked(economy))


@examples(100)
@given(economies(), st.integers(0, 14))
def test_a_state_with_the_ownership_of_its_height(economy: Economy, height: int) -> None:
    """As a checkpoint holds it: later joins are learnt anew from it, and the rest is as in one run."""
    parts = batches(economy, [height])
    tracker = new_tracker(economy)
    learnt = []
    results = []
    for tables in parts:
        results.append(learn(tracker, tables))
        learnt.append(tracker.ownership())
    results.append(tracker.track(parts[0]))
    if len(parts) > 1:
        state = saved(tracker, learnt[0])
        tracker = new_tracker(economy, state)
        again = learn(tracker, parts[1])
        assert again.get("conflicts") == results[1].get("conflicts")
        results.append(tracker.track(parts[1]))
    assert outcome(tracker, results, economy) == tracked(economy)


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
