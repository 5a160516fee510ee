"""What stands in the way of a job here, found out without starting one.

Invariant: nothing is written, and no finding shows credentials.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import duckdb
import numpy as np

from etl.chain.blocks import HEADER_SIZE
from etl.chain.networks import NETWORKS, Network, network_by_genesis
from etl.disk.datadir import DataDirectory
from etl.errors import BlocksDirectoryError, MinerflowError, NodeBusy, NodeWarmingUp
from etl.jobs.request import options_of
from etl.lake.chunk import Chunk
from etl.lake.lake import Lake
from etl.options import JobOptions
from etl.prices.price_file import load_prices
from etl.results.status import size
from etl.settings import Settings
from etl.sources.blockfiles.records import block_file, file_numbers, read_xor_key, undo_file
from etl.sources.node.address import NodeAddress, blocks_dir, find_node
from etl.sources.node.probe import NodeFacts
from etl.sources.node.retry import Retry
from etl.sources.rest import RestSource
from etl.sources.rpc.source import RpcSource
from etl.sources.source import Source
from etl.tracking.inputs import PRICES, in_force, load_inputs
from etl.warehouse.database import refuse_newer_schema

State = Literal["ok", "note", "problem"]

NEEDED_PER_BLOCK_BYTE = 0.6
"""Bytes of a data directory per byte of blocks: 0.43 of lake, measured on a chain shaped as mainnet
is today, and two copies of the tables."""

_NO_WAIT = Retry(0)


@dataclass(frozen=True)
class Finding:
    """Something looked at, and the next action where it is not as it should be."""

    subject: str
    state: State
    what: str
    action: str = ""


@dataclass(frozen=True)
class _Way:
    """A way to get blocks: what was found, and of what is there once it works."""

    findings: list[Finding]
    works: bool = False
    network: Network | None = None
    raw_bytes: int = 0
    """of all blocks, 0 where that is not known"""


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
        return [*findings, _failure("node", error)]
    ways = _ways(job, held)
    findings += _softened(ways)
    working = next((way for way in ways if way.works), _Way([]))
    if working.network is not None:
        findings.append(_network_fits(held, working.network))
        findings.append(_labels_and_prices(job, data_dir, working.network))
    raw_bytes = max((way.raw_bytes for way in ways if way.works), default=0)
    return [*findings, _disk(data_dir, raw_bytes)]


def _failure(subject: str, error: MinerflowError) -> Finding:
    waits = isinstance(error, NodeWarmingUp | NodeBusy)
    return Finding(subject, "note" if waits else "problem", error.what, error.action)


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
        return _Held([_failure(subject, error)])
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


def _ways(job: JobOptions, held: _Held) -> list[_Way]:
    """The ways that etl.sources.opening would try, in its order."""
    source = job.source
    ways = []
    is_auto = source.kind == "auto"
    has_place = source.blocks_dir is not None
    if source.kind == "blockfiles" or is_auto and (has_place or source.rpc_url is None):
        ways.append(_block_files(job))
    if source.kind in ("rest", "rpc") or is_auto and not has_place:
        try:
            address = find_node(source.rpc_url, source.bitcoin_datadir)
        except MinerflowError as error:
            return [*ways, _Way([_failure("node", error)])]
        if source.kind != "rpc":
            ways.append(_rest(address, held))
        if source.kind != "rest":
            ways.append(_rpc(address, held))
    return ways


def _softened(ways: list[_Way]) -> Iterable[Finding]:
    """All findings; where one way works, the problems of the others are but notes."""
    any_works = any(way.works for way in ways)
    for way in ways:
        for finding in way.findings:
            is_moot = any_works and not way.works and finding.state == "problem"
            yield replace(finding, state="note") if is_moot else finding


def _block_files(job: JobOptions) -> _Way:
    subject = "block files"
    try:
        directory = job.source.blocks_dir or blocks_dir(job.source.bitcoin_datadir)
        if not directory.is_dir():
            raise BlocksDirectoryError(
                f"{directory} is not a directory",
                "name the node's blocks directory with --blocks-dir",
            )
        numbers = file_numbers(directory)
        key = read_xor_key(directory)
        unusable = _unusable_files(directory, numbers)
        if unusable:
            raise unusable
        network = _network_of(directory, key.tobytes())
    except MinerflowError as error:
        return _Way([_failure(subject, error)])
    raw_bytes = sum(block_file(directory, number).stat().st_size for number in numbers)
    masked = "with an XOR key" if key.any() else "without an XOR key"
    what = (
        f"{directory}: {len(numbers)} block files with undo files, {raw_bytes / 1e9:,.1f} GB, "
        f"{network.name}, {masked}"
    )
    return _Way([Finding(subject, "ok", what)], True, network, raw_bytes)


def _unusable_files(directory: Path, numbers: list[int]) -> BlocksDirectoryError | None:
    """What is wrong with the set of files, None where all are there and may be read."""
    wanted = range(numbers[-1] + 1)
    paths = [path(directory, number) for number in wanted for path in (block_file, undo_file)]
    missing = [path for path in paths if not path.exists()]
    if missing:
        return BlocksDirectoryError(
            f"{missing[0]} is missing ({len(missing)} of {len(paths)} files are): "
            "the node is pruned, or the copy is incomplete",
            "use an unpruned node (prune=0 and -reindex), copy the missing files, or use "
            "--source rest or rpc",
        )
    unreadable = [path for path in paths if not os.access(path, os.R_OK)]
    if unreadable:
        return BlocksDirectoryError(
            f"{unreadable[0]} may not be read ({len(unreadable)} of {len(paths)} files)",
            "run as the node's user, or add yours to its group",
        )
    return None


def _network_of(directory: Path, key: bytes) -> Network:
    """The network of the first record, by its genesis block, else by its magic."""
    with block_file(directory, 0).open("rb") as file:
        masked = file.read(8 + HEADER_SIZE)
    mask = np.resize(np.frombuffer(key, dtype=np.uint8), len(masked))
    head = (np.frombuffer(masked, dtype=np.uint8) ^ mask).tobytes()
    first_hash = hashlib.sha256(hashlib.sha256(head[8:]).digest()).digest()[::-1].hex()
    by_magic = next((network for network in NETWORKS if network.magic == head[:4]), None)
    network = network_by_genesis(first_hash) or by_magic
    if network is None:
        raise BlocksDirectoryError(
            f"{block_file(directory, 0)} does not start as a block file of any Bitcoin network",
            "check that xor.dat lies beside the block files and that they are a node's",
        )
    return network


def _rest(address: NodeAddress, held: _Held) -> _Way:
    try:
        source = RestSource(address, _NO_WAIT)
        _check_reach(source, held)
    except MinerflowError as error:
        return _Way([_failure("REST", error)], works=isinstance(error, NodeWarmingUp | NodeBusy))
    what = f"{address}: offers blocks and the outputs they spend"
    return _Way([Finding("REST", "ok", what)], True, source.network)


def _rpc(address: NodeAddress, held: _Held) -> _Way:
    try:
        source = RpcSource(address, _NO_WAIT)
        findings = _about_node(address, source.facts)
        raw_bytes = source.facts.size_on_disk
    except MinerflowError as error:
        return _Way([_failure("node", error)], works=isinstance(error, NodeWarmingUp | NodeBusy))
    try:
        _check_reach(source, held)
    except MinerflowError as error:
        return _Way([*findings, _failure("RPC", error)])
    return _Way(findings, True, source.network, raw_bytes)


def _check_reach(source: Source, held: _Held) -> None:
    """Raise NodeIncapable where the node has deleted the block that comes next."""
    if held.next_height <= source.tip_height:
        source.chunk(held.next_height, held.next_height)


def _about_node(address: NodeAddress, facts: NodeFacts) -> list[Finding]:
    pruned = f"pruned below {facts.prune_height}" if facts.pruned else "not pruned"
    rest = "REST off" if not facts.rest else "REST on"
    spent = "with spent outputs" if facts.rest_spent else "without spent outputs"
    what = (
        f"{address}: {facts.subversion}, {facts.network.name}, height {facts.active.height}, {pruned}, "
        f"{rest}{', ' + spent if facts.rest else ''}"
    )
    findings = [Finding("node", "ok", what)]
    if facts.initial_block_download or facts.headers > facts.active.height:
        what = f"the node still synchronises: {facts.verification_progress:.1%} of the chain"
        action = "a job indexes up to where it is; run it again later"
        findings.append(Finding("node", "note", what, action))
    return findings


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
        inputs = load_inputs(job, data_dir, network)
        prices = load_prices(in_force(job.prices, data_dir, PRICES))
    except MinerflowError as error:
        return _failure(subject, error)
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
