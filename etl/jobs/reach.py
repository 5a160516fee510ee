"""The ways to get blocks here, looked at as a job would take them, without starting one.

Invariant: nothing is written, and no finding shows credentials.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from etl.chain.blocks import HEADER_SIZE
from etl.chain.networks import Network
from etl.errors import (
    BlocksDirectoryError,
    MinerflowError,
    NodeAnswerError,
    NodeBusy,
    NodeIncapable,
    NodeWarmingUp,
)
from etl.jobs.finding import Finding, failure
from etl.options import JobOptions
from etl.sources.blockfiles.genesis import network_of
from etl.sources.blockfiles.records import block_file, file_numbers, read_xor_key, undo_file
from etl.sources.node.address import NodeAddress, blocks_dir, find_node
from etl.sources.node.answers import Fields
from etl.sources.node.control import NodeControl
from etl.sources.node.probe import NodeFacts
from etl.sources.node.retry import Retry
from etl.sources.rest import RestSource
from etl.sources.rpc.source import RpcSource
from etl.sources.source import Source

_NO_WAIT = Retry(0)
_MOST_TIPS = 10_000


@dataclass(frozen=True)
class Way:
    """A way to get blocks: what was found, and of what is there once it works."""

    findings: list[Finding]
    works: bool = False
    network: Network | None = None
    raw_bytes: int = 0
    """of all blocks, 0 where that is not known"""


def ways_to_blocks(job: JobOptions, next_height: int) -> list[Way]:
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
            return [*ways, Way([failure("node", error)])]
        if source.kind != "rpc":
            ways.append(_rest(address, next_height))
        if source.kind != "rest":
            ways.append(_rpc(address, next_height))
    return ways


def softened(ways: list[Way]) -> Iterable[Finding]:
    """All findings; where one way works, the problems of the others are but notes."""
    any_works = any(way.works for way in ways)
    for way in ways:
        for finding in way.findings:
            is_moot = any_works and not way.works and finding.state == "problem"
            yield replace(finding, state="note") if is_moot else finding


def _block_files(job: JobOptions) -> Way:
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
        network = network_of(directory, key)
    except MinerflowError as error:
        return Way([failure(subject, error)])
    raw_bytes = sum(block_file(directory, number).stat().st_size for number in numbers)
    masked = "with an XOR key" if key.any() else "without an XOR key"
    what = (
        f"{directory}: {len(numbers)} block files with undo files, {raw_bytes / 1e9:,.1f} GB, "
        f"{network.name}, {masked}"
    )
    return Way([Finding(subject, "ok", what)], True, network, raw_bytes)


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


def _rest(address: NodeAddress, next_height: int) -> Way:
    try:
        source = RestSource(address, _NO_WAIT)
        read = _read_block(source, next_height)
    except MinerflowError as error:
        return Way([failure("REST", error)], works=isinstance(error, NodeWarmingUp | NodeBusy))
    what = f"{address}: gives blocks and the outputs they spend; {read}"
    return Way([Finding("REST", "ok", what)], True, source.network)


def _rpc(address: NodeAddress, next_height: int) -> Way:
    try:
        source = RpcSource(address, _NO_WAIT)
        facts = source.facts
        findings = [*_about_node(address, facts), *_about_branches(address, facts)]
    except MinerflowError as error:
        return Way([failure("node", error)], works=isinstance(error, NodeWarmingUp | NodeBusy))
    try:
        read = _read_block(source, next_height)
    except NodeIncapable as error:
        return Way([*findings, _pruned(error, facts, next_height)])
    except MinerflowError as error:
        return Way([*findings, failure("RPC", error)])
    return Way([*findings, Finding("RPC", "ok", read)], True, source.network, facts.size_on_disk)


def _read_block(source: Source, next_height: int) -> str:
    """Read the block that comes next, or the last one; says so. Raises the source errors of etl.errors."""
    height = min(next_height, source.tip_height)
    raw = next(source.chunk(height, height).batches(1))
    header = raw.block[:HEADER_SIZE].tobytes()
    if hashlib.sha256(hashlib.sha256(header).digest()).digest() != source.hashes(height, height).tobytes():
        raise NodeAnswerError(
            f"the node gives another block than asked for at height {height}",
            "see whether the address is that of a Bitcoin Core node",
        )
    return f"block {height} was read"


def _pruned(error: NodeIncapable, facts: NodeFacts, next_height: int) -> Finding:
    """What to do where a node has deleted the block that comes next: a new data directory may begin later."""
    if not facts.pruned or facts.prune_height <= next_height:
        return failure("RPC", error)
    action = (
        f"minerflow backfill {facts.prune_height}: --source rpc indexes what the node still has, "
        "in a new --data-dir; or use an unpruned node"
    )
    return Finding("RPC", "problem", error.what, action)


def _about_node(address: NodeAddress, facts: NodeFacts) -> list[Finding]:
    pruned = f"pruned below {facts.prune_height}" if facts.pruned else "not pruned"
    rest = "REST off" if not facts.rest else "REST on"
    spent = "with spent outputs" if facts.rest_spent else "without spent outputs"
    what = (
        f"{address}: {facts.subversion}, {facts.network.name}, height {facts.active.height}, {pruned}, "
        f"{rest}{', ' + spent if facts.rest else ''}"
    )
    findings = [Finding("node", "ok", what)]
    if facts.snapshot_note:
        action = f"a job indexes up to height {facts.complete.height} for now; run it again later"
        findings.append(Finding("node", "note", facts.snapshot_note, action))
    if facts.initial_block_download or facts.headers > facts.active.height:
        what = f"the node still synchronises: {facts.verification_progress:.1%} of the chain"
        action = "a job indexes up to where it is; run it again later"
        findings.append(Finding("node", "note", what, action))
    return findings


def _about_branches(address: NodeAddress, facts: NodeFacts) -> list[Finding]:
    """A branch that the node holds for invalid, which block files still hold and take for the chain."""
    with NodeControl(address, _NO_WAIT) as control:
        answer = {"tips": control.call("getchaintips")}
    tips = Fields(answer, "getchaintips", address).parts("tips", _MOST_TIPS)
    left = [
        tip for tip in tips if tip.text("status") == "invalid" and tip.height("height") > facts.active.height
    ]
    if not left:
        return []
    what = (
        f"the node has left a branch up to height {left[0].height('height')} that its block files still hold "
        "(as after invalidateblock): read from them, that branch counts as the chain"
    )
    action = (
        "use --source rest or rpc, or have the node take the branch back: "
        f"bitcoin-cli reconsiderblock {left[0].block_hash('hash')}"
    )
    return [Finding("node", "note", what, action)]
