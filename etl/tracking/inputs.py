"""What tracked results rest on beside the chain: pools, exchange labels and profiles.

Invariant: the digest covers everything that tracked results rest on beside the chain, so equal digests mean
equal results.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from clustering.attributes import CodeBook
from clustering.labels import Label
from clustering.pools import PoolBook
from clustering.profiles import Profile
from etl.chain.networks import Network
from etl.disk.input_files import EXCHANGES, POOLS, InputFiles
from etl.resources import config_dir
from etl.tracking.label_file import load_labels
from etl.tracking.pool_file import load_pools
from etl.tracking.profile_file import load_profiles

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

    @property
    def codes(self) -> CodeBook:
        """The attributes that they give."""
        return CodeBook.of(self.pools.names, [label.exchange for label in self.labels])


def load_inputs(files: InputFiles, network: Network) -> Inputs:
    """Read and check the files in force."""
    pools = load_pools(files.path(POOLS), network)
    labels_path = files.path(EXCHANGES)
    labels = load_labels(labels_path, network, strict=labels_path != config_dir() / EXCHANGES)
    profiles = load_profiles(config_dir() / METHODOLOGY)
    return Inputs(pools, labels, profiles, _digest(pools, labels, profiles))


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
