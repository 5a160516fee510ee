"""Random economies in random ranges, between which there is but the store, against the reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clustering.economy import Economy
from tests.clustering.ranges import cut_small, tracked_in_ranges
from tests.clustering.reference import Reference
from tests.clustering.strategies import economies
from tests.clustering.tracking import ALL_KINDS, MANY_POOLS, Outcome, expected, tracked
from tests.support.properties import examples

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


@examples(40)
@given(economies(), CUTS)
def test_updates_are_one_run_in_the_point_in_time_profile(economy: Economy, cuts: set[int]) -> None:
    """Ownership is learnt part by part too; the retroactive profile's conflicts are the same as well."""
    found = tracked_in_ranges(economy, cuts, as_updates=True)
    assert _of_entity(found) == _of_entity(tracked(economy))
