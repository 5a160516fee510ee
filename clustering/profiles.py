"""The profiles of config/methodology.toml: readings of who a miner is (methodology section 5).

Invariants: a profile is its name and four rules, each of which the tracker knows both ways. Addresses taken
singly go with every other rule; who takes clusters for miners takes exchanges point in time and lets them
exclude hops, since nothing is defined of a cluster that is both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """How one profile finds attributes."""

    name: str
    cluster_miners: bool
    """a mining entity is the whole cluster, not the credited address alone"""
    retroactive_exchanges: bool
    """exchanges own what their cluster holds at the last indexed block, not at each height"""
    coinjoins_pay_hop_1: bool
    """outputs of a CoinJoin that hop 0 takes part in become hop 1"""
    exchange_excludes_hop: bool
    """an address of an exchange bears no hop"""

    @property
    def is_defined(self) -> bool:
        """Whether the methodology says what these rules mean together."""
        return not self.cluster_miners or (self.exchange_excludes_hop and not self.retroactive_exchanges)


def forests(profiles: Sequence[Profile]) -> list[int]:
    """The number of each profile's forest of owners.

    Every point-in-time profile has one of its own, from 0 on; the retroactive ones, whose joins depend on
    labels alone, share the last.
    """
    shared = sum(not profile.retroactive_exchanges for profile in profiles)
    own = iter(range(shared))
    return [shared if profile.retroactive_exchanges else next(own) for profile in profiles]
