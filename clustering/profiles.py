"""The profiles of config/methodology.toml: two readings of who a miner is (methodology section 5).

Invariant: one profile takes addresses singly, with exchanges that own retroactively and beside hops; the
other takes clusters, point in time, where the exchange wins. That much is built into the tracker. What a
file may choose is the profiles' names and whether a CoinJoin of hop 0 makes hop 1.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


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


@dataclass(frozen=True)
class Profiles:
    """The two profiles that the tracker computes."""

    single: Profile
    clustered: Profile

    @property
    def names(self) -> tuple[str, str]:
        """Names by profile number (see clustering.kernel)."""
        return self.single.name, self.clustered.name

    def facts(self) -> list[dict[str, object]]:
        """Everything that results rest on."""
        return [asdict(self.single), asdict(self.clustered)]
