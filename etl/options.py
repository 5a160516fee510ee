"""What a job needs to know, already decided: no defaults, no files, no environment (see etl.settings)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SourceOptions:
    """Which node or blocks directory to read."""

    kind: str
    """"auto", "blockfiles", "rest" or "rpc" """
    blocks_dir: Path | None
    rpc_url: str | None
    """may hold credentials, so never print it"""
    bitcoin_datadir: Path | None
    timeout_s: float
    """how long to wait for a node that is unreachable, busy or starting"""


@dataclass(frozen=True)
class JobOptions:
    """Everything a job is told beside its range."""

    data_dir: Path
    source: SourceOptions
    confirmations: int | None
    """blocks to stay below the tip; None for the source's own default (block files 0, else 6)"""
    workers: int
    """processes that extract"""
    memory_limit: str
    """of DuckDB, in its own notation"""
    pools: Path | None
    """files that replace the data directory's from now on; None keeps what it has, first the shipped"""
    exchanges: Path | None
    prices: Path | None
