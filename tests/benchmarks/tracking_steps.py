"""Steps on a lake: tracking on one core, and how many addresses fit into memory."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import numpy as np

from clustering.attributes import CodeBook
from clustering.registry import Registry
from clustering.tracker import Tracker
from etl.chain.networks import network_by_name
from etl.disk.datadir import DataDirectory
from etl.disk.input_files import EXCHANGES, POOLS, InputFiles
from etl.lake.lake import Lake
from etl.resources import config_dir
from etl.tracking.inputs import METHODOLOGY, load_inputs
from etl.tracking.label_file import load_labels
from etl.tracking.pool_file import load_pools
from etl.tracking.profile_file import load_profiles
from etl.tracking.run import TrackingPlan, track
from etl.tracking.store.contents import tables
from etl.tracking.store.manifest import Identity
from etl.tracking.store.store import Store
from tests.benchmarks.processes import Figures, memory_of
from tests.benchmarks.stopwatch import Stopwatch, read_in_turn

_BATCH = 250_000
"""Addresses of one call: about as many as a batch of blocks may bring."""


class StationClock:
    """A progress that notes when stations start."""

    def __init__(self) -> None:
        self.started: dict[str, float] = {}

    def station(self, name: str, total_blocks: int) -> None:
        """Note the time."""
        self.started[name] = time.perf_counter()

    def advance(self, blocks: int, raw_bytes: int = 0) -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        """Nothing."""


def track_lake(data_dir: str, exchanges: str) -> Figures:
    """Both passes over a lake, for all profiles, with the store and results written, on one core.

    `tracker_seconds` are those within the tracker, `seconds` those with reading and writing too.
    """
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    read_in_turn()
    within = Stopwatch()
    for name in ("learn_ownership", "track"):
        setattr(Tracker, name, within.around(name, getattr(Tracker, name)))
    folder = DataDirectory(Path(data_dir))
    lake = Lake(folder.lake)
    chunks = lake.chunks()
    network = network_by_name(chunks[0].network)
    inputs = load_inputs(InputFiles(folder, None, {EXCHANGES: Path(exchanges)}), network)
    plan = TrackingPlan(network, chunks[0].first_height, chunks[-1].last_height, None)
    before = memory_of("self")["VmRSS"]
    clock, started = StationClock(), time.perf_counter()
    contents = tables(inputs.codes.dtype, inputs.profiles)
    identity = Identity(network.name, plan.first_height, inputs.digest)
    store = Store(folder.state / "measured", contents, identity, clock.message)
    tracked = track(plan, lake, folder, inputs, store, clock)
    ended = time.perf_counter()
    shutil.rmtree(store.directory)
    return {
        "seconds": ended - started,
        "tracker_seconds": sum(within.seconds.values()),
        "ownership_seconds": clock.started["track"] - clock.started["own"],
        "track_seconds": ended - clock.started["track"],
        "rows": sum(chunk.files[table].rows for chunk in chunks for table in ("inputs", "outputs")),
        "transactions": sum(chunk.files["txs"].rows for chunk in chunks),
        "addresses": tracked.address_count,
        "state_bytes": tracked.state_bytes,
        "growth_bytes": memory_of("self")["VmHWM"] - before,
    }


def register_addresses(count: int) -> Figures:
    """Register distinct synthetic addresses, with codes as wide as mainnet's labels need."""
    network = network_by_name("mainnet")
    pools = load_pools(config_dir() / POOLS, network)
    labels = load_labels(config_dir() / EXCHANGES, network, strict=False)
    codes = CodeBook.of(pools.names, [label.exchange for label in labels])
    registry = Registry(codes.dtype, load_profiles(config_dir() / METHODOLOGY))
    before = memory_of("self")["VmRSS"]
    started = time.perf_counter()
    for first in range(0, count, _BATCH):
        registry.register(_ids(first, min(_BATCH, count - first)))
    seconds = time.perf_counter() - started
    if len(registry) != count:
        raise AssertionError(f"{len(registry)} of {count} addresses are registered")
    growth = memory_of("self")["VmHWM"] - before
    return {
        "addresses": count,
        "seconds": seconds,
        "state_bytes": registry.nbytes,
        "growth_bytes": growth,
    }


def _ids(first: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Distinct ids that spread as hashes do: splitmix64's finaliser is a bijection."""
    z = np.arange(first + 1, first + count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
