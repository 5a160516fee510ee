"""What stands in the way of a job here, found out without starting one.

Invariant: nothing is written, and no finding shows credentials.
"""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from etl.chain.networks import Network
from etl.disk.datadir import DataDirectory
from etl.disk.input_files import PRICES, InputFiles, given_files
from etl.errors import MinerflowError
from etl.jobs.finding import Finding, failure
from etl.jobs.reach import Way, softened, ways_to_blocks
from etl.jobs.request import options_of
from etl.lake.chunk import Chunk
from etl.lake.lake import Lake
from etl.options import JobOptions
from etl.prices.price_file import load_prices
from etl.results.status import size
from etl.settings import Settings
from etl.tracking.inputs import load_inputs
from etl.warehouse.database import committed_inputs, refuse_newer_schema

NEEDED_PER_BLOCK_BYTE = 0.6
"""Bytes of a data directory per byte of blocks: 0.43 of lake, measured on a chain shaped as mainnet
is today, and two copies of the tables."""


@dataclass(frozen=True)
class _Held:
    """What the data directory holds."""

    findings: list[Finding]
    chunks: list[Chunk] = field(default_factory=list)

    @property
    def network(self) -> str | None:
        return self.chunks[0].network if self.chunks else None

    @property
    def next_height(self) -> int:
        return self.chunks[-1].last_height + 1 if self.chunks else 0


def diagnose(settings: Settings) -> list[Finding]:
    """Look at all that a job with these settings needs; it could run if nothing is a problem."""
    data_dir = DataDirectory(settings.data_dir)
    held = _data_directory(data_dir)
    software = f"Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    findings = [Finding("software", "ok", software), *held.findings]
    try:
        job = options_of(settings)
    except MinerflowError as error:
        return [*findings, failure("node", error)]
    ways = ways_to_blocks(job, held.next_height)
    findings += softened(ways)
    working = next((way for way in ways if way.works), Way([]))
    if working.network is not None:
        findings.append(_network_fits(held, working.network))
        findings.append(_labels_and_prices(job, data_dir, working.network))
    raw_bytes = max((way.raw_bytes for way in ways if way.works), default=0)
    return [*findings, _disk(data_dir, raw_bytes)]


def _data_directory(data_dir: DataDirectory) -> _Held:
    subject = "data directory"
    existing = _existing(data_dir.path)
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        what = f"{data_dir.path} cannot be written"
        return _Held([Finding(subject, "problem", what, "check its owner, or give --data-dir")])
    try:
        refuse_newer_schema(data_dir)
        chunks = Lake(data_dir.lake).chunks()
    except MinerflowError as error:
        return _Held([failure(subject, error)])
    if not chunks:
        return _Held([Finding(subject, "ok", f"{data_dir.path} holds no blocks yet")])
    span = f"blocks {chunks[0].first_height} to {chunks[-1].last_height} of {chunks[0].network}"
    if data_dir.published.exists():
        return _Held([Finding(subject, "ok", f"{data_dir.path} holds {span}")], chunks)
    what = f"{data_dir.path} holds {span}, but nothing is published"
    return _Held([Finding(subject, "note", what, "run the job again: it continues")], chunks)


def _existing(path: Path) -> Path:
    """The path, or the nearest directory above it that exists."""
    path = path.absolute()
    return next(each for each in (path, *path.parents) if each.exists())


def _network_fits(held: _Held, network: Network) -> Finding:
    if held.network in (None, network.name):
        return Finding("network", "ok", network.name)
    return Finding(
        "network",
        "problem",
        f"the source is on {network.name}, the data directory holds {held.network}",
        "use another --data-dir, or the node of that network",
    )


def _labels_and_prices(job: JobOptions, data_dir: DataDirectory, network: Network) -> Finding:
    subject = "labels and prices"
    try:
        files = InputFiles(data_dir, committed_inputs(data_dir), given_files(job))
        inputs = load_inputs(files, network)
        prices = load_prices(files.path(PRICES))
    except MinerflowError as error:
        return failure(subject, error)
    last = f" up to {prices[-1][0]}" if prices else ""
    what = (
        f"{len(inputs.pools.names)} pools, {len(inputs.labels)} exchange addresses, "
        f"{len(prices)} prices{last}"
    )
    return Finding(subject, "ok", what)


def _disk(data_dir: DataDirectory, raw_bytes: int) -> Finding:
    free = shutil.disk_usage(_existing(data_dir.path)).free
    needed = max(0.0, raw_bytes * NEEDED_PER_BLOCK_BYTE - size(data_dir.path))
    what = f"{free / 1e9:,.1f} GB free"
    if raw_bytes:
        what += f", about {needed / 1e9:,.1f} GB needed for the whole chain"
    if free < needed:
        action = "make space, or put --data-dir on another disk, or index a shorter range"
        return Finding("disk", "problem", what, action)
    return Finding("disk", "ok", what)
