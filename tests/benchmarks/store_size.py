"""What the store of addresses costs an update as it grows.

    python -m tests.benchmarks.store_size --folder DIR [--addresses 5000000 150000000] [--transactions 600000]

Makes a store of so many addresses in DIR, then looks up and gives back the addresses of a day in a process of
its own, for some days: twice with the store's files dropped from the page cache. Invariants: the ids
that a day names spread as hashes do, half of them held by the store; CPU seconds, memory and bytes are those
that the system counts for the process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from clustering.resting import Rested
from clustering.tracker import Tracker
from clustering.waking import MEMBER, NO_MINER, Carry, Records, miner_dtype, stored_dtype
from etl.chain.networks import MAINNET
from etl.resources import config_dir
from etl.tracking.appearing import with_members, woken
from etl.tracking.inputs import METHODOLOGY, Inputs
from etl.tracking.label_file import load_labels
from etl.tracking.pool_file import load_pools
from etl.tracking.profile_file import load_profiles
from etl.tracking.store.contents import tables
from etl.tracking.store.manifest import Identity
from etl.tracking.store.merging import tend
from etl.tracking.store.store import Store
from tests.benchmarks.processes import memory_of

Ids = npt.NDArray[np.uint64]

GROUP = 16
"""Addresses of which one is a root, ROOTED are members of some root's cluster and the others stand alone."""
ROOTED = 9
KNOWN_PER_TX, NEW_PER_TX = 1.1, 1.1
"""Distinct addresses of a transaction that the store holds, and that it does not."""
CHANGING = 2_000
"""Clusters that get other attributes in a day."""
COINBASES = 1_000_000
DAYS = 16
"""So many that some deltas are merged."""
COLD = (0, 2)
"""Days before which the page cache forgets the store."""
_PIECE = 1 << 20


def mixed(numbers: Ids) -> Ids:
    """splitmix64's finaliser: spreads numbers as a hash does."""
    z = numbers * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


class MadeAddresses:
    """So many made addresses: the n-th in order of ids, and whom it belongs to."""

    def __init__(self, count: int) -> None:
        self.groups = count // GROUP
        self.count = self.groups * GROUP
        self._step = (1 << 64) // self.count

    def ids(self, numbers: Ids) -> Ids:
        """Ids of addresses, rising with their numbers."""
        return numbers * np.uint64(self._step) + mixed(numbers) % np.uint64(self._step)

    def _shift(self, place: Ids) -> Ids:
        """How many groups further the root of a group's member is."""
        return mixed(place) % np.uint64(self.groups)

    def roots(self, numbers: Ids) -> Ids:
        """Numbers of their roots: themselves, or the first address of another group."""
        group, place = numbers // np.uint64(GROUP), numbers % np.uint64(GROUP)
        other = (group + self._shift(place)) % np.uint64(self.groups) * np.uint64(GROUP)
        return np.where((place > 0) & (place <= ROOTED), other, numbers)

    def members(self, groups: Ids) -> Records:
        """Rows of MEMBER of the roots of these groups, in order."""
        places = np.arange(1, ROOTED + 1, dtype=np.uint64)
        home = (groups[:, None] + np.uint64(self.groups) - self._shift(places)) % np.uint64(self.groups)
        rows = np.empty(home.shape, MEMBER)
        rows["id"] = self.ids(groups * np.uint64(GROUP))[:, None]
        rows["member"] = np.sort(self.ids(home * np.uint64(GROUP) + places), axis=1)
        return rows.ravel()


def made_inputs() -> Inputs:
    """The shipped ones."""
    pools = load_pools(config_dir() / "pools.json", MAINNET)
    labels = load_labels(config_dir() / "exchanges.csv", MAINNET, strict=False)
    return Inputs(pools, labels, load_profiles(config_dir() / METHODOLOGY), "made")


def open_store(folder: Path, inputs: Inputs) -> Store:
    """The store in a folder."""

    def fail(text: str) -> None:
        raise AssertionError(text)

    contents = tables(inputs.codes.dtype, inputs.profiles)
    return Store(folder, contents, Identity("mainnet", 0, inputs.digest), fail)


def make(folder: Path, count: int) -> None:
    """Make a store whose base holds so many addresses."""
    inputs, made = made_inputs(), MadeAddresses(count)
    store = open_store(folder, inputs)
    dtype = stored_dtype(inputs.codes.dtype, inputs.profiles)

    def records() -> Iterator[Records]:
        for start in range(0, made.count, _PIECE):
            numbers = np.arange(start, min(start + _PIECE, made.count), dtype=np.uint64)
            piece = np.zeros(len(numbers), dtype)
            piece["id"] = made.ids(numbers)
            piece["parent"] = made.ids(made.roots(numbers))[:, None]
            piece["balance_sat"] = 1 + (mixed(numbers) >> np.uint64(34)).astype(np.int64)
            yield piece

    def members() -> Iterator[Records]:
        for start in range(0, made.groups, _PIECE // GROUP):
            yield made.members(np.arange(start, min(start + _PIECE // GROUP, made.groups), dtype=np.uint64))

    roots = np.arange(0, made.count, made.count // 50_000 // GROUP * GROUP + GROUP, dtype=np.uint64)
    miners = np.full(len(roots), 0, miner_dtype(inputs.profiles))
    miners["id"], miners["height"] = made.ids(roots), NO_MINER
    miners["height"][:, 1] = 500_000
    supply = np.zeros(
        (len(inputs.profiles), 2 + len(inputs.codes.exchanges) * inputs.codes.layout.radix), np.int64
    )
    none, coinbases = np.empty(0, np.uint64), mixed(np.arange(1, COINBASES, dtype=np.uint64))
    rested = Rested(records(), [members()], miners, Carry(supply, 20_000, none, none, coinbases))
    store.add([store.write(rested, 0, 900_000, "made")])


def _pay(tracker: Tracker, ids: Ids) -> None:
    """Give each of these addresses, sorted ids, a thousand satoshis."""
    tracker._registry.register(ids)
    held = tracker._registry.table()
    found = held.records["id"][: len(tracker._registry)]
    is_paid = ids[np.minimum(np.searchsorted(ids, found), len(ids) - 1)] == found
    held.records["balance_sat"][: len(found)] += np.int64(1000) * is_paid


def day(folder: Path, count: int, transactions: int, number: int) -> dict[str, float]:
    """An update's part in the store: look up, wake, change and give back the addresses of a day."""
    inputs, made = made_inputs(), MadeAddresses(count)
    rng = np.random.default_rng(number)
    known = made.ids(np.unique(rng.integers(0, made.count, int(transactions * KNOWN_PER_TX), np.uint64)))
    new = rng.integers(0, 1 << 64, int(transactions * NEW_PER_TX), np.uint64)
    ids = np.unique(np.concatenate([known, new]))
    changing = made.ids(rng.integers(0, made.groups, CHANGING, np.uint64) * np.uint64(GROUP))
    clock = _Clock()
    store = open_store(folder, inputs)
    view = store.view(store.manifest.points()[0])
    clock.lap("open")
    state = woken(view, ids)
    clock.lap("look_up")
    state = with_members(view, state, {0: np.unique(changing)})
    clock.lap("members")
    tracker = Tracker(MAINNET, inputs.pools, inputs.labels, inputs.profiles, 0, state)
    clock.lap("wake")
    _pay(tracker, ids)
    clock.lap("pay")
    last = store.manifest.deltas[-1].last_height + 144
    with tracker.rested() as rested:
        delta = store.write(rested, last - 143, last, "made")
    store.add([delta])
    clock.lap("write")
    tend(store, last, 864)
    clock.lap("merge")
    return clock.figures | {"records": len(state.records), "files": len(store.manifest.files())}


class _Clock:
    """Seconds and CPU seconds of laps, and what the whole took."""

    def __init__(self) -> None:
        self._laps: dict[str, float] = {}
        self._io = _io()
        self._last = self._start = time.perf_counter(), time.process_time()

    def lap(self, name: str) -> None:
        """What was done since the last one."""
        now = time.perf_counter(), time.process_time()
        self._laps[name] = round(now[0] - self._last[0], 2)
        self._laps[f"{name}_cpu"] = round(now[1] - self._last[1], 2)
        self._last = now

    @property
    def figures(self) -> dict[str, float]:
        """All laps and the sums; memory in MB is of the whole process."""
        io = _io()
        return {
            **self._laps,
            "seconds": round(self._last[0] - self._start[0], 2),
            "cpu_seconds": round(self._last[1] - self._start[1], 2),
            "read_mb": (io["read_bytes"] - self._io["read_bytes"]) >> 20,
            "written_mb": (io["write_bytes"] - self._io["write_bytes"]) >> 20,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
            "anonymous_mb": memory_of("self")["RssAnon"] >> 20,
        }


def _io() -> dict[str, int]:
    lines = Path("/proc/self/io").read_text().splitlines()
    return {name: int(value) for name, value in (line.split(": ") for line in lines)}


def forget_pages(folder: Path) -> None:
    """Have the system drop a folder's files from its page cache."""
    for path in folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--addresses", type=int, nargs="+", default=[5_000_000, 150_000_000])
    parser.add_argument("--transactions", type=int, default=600_000)
    parser.add_argument("--day", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    for count in options.addresses:
        folder = options.folder / f"store-{count}"
        if options.day is not None:
            _say(json.dumps(day(folder, count, options.transactions, options.day)))
            continue
        shutil.rmtree(folder, ignore_errors=True)
        started = time.perf_counter()
        make(folder, count)
        size = sum(path.stat().st_size for path in folder.iterdir())
        _say(f"{count} addresses: {size / 1e9:.2f} GB made in {time.perf_counter() - started:.0f} s")
        for number in range(DAYS):
            is_cold = number in COLD
            if is_cold:
                forget_pages(folder)
            command = [sys.executable, "-m", "tests.benchmarks.store_size", "--folder", str(options.folder)]
            command += ["--addresses", str(count), "--transactions", str(options.transactions)]
            done = subprocess.run(
                [*command, "--day", str(number)], capture_output=True, text=True, check=True
            )
            _say(f"  day {number}, {'cold' if is_cold else 'warm'}: {done.stdout.strip()}")
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
