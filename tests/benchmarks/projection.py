"""What the measured rates mean for the whole chain; plain arithmetic, whose assumptions are listed."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

from tests.benchmarks.processes import Figures

TRANSACTIONS = 1_500_000_000
BLOCKS = 980_000
FILE_BYTES = 895e9
ADDRESSES = 1_500_000_000
ROWS = 3_500_000_000 + 3_900_000_000
CORES = (2, 8)

ASSUMPTIONS = (
    "extraction costs what it costs per byte here; each doubling of the number of processes gains as "
    "much as that from one to two did, and the disk keeps up",
    "tracking stays on one core and costs the same per input and output however large its tables are "
    "(all lookups miss the processor's caches already)",
    "loading and publishing cost the same per transaction, opening the block files per block",
    "mainnet's addresses behave like the made chain's; early blocks are smaller, which is left out",
)


@dataclass(frozen=True)
class Projection:
    """The whole chain: hours by station, and bytes."""

    hours: dict[int, dict[str, float]]
    """by number of cores, by station"""
    file_bytes_per_s: dict[int, float]
    """that the disk must give to extraction, by number of cores"""
    tracker_bytes: float
    lake_bytes: float
    rests_on: int
    """transactions of the run whose stations count"""


def project(extraction: Figures, pipeline: Figures, register: Figures) -> Projection:
    """From extraction at the main size, and the largest run of the whole way. KeyError without."""
    one, two = extraction["main"]["one"], extraction["main"]["two"]
    rate = one["raw_bytes"] / one["seconds"]
    gain = one["seconds"] / two["seconds"]
    run = pipeline["main"] if "error" in pipeline["large"] else pipeline["large"]
    rates = {cores: rate * gain ** log2(cores) for cores in CORES}
    serial = _serial_hours(run)
    hours = {cores: {"extract": FILE_BYTES / rates[cores] / 3600, **serial} for cores in CORES}
    return Projection(
        hours=hours,
        file_bytes_per_s=rates,
        tracker_bytes=register["state_bytes"] / register["addresses"] * ADDRESSES,
        lake_bytes=run["lake_bytes"] / run["transactions"] * TRANSACTIONS,
        rests_on=run["transactions"],
    )


def _serial_hours(run: Figures) -> dict[str, float]:
    """Of the stations that more cores do not speed up."""
    stations, scale = run["stations"], TRANSACTIONS / run["transactions"]
    return {
        "open": stations["source"] / run["blocks"] * BLOCKS / 3600,
        "track": stations["track"] / run["rows"] * ROWS / 3600,
        "load": stations["load"] * scale / 3600,
        "publish": stations["publish"] * scale / 3600,
    }
