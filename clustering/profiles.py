"""The profiles of config/methodology.toml: two readings of who a miner is (methodology section 5).

Invariant: one profile takes addresses singly, with exchanges that own retroactively and beside hops; the
other takes clusters, point in time, where the exchange wins. That much is built into the tracker. What a
file may choose is the profiles' names and whether a CoinJoin of hop 0 makes hop 1.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

from etl.errors import ConfigError


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


def _profile(path: Path, name: str, table: object) -> Profile:
    try:
        if not isinstance(table, dict) or not all(isinstance(v, bool) for v in table.values()):
            raise TypeError("every setting is true or false")
        return Profile(name, **table)
    except TypeError as error:
        raise ConfigError(f"{path}, profile {name}: {error}", "see the shipped methodology.toml") from error


def load_profiles(path: Path) -> Profiles:
    """Read a methodology file. Raises ConfigError."""
    with path.open("rb") as file:
        try:
            tables = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{path}: {error}", "correct the file") from error
    profiles = [_profile(path, name, table) for name, table in tables.items()]
    kinds = [(p.cluster_miners, p.retroactive_exchanges, p.exchange_excludes_hop) for p in profiles]
    if kinds != [(False, True, False), (True, False, True)]:
        raise ConfigError(
            f"{path}: the tracker computes one profile of single addresses with retroactive exchanges, "
            "then one of clusters whose exchanges exclude hops",
            "change nothing but names and coinjoins_pay_hop_1",
        )
    return Profiles(*profiles)
