"""Steps on a node over REST and RPC: reading, extraction, and python-bitcoinrpc for comparison."""

from __future__ import annotations

import time
from pathlib import Path

from bitcoinrpc.authproxy import AuthServiceProxy

from etl.chain.heights import HeightRange
from etl.lake.chunk import chunk_ranges
from etl.lake.extract import BATCH_BYTES
from etl.sources.node.address import Credentials, NodeAddress
from etl.sources.node.retry import Retry
from etl.sources.rest import RestSource
from etl.sources.rpc.source import RpcSource
from etl.sources.source import Source
from tests.benchmarks.file_steps import extract_source
from tests.benchmarks.processes import Figures

_TIMEOUT_S = 60.0


def _source(kind: str, port: int) -> Source:
    address = NodeAddress(f"http://127.0.0.1:{port}/", Credentials("user", "password"))
    retry = Retry(_TIMEOUT_S)
    return RestSource(address, retry) if kind == "rest" else RpcSource(address, retry)


def read_node(kind: str, port: int, first: int, last: int) -> Figures:
    """Blocks with what they spend as bytes, not decoded further."""
    started = time.perf_counter()
    source = _source(kind, port)
    raw_bytes = 0
    for span in chunk_ranges(first, last):
        for batch in source.chunk(*span).batches(BATCH_BYTES):
            raw_bytes += len(batch.block) + len(batch.spent)
    return {"seconds": time.perf_counter() - started, "raw_bytes": raw_bytes}


def extract_node(kind: str, port: int, first: int, last: int, data_dir: str) -> Figures:
    """Blocks to a lake, in one process."""
    started = time.perf_counter()
    source = _source(kind, port)
    figures = extract_source(source, HeightRange(first, last), Path(data_dir), 1)
    return figures | {"seconds": time.perf_counter() - started}


def bitcoinrpc(port: int, first: int, last: int) -> Figures:
    """The same getblock answers through python-bitcoinrpc, which decodes them with Decimals."""
    proxy = AuthServiceProxy(f"http://user:password@127.0.0.1:{port}", timeout=_TIMEOUT_S)
    started = time.perf_counter()
    counts = []
    for height in range(first, last + 1):
        block = proxy.getblock(proxy.getblockhash(height), 3)
        counts.append(len(block["tx"]))
    return {"seconds": time.perf_counter() - started, "transactions": sum(counts)}
