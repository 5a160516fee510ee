"""What tracked results rest on beside the chain: pools, exchange labels and profiles.

Invariants: a file given once replaces the shipped one for this data directory from then on; the digest
covers everything that tracked results rest on beside the chain, so equal digests mean equal results.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from clustering.labels import Label
from clustering.pools import PoolBook
from clustering.profiles import Profile
from etl.chain.networks import Network
from etl.disk.datadir import DataDirectory
from etl.disk.files import write_text
from etl.errors import UsageError
from etl.options import JobOptions
from etl.resources import config_dir
from etl.tracking.label_file import load_labels
from etl.tracking.pool_file import load_pools
from etl.tracking.profile_file import load_profiles

POOLS, EXCHANGES, PRICES = "pools.json", "exchanges.csv", "prices.csv"
METHODOLOGY = "methodology.toml"

METHOD = "4"
"""Part of the digest: raise it whenever the tracker's results change for the same inputs."""


@dataclass(frozen=True)
class Inputs:
    """Pools, labels and profiles in force."""

    pools: PoolBook
    labels: list[Label]
    profiles: tuple[Profile, ...]
    digest: str
    """of pools, labels, profiles and method"""


def load_inputs(options: JobOptions, data_dir: DataDirectory, network: Network) -> Inputs:
    """Read and check the files in force; nothing is stored yet (see `keep_inputs`)."""
    pools_path = in_force(options.pools, data_dir, POOLS)
    labels_path = in_force(options.exchanges, data_dir, EXCHANGES)
    pools = load_pools(pools_path, network)
    labels = load_labels(labels_path, network, strict=labels_path != config_dir() / EXCHANGES)
    profiles = load_profiles(config_dir() / METHODOLOGY)
    return Inputs(pools, labels, profiles, _digest(pools, labels, profiles))


def keep_inputs(options: JobOptions, data_dir: DataDirectory) -> None:
    """Make the files given for this job those of the data directory."""
    given = {POOLS: options.pools, EXCHANGES: options.exchanges, PRICES: options.prices}
    for name, path in given.items():
        if path is not None and path.resolve() != (data_dir.inputs / name).resolve():
            write_text(data_dir.inputs / name, path.read_bytes().decode("utf-8-sig"))


def in_force(given: Path | None, data_dir: DataDirectory, name: str) -> Path:
    """The file that counts: the one given, else the one kept, else the shipped one. Raises UsageError."""
    if given is not None:
        if not given.is_file():
            raise UsageError(f"{given} is not a file", "check the path")
        return given
    kept = data_dir.inputs / name
    return kept if kept.exists() else config_dir() / name


def _digest(pools: PoolBook, labels: list[Label], profiles: tuple[Profile, ...]) -> str:
    facts = {
        "method": METHOD,
        "profiles": [asdict(profile) for profile in profiles],
        "pools": pools.names,
        "addresses": sorted(pools.by_address.items()),
        "tags": [(tag.hex(), pool) for tag, pool in pools.tags],
        "labels": sorted((label.address_id, label.exchange) for label in labels),
    }
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
