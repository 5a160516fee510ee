"""Choosing and opening the source of blocks."""

from __future__ import annotations

from pathlib import Path

from etl.errors import (
    BlocksDirectoryError,
    ConfigError,
    MinerflowError,
    NodeIncapable,
    TransientError,
    UsageError,
)
from etl.options import SourceOptions
from etl.progress import Progress
from etl.settings import SOURCES
from etl.sources.blockfiles.source import BlockFilesSource
from etl.sources.node.address import NodeAddress, blocks_dir, find_node
from etl.sources.node.probe import ChainFacts, NodeFacts, probe_node
from etl.sources.node.retry import Retry
from etl.sources.rest import RestSource, probe_rest
from etl.sources.rpc.source import RpcSource
from etl.sources.source import Source

_ONE_TRY = Retry(0)


def open_source(options: SourceOptions, progress: Progress, memory: Path | None = None) -> Source:
    """The source that the options name. Raises the source errors of etl.errors.

    `memory` is a file in which the source may remember until the next time what it finds.
    """
    if options.kind == "blockfiles":
        return _block_files(options, memory)
    if options.kind == "rest":
        return RestSource(_address(options), _retry(options, progress))
    if options.kind == "rpc":
        return RpcSource(_address(options), _retry(options, progress))
    if options.kind == "auto":
        return _best(options, progress, memory)
    raise UsageError(f"{options.kind!r} is no source", f"use one of {', '.join(SOURCES)}")


def _block_files(options: SourceOptions, memory: Path | None) -> BlockFilesSource:
    return BlockFilesSource(options.blocks_dir or blocks_dir(options.bitcoin_datadir), memory)


def _address(options: SourceOptions) -> NodeAddress:
    return find_node(options.rpc_url, options.bitcoin_datadir)


def _retry(options: SourceOptions, progress: Progress) -> Retry:
    return Retry(options.timeout_s, progress.message)


def _best(options: SourceOptions, progress: Progress, memory: Path | None) -> Source:
    """Block files if they can be read, else REST if it is offered, else RPC; says which and why."""
    reasons: list[str] = []
    if options.blocks_dir is not None or options.rpc_url is None:
        try:
            source: Source = _block_files(options, memory)
        except (BlocksDirectoryError, ConfigError) as error:
            if options.blocks_dir is not None:
                raise
            reasons.append(f"no block files ({error.what})")
        else:
            return _chosen(source, "they are the fastest", progress)
    else:
        reasons.append("block files are not looked for beside --rpc-url")
    address, retry = _address(options), _retry(options, progress)
    try:
        facts, lacking = retry(lambda: _probe(address))
    except MinerflowError as error:
        for reason in reasons:
            error.add_note(reason)
        raise
    if isinstance(facts, NodeFacts):
        return _chosen(RpcSource(address, retry, facts), "; ".join([*reasons, lacking]), progress)
    return _chosen(RestSource(address, retry, facts), "; ".join(reasons), progress)


def _probe(address: NodeAddress) -> tuple[ChainFacts, str]:
    """What REST tells where it is offered, else what RPC does, with the reason; tried once."""
    try:
        return probe_rest(address, _ONE_TRY), ""
    except (NodeIncapable, TransientError) as error:
        lacking = f"no REST ({error.what})"
    try:
        return probe_node(address, _ONE_TRY), lacking
    except MinerflowError as error:
        error.add_note(lacking)
        raise


def _chosen(source: Source, reason: str, progress: Progress) -> Source:
    progress.message(f"source: {source.describe()} because {reason}")
    return source
