"""The methodology file: the profiles that are computed (config/methodology.toml)."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from clustering.profiles import Profile
from etl.disk.files import read_text
from etl.errors import ConfigError

_NAME = re.compile("[a-z][a-z0-9_]{0,31}")
_MOST_PROFILES = 127
"""As many as a row's profile number can tell apart."""


def load_profiles(path: Path) -> tuple[Profile, ...]:
    """Read a methodology file: its profiles in order, each a table of rules. Raises ConfigError."""
    try:
        tables = tomllib.loads(read_text(path, ConfigError))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}", "correct the file") from error
    profiles = tuple(_profile(path, name, table) for name, table in tables.items())
    if not 0 < len(profiles) <= _MOST_PROFILES:
        raise ConfigError(f"{path} has {len(profiles)} profiles", f"name 1 to {_MOST_PROFILES}")
    return profiles


def _profile(path: Path, name: str, table: object) -> Profile:
    where = f"{path}, profile {name!r}"
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{where}: no name for a profile", "use small letters, digits and underscores")
    if not isinstance(table, dict) or not all(isinstance(value, bool) for value in table.values()):
        raise ConfigError(f"{where}: every rule is true or false", "see the shipped methodology.toml")
    try:
        profile = Profile(name, **table)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}", "see the shipped methodology.toml") from error
    if not profile.is_defined:
        raise ConfigError(
            f"{where}: cluster_miners goes with exchanges that are point in time and exclude hops",
            "set retroactive_exchanges = false and exchange_excludes_hop = true, or cluster_miners = false",
        )
    return profile
