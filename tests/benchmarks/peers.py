"""Measures other readers of the Bitcoin chain on a made chain.

    python -m tests.benchmarks.peers --chain DIR --cache DIR [--transactions 400000] [--json FILE]

Every peer is installed from PyPI, at a pinned version, into an environment of its own in the cache.
Invariants: each task runs in a fresh process; a peer that fails is reported with its error and
never left out; peers that talk RPC read precomputed answers about the chain's last
`RPC_TRANSACTIONS` transactions from a local server, so that no node slows them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.chain_reader import StoredChain
from tests.benchmarks.memory import make_ready, stored_files
from tests.benchmarks.peer_inputs import PlainCopy, RpcAnswers, make_plain_copy, make_rpc_answers

FILE_TRANSACTIONS = 400_000
RPC_TRANSACTIONS = 50_000
ADDRESS_TRANSACTIONS = 50_000
TIMEOUT_S = 1_200
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Peer:
    """A package to install."""

    name: str
    requirement: str


EXPLORER = Peer("bitcoin-explorer", "bitcoin-explorer==1.2.21")
PARSER = Peer("blockchain-parser", "blockchain-parser==0.1.6")
ETL = Peer("bitcoin-etl", "bitcoin-etl==1.5.2")
GRAPHSENSE = Peer("graphsense-lib", "graphsense-lib[ingest]==2.18.1")


@dataclass(frozen=True, kw_only=True)
class PeerRecord:
    """What one peer did, or why it did not."""

    peer: str
    requirement: str
    task: str
    transactions: int = 0
    seconds: float = 0.0
    transactions_per_second: float = 0.0
    peak_memory_bytes: int = 0
    error: str | None = None


class PeerError(Exception):
    """A peer could not be installed or failed; the text is the end of what it printed."""


def _run(command: list[str], timeout_s: int = TIMEOUT_S) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise PeerError(f"not done after {timeout_s} s") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        reason = f"killed by signal {-done.returncode}" if done.returncode < 0 else "failed"
        raise PeerError("\n".join([reason, *lines[-4:]]))
    return done.stdout


def install(peer: Peer, cache: Path) -> Path:
    """Python of the peer's own environment, which is made where it is missing."""
    folder = cache / "venvs" / peer.requirement.replace("==", "-").replace("[", "-").strip("]")
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        _run([str(python), "-m", "pip", "install", "--quiet", peer.requirement])
        done.touch()
    return python


def _execute(peer: Peer, cache: Path, task: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Figures of one task, run in the peer's environment."""
    python = install(peer, cache)
    runner = str(_HERE / "peer_runner.py")
    printed = _run([str(python), runner, task, json.dumps(arguments, default=str)])
    figures: dict[str, Any] = json.loads(printed.strip().splitlines()[-1])
    return figures


def measure(
    peer: Peer,
    cache: Path,
    task: str,
    expected: int,
    *,
    runner_task: str,
    arguments: dict[str, Any],
    files: Iterable[Path] = (),
) -> PeerRecord:
    """Run one task with `files` in memory; it fails, too, without giving out `expected` transactions."""
    try:
        make_ready(files)
        figures = _execute(peer, cache, runner_task, arguments)
        if figures["transactions"] != expected:
            raise PeerError(f"gave {figures['transactions']:,} of {expected:,} transactions")
    except (PeerError, ValueError, LookupError) as error:
        text = str(error)
        return PeerRecord(peer=peer.name, requirement=peer.requirement, task=task, error=text)
    rate = figures["transactions"] / figures["seconds"]
    return PeerRecord(
        peer=peer.name,
        requirement=peer.requirement,
        task=task,
        transactions_per_second=rate,
        **figures,
    )


def measure_file_readers(copy: PlainCopy, cache: Path) -> Iterator[PeerRecord]:
    """Peers that read block files."""
    index_error = _write_index(copy, cache)
    for connected, task in (
        (False, "blocks with addresses, no prevouts"),
        (True, "blocks with prevouts"),
    ):
        arguments: dict[str, Any] = {
            "data_directory": copy.data_directory,
            "stop_height": copy.blocks,
            "connected": connected,
        }
        record = measure(
            EXPLORER, cache, task, copy.transactions,
            runner_task="explorer", arguments=arguments, files=stored_files(copy.block_folder),
        )  # fmt: skip
        yield _with_reason(record, index_error)
    yield from _measure_parser(copy, cache, index_error)


def _measure_parser(copy: PlainCopy, cache: Path, index_error: str | None) -> Iterator[PeerRecord]:
    """Without addresses, as its objects make them only when asked; and with them, on a prefix."""
    values = "ids, inputs and values, no prevouts"
    arguments: dict[str, Any] = {"blocks": copy.block_folder, "transactions": copy.transactions}
    task = f"{values}, in file order"
    count, files = copy.transactions, stored_files(copy.block_folder)
    yield measure(
        PARSER, cache, task, count, runner_task="parser_unordered", arguments=arguments, files=files
    )
    prefix = copy.whole_blocks(ADDRESS_TRANSACTIONS)
    for addresses, count in ((False, copy.transactions), (True, prefix)):
        task = f"{values}, in height order" + (", with addresses" if addresses else "")
        arguments |= {"index": copy.index, "transactions": count, "addresses": addresses}
        record = measure(
            PARSER, cache, task, count, runner_task="parser_ordered", arguments=arguments, files=files
        )
        yield _with_reason(record, index_error)


def _with_reason(record: PeerRecord, index_error: str | None) -> PeerRecord:
    if record.error is None or index_error is None:
        return record
    text = f"{record.error}\n(the block index could not be written: {index_error})"
    return PeerRecord(**(asdict(record) | {"error": text}))


def _write_index(copy: PlainCopy, cache: Path) -> str | None:
    """Write Core's block index with blockchain-parser's own LevelDB; gives the error, if any."""
    if copy.index.exists():
        return None
    arguments = {"records": copy.index_records, "index": copy.index}
    try:
        _execute(PARSER, cache, "index_blocks", arguments)
    except PeerError as error:
        return str(error)
    return None


def measure_rpc_readers(answers: RpcAnswers, cache: Path) -> Iterator[PeerRecord]:
    """Peers that read over JSON-RPC."""
    heights = {"first_height": answers.first_height, "last_height": answers.last_height}
    tasks = (
        (ETL, "bitcoin_etl", "getblock 2 to JSON lines, no prevouts, 2 workers"),
        (GRAPHSENSE, "graphsense", "getblock 3 to dictionaries with prevouts, 2 workers"),
    )
    for peer, runner_task, task in tasks:
        with rpc_server(answers.folder) as uri:
            arguments = {"uri": uri, **heights}
            yield measure(
                peer,
                cache,
                task,
                answers.transactions,
                runner_task=runner_task,
                arguments=arguments,
            )


@contextmanager
def rpc_server(folder: Path) -> Iterator[str]:
    """A local server of `folder`; gives its address."""
    command = [sys.executable, str(_HERE / "peer_server.py"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://user:password@127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def measure_peers(
    blocks: Path,
    cache: Path,
    *,
    transactions: int = FILE_TRANSACTIONS,
    rpc_transactions: int = RPC_TRANSACTIONS,
) -> list[PeerRecord]:
    """Measure every peer on the chain in `blocks`.

    Peers that read files get the chain's first `transactions` transactions, peers that read RPC
    its last `rpc_transactions`.
    """
    chain = StoredChain(blocks)
    inputs = cache / "inputs" / chain.hashes[-1][::-1].hex()[:16]
    copy = make_plain_copy(chain, inputs / f"plain-{transactions}", transactions)
    answers = make_rpc_answers(chain, inputs / f"rpc-{rpc_transactions}", rpc_transactions)
    return [*measure_file_readers(copy, cache), *measure_rpc_readers(answers, cache)]


def markdown(records: list[PeerRecord]) -> str:
    """The records as a Markdown table."""
    rows = ["| peer | what it does | transactions | tx/s | peak MB |", "|---|---|--:|--:|--:|"]
    for record in records:
        name = record.requirement.replace("==", " ")
        if record.error:
            reason = record.error.splitlines()[-1]
            rows.append(f"| {name} | {record.task} | | fails: {reason} | |")
            continue
        numbers = (
            f"{record.transactions:,}",
            f"{record.transactions_per_second:,.0f}",
            f"{record.peak_memory_bytes / 1e6:,.0f}",
        )
        rows.append(f"| {name} | {record.task} | {' | '.join(numbers)} |")
    return "\n".join(rows)


def main() -> None:
    """Measure as the command line says and print a table."""
    parser = argparse.ArgumentParser(prog="peers", description=__doc__.splitlines()[0])
    parser.add_argument("--chain", type=Path, required=True, help="what chain_maker wrote")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--transactions", type=int, default=FILE_TRANSACTIONS)
    parser.add_argument("--rpc-transactions", type=int, default=RPC_TRANSACTIONS)
    parser.add_argument("--json", type=Path, help="write the records here, too")
    args = parser.parse_args()
    records = measure_peers(
        args.chain / "blocks",
        args.cache,
        transactions=args.transactions,
        rpc_transactions=args.rpc_transactions,
    )
    if args.json:
        text = json.dumps([asdict(record) for record in records], indent=2)
        args.json.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(markdown(records) + "\n")


if __name__ == "__main__":
    main()
