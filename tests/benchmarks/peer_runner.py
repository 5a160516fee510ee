"""Runs one task of one peer within the peer's own environment and prints what it measured.

    VENV/bin/python peer_runner.py TASK '{"argument": ...}'

It stands alone: standard library and the peer, nothing of the project. Invariants: the clock starts
after the imports; the last printed line is a JSON object with `transactions` and `seconds` and the
process' `peak_memory_bytes`; the transactions are counted from what the peer gave out.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Figures = tuple[int, float]


def index_blocks(records: str, index: str) -> Figures:
    """Write Core's block index (LevelDB) from a JSON list of hex keys and values."""
    plyvel = importlib.import_module("plyvel")
    started = time.perf_counter()
    database = plyvel.DB(index, create_if_missing=True, compression=None)
    pairs = json.loads(Path(records).read_text())
    for key, value in pairs:
        database.put(bytes.fromhex(key), bytes.fromhex(value))
    database.close()
    return len(pairs), time.perf_counter() - started


def explorer(data_directory: str, stop_height: int, connected: bool) -> Figures:
    """bitcoin-explorer: every block as dictionaries, with prevouts where connected."""
    module = importlib.import_module("bitcoin_explorer")
    started = time.perf_counter()
    database = module.BitcoinDB(data_directory, tx_index=False)
    count = 0
    for block in database.get_block_iter_range(stop_height, connected=connected):
        count += len(block["txdata"])
        if connected:
            _check_prevouts(block["txdata"])
    return count, time.perf_counter() - started


def _check_prevouts(txs: list[dict[str, Any]]) -> None:
    if len(txs) > 1 and "value" not in txs[1]["input"][0]:
        raise ValueError(f"no value in {txs[1]['input'][0]}")


def parser_unordered(blocks: str, transactions: int) -> Figures:
    """blockchain-parser: ids, inputs and values of all blocks in the order of the files."""
    module = importlib.import_module("blockchain_parser.blockchain")
    started = time.perf_counter()
    count = _walk(module.Blockchain(blocks).get_unordered_blocks(), transactions)
    return count, time.perf_counter() - started


def parser_ordered(blocks: str, index: str, transactions: int, addresses: bool) -> Figures:
    """blockchain-parser: the same in height order by Core's block index, or with addresses."""
    module = importlib.import_module("blockchain_parser.blockchain")
    started = time.perf_counter()
    walk = _walk_with_addresses if addresses else _walk
    count = walk(module.Blockchain(blocks).get_ordered_blocks(index), transactions)
    return count, time.perf_counter() - started


def _walk(blocks: Any, transactions: int) -> int:
    count = 0
    for block in blocks:
        for tx in block.transactions:
            count += 1
            _ = tx.txid, [(i.transaction_hash, i.transaction_index) for i in tx.inputs]
            _ = [output.value for output in tx.outputs]
        if count >= transactions:
            break
    return count


def _walk_with_addresses(blocks: Any, transactions: int) -> int:
    count = 0
    for block in blocks:
        for tx in block.transactions:
            count += 1
            _ = tx.txid, [(i.transaction_hash, i.transaction_index) for i in tx.inputs]
            _ = [(o.value, [a.address for a in o.addresses]) for o in tx.outputs]
        if count >= transactions:
            break
    return count


def bitcoin_etl(uri: str, first_height: int, last_height: int) -> Figures:
    """bitcoin-etl: blocks and transactions exported to JSON lines, without prevouts."""
    job = importlib.import_module("bitcoinetl.jobs.export_blocks_job")
    rpc = importlib.import_module("bitcoinetl.rpc.bitcoin_rpc")
    proxy = importlib.import_module("blockchainetl.thread_local_proxy")
    name = "bitcoinetl.jobs.exporters.blocks_and_transactions_item_exporter"
    exporter = importlib.import_module(name).blocks_and_transactions_item_exporter
    with tempfile.TemporaryDirectory() as folder:
        blocks, txs = Path(folder, "blocks.json"), Path(folder, "transactions.json")
        started = time.perf_counter()
        job.ExportBlocksJob(
            start_block=first_height,
            end_block=last_height,
            batch_size=1,
            bitcoin_rpc=proxy.ThreadLocalProxy(lambda: rpc.BitcoinRpc(uri)),
            max_workers=2,
            item_exporter=exporter(str(blocks), str(txs)),
            chain="bitcoin",
        ).run()
        seconds = time.perf_counter() - started
        with txs.open("rb") as lines:
            return sum(1 for _ in lines), seconds


def graphsense(uri: str, first_height: int, last_height: int) -> Figures:
    """graphsense-lib: its exporter with prevouts (verbosity 3), two workers."""
    module = importlib.import_module("graphsenselib.ingest.rpc_utxo")
    exporter = module.BtcBlockExporter(uri, max_workers=2, verbosity=3)
    started = time.perf_counter()
    _, txs = exporter.export_blocks_and_transactions(first_height, last_height)
    seconds = time.perf_counter() - started
    if any(entry["value"] is None for tx in txs for entry in tx["inputs"]):
        raise ValueError("an input has no value")
    return len(txs), seconds


TASKS: dict[str, Callable[..., Figures]] = {
    "index_blocks": index_blocks,
    "explorer": explorer,
    "parser_unordered": parser_unordered,
    "parser_ordered": parser_ordered,
    "bitcoin_etl": bitcoin_etl,
    "graphsense": graphsense,
}


def peak_memory_bytes() -> int:
    """Peak resident memory; from /proc where possible, as ru_maxrss survives an exec on Linux."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    peaks = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return 1024 * (peaks[0] if peaks else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    """Run the task that the command line names."""
    transactions, seconds = TASKS[sys.argv[1]](**json.loads(sys.argv[2]))
    figures = {
        "transactions": transactions,
        "seconds": seconds,
        "peak_memory_bytes": peak_memory_bytes(),
    }
    sys.stdout.write("\n" + json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
