"""The methodology file: the profiles that are computed (config/methodology.toml)."""

from __future__ import annotations

import tomllib
from pathlib import Path

from clustering.profiles import Profile, Profiles
from etl.errors import ConfigError


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
