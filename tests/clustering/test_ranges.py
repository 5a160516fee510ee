"""Random economies in random ranges, between which there is but the store, against the reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clustering.economy import Economy
from tests.clustering.ranges import cut_small, tracked_in_ranges
from tests.clustering.reference import SHIPPED_METHODOLOGY, Reference, rules_of
from tests.clustering.strategies import economies
from tests.clustering.tracking import ALL_KINDS, MANY_POOLS, Outcome, expected, tracked
from tests.clustering.wallets import wallet_economy
from tests.support.properties import examples, scaled

CUTS = st.sets(st.integers(0, 14), max_size=6)


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """Many small pieces."""
    with pytest.MonkeyPatch.context() as patched:
        cut_small(patched)
        yield


@examples(60)
@given(economies(), CUTS)
def test_as_the_reference(economy: Economy, cuts: set[int]) -> None:
    assert tracked_in_ranges(economy, cuts, as_updates=False) == expected(Reference(economy))


@examples(40)
@given(economies(), CUTS)
def test_any_profiles_of_the_rules_as_the_reference(economy: Economy, cuts: set[int]) -> None:
    found = tracked_in_ranges(economy, cuts, ALL_KINDS, as_updates=False)
    assert found == expected(Reference(economy, methodology=ALL_KINDS))


@examples(10)
@given(economies(), CUTS)
def test_as_the_reference_where_codes_are_wide(economy: Economy, cuts: set[int]) -> None:
    many = replace(economy, pools=economy.pools + MANY_POOLS)
    assert tracked_in_ranges(many, cuts, as_updates=False) == expected(Reference(economy))


@pytest.mark.parametrize("seed", range(scaled(60, 1000)))
def test_wallets_that_are_idle_for_long(seed: int) -> None:
    """Whole clusters change while most of their members rest."""
    economy, cuts = wallet_economy(seed)
    methodology = ALL_KINDS if seed % 3 == 0 else SHIPPED_METHODOLOGY
    wanted = expected(Reference(economy, methodology=methodology))
    assert tracked_in_ranges(economy, cuts, methodology, as_updates=False) == wanted
    names = [name for name, rules in rules_of(methodology).items() if not rules.retroactive_exchanges]
    found = tracked_in_ranges(economy, cuts, methodology, as_updates=True)
    assert _of(found, names) == _of(wanted, names)


def _of(found: Outcome, profiles: list[str]) -> Outcome:
    """The rows of some profiles, and all conflicts."""

    def named(rows: dict[Any, Any]) -> dict[Any, Any]:
        return {key: row for key, row in rows.items() if key[0] in profiles}

    return replace(
        found,
        facts=[row for row in found.facts if row[0] in profiles],
        quiet=named(found.quiet),
        changes=[row for row in found.changes if row[0] in profiles],
        supply=named(found.supply),
        exchange_flows=named(found.exchange_flows),
        held=named(found.held),
    )


@examples(40)
@given(economies(), CUTS)
def test_updates_are_one_run_in_the_point_in_time_profile(economy: Economy, cuts: set[int]) -> None:
    """Ownership is learnt part by part too; the retroactive profile's conflicts are the same as well."""
    found = tracked_in_ranges(economy, cuts, as_updates=True)
    assert _of(found, ["entity"]) == _of(tracked(economy), ["entity"])
