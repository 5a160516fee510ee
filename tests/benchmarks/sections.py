"""The sections of the benchmark: which steps each runs, on which chains.

Invariants: a section gives a JSON object of figures as measured; chains, labels and peers' inputs are
made in the cache where they are missing; what else a section writes it removes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.benchmarks.chain_reader import StoredChain
from tests.benchmarks.memory import load_files, stored_files
from tests.benchmarks.node_server import record_chain
from tests.benchmarks.peer_inputs import RpcAnswers, make_rpc_answers
from tests.benchmarks.peers import RPC_TRANSACTIONS, measure_peers
from tests.benchmarks.processes import Figures, failure, median_run, run_step

SMALL = 400_000
SEED = 7
REPEATS = 3
SYNTHETIC_ADDRESSES = 50_000_000
_CHAIN_BYTES, _DATA_BYTES = 570, 350
"""Of disk, per transaction: block files, and a data directory while it is made."""
_ROOT = Path(__file__).parent.parent.parent


def chain_name(transactions: int) -> str:
    """Folder of a chain: 400k, 10m."""
    for unit, letter in ((1_000_000, "m"), (1_000, "k")):
        if transactions % unit == 0:
            return f"{transactions // unit}{letter}"
    return str(transactions)


@dataclass(frozen=True)
class Bench:
    """What a run of the benchmark is told."""

    cache: Path
    main: int
    """transactions of the chain that most figures come from"""
    large: int | None
    """transactions of the chain that shows growth; None to leave it out"""

    @property
    def work(self) -> Path:
        """For data directories that do not stay."""
        return self.cache / "work"

    def chain(self, transactions: int) -> Path:
        """Folder of a chain, made where it is missing."""
        folder = self.cache / chain_name(transactions)
        if not (folder / "chain.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
            command = [sys.executable, "-m", "tests.benchmarks.chain_maker", "--seed", str(SEED)]
            command += ["--transactions", str(transactions), "--out", str(folder)]
            subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.DEVNULL)
        return folder

    def lake(self, transactions: int) -> Path:
        """A data directory with the lake of a chain, made anew."""
        folder = self.work / "lake"
        shutil.rmtree(folder, ignore_errors=True)
        blocks = self.chain(transactions) / "blocks"
        figures = run_step("extract_files", blocks=blocks, data_dir=folder, workers=2)
        if "error" in figures:
            raise RuntimeError(figures["error"])
        return folder

    def labels(self) -> Path:
        """Labels for the busiest addresses, which chains of all sizes have in common."""
        path = self.cache / "exchanges.csv"
        if not path.exists():
            figures = run_step("label_services", data_dir=self.lake(SMALL), out=path)
            if "error" in figures:
                raise RuntimeError(figures["error"])
        return path


def time_cat(blocks: Path) -> Figures:
    """`cat blk* rev* > /dev/null`, once the files are in memory."""
    files = stored_files(blocks)
    load_files(files)
    started = time.perf_counter()
    load_files(files)
    seconds = time.perf_counter() - started
    return {"bytes": sum(path.stat().st_size for path in files), "seconds": seconds}


def warm_up(bench: Bench) -> None:
    """Fill the cache of compiled code."""
    _backfill(bench, SMALL, 1)


def extraction(bench: Bench) -> Figures:
    """Block files to Parquet, beside the peers and the least that any reader has to do."""
    figures = {
        "main": _extraction(bench, bench.main, {"one": 1, "two": 2}),
        "small": _extraction(bench, SMALL, {"one": 1}),
    }
    records = measure_peers(bench.chain(SMALL) / "blocks", bench.cache / "peers")
    return figures | {"peers": [asdict(record) for record in records]}


def _extraction(bench: Bench, transactions: int, processes: dict[str, int]) -> Figures:
    blocks = bench.chain(transactions) / "blocks"
    folder = bench.work / "extraction"
    files = stored_files(blocks)
    figures: Figures = {"transactions": transactions, "cat": time_cat(blocks)}
    figures["xor"] = median_run("xor_pass", REPEATS, files=files, blocks=blocks)
    for name, workers in processes.items():
        figures[name] = median_run(
            "extract_files", REPEATS, fresh=folder, files=files,
            blocks=blocks, data_dir=folder, workers=workers,
        )  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)
    return figures


def profile(bench: Bench) -> Figures:
    """The parts of a backfill in one process."""
    blocks, folder = bench.chain(bench.main) / "blocks", bench.work / "profile"
    exchanges = bench.labels()
    figures = median_run(
        "profiled_backfill", 1, fresh=folder, files=stored_files(blocks),
        blocks=blocks, data_dir=folder, exchanges=exchanges,
    )  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)
    return figures


def tracker(bench: Bench) -> Figures:
    """Tracking a lake on one core, and memory by number of addresses."""
    exchanges = bench.labels()
    lake = bench.lake(bench.main)
    files = lake.rglob("*.parquet")
    figures = {
        "track": median_run("track_lake", REPEATS, files=files, data_dir=lake, exchanges=exchanges),
        "register": run_step("register_addresses", count=SYNTHETIC_ADDRESSES),
    }
    shutil.rmtree(lake)
    return figures


def pipeline(bench: Bench) -> Figures:
    """Block files to published views in two processes, at up to three sizes."""
    return {
        "small": _backfill(bench, SMALL, REPEATS),
        "main": _backfill(bench, bench.main, REPEATS),
        "large": _large_backfill(bench),
    }


def _backfill(bench: Bench, transactions: int, repeats: int) -> Figures:
    blocks, folder = bench.chain(transactions) / "blocks", bench.work / "backfill"
    exchanges = bench.labels()
    arguments = {"blocks": blocks, "data_dir": folder, "exchanges": exchanges, "workers": 2}
    files = stored_files(blocks)
    figures = median_run("backfill", repeats, fresh=folder, files=files, **arguments)
    shutil.rmtree(folder, ignore_errors=True)
    return figures


def _large_backfill(bench: Bench) -> Figures:
    if bench.large is None:
        return {"error": "left out"}
    is_made = (bench.cache / chain_name(bench.large) / "chain.json").exists()
    needed = bench.large * (_DATA_BYTES if is_made else _DATA_BYTES + _CHAIN_BYTES)
    free = shutil.disk_usage(bench.cache).free
    if free < needed:
        return {"error": f"left out: needs {needed / 1e9:.0f} GB of disk, {free / 1e9:.0f} GB are free"}
    return _backfill(bench, bench.large, 1)


def node(bench: Bench) -> Figures:
    """REST and RPC from a local server of recorded answers, beside python-bitcoinrpc."""
    chain = StoredChain(bench.chain(SMALL) / "blocks")
    inputs = bench.cache / "peers" / "inputs" / chain.hashes[-1][::-1].hex()[:16]
    answers = make_rpc_answers(chain, inputs / f"rpc-{RPC_TRANSACTIONS}", RPC_TRANSACTIONS)
    record_chain(chain, inputs / "rest")
    first, last = answers.first_height, answers.last_height
    with node_server(inputs / "rest", answers) as port:
        return {
            "rest": _node_figures(bench, "rest", port, 0, last),
            "rpc": _node_figures(bench, "rpc", port, first, last),
            "bitcoinrpc": median_run("bitcoinrpc", REPEATS, port=port, first=first, last=last),
        }


def _node_figures(bench: Bench, kind: str, port: int, first: int, last: int) -> Figures:
    folder = bench.work / "node"
    where: Figures = {"kind": kind, "port": port, "first": first, "last": last}
    figures = {
        "read": median_run("read_node", REPEATS, **where),
        "extract": median_run("extract_node", REPEATS, fresh=folder, data_dir=folder, **where),
    }
    shutil.rmtree(folder, ignore_errors=True)
    return figures


@contextmanager
def node_server(folder: Path, answers: RpcAnswers) -> Iterator[int]:
    """A local server of recorded answers; gives its port."""
    command = [sys.executable, "-m", "tests.benchmarks.node_server", str(folder), str(answers.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


SECTIONS = {
    "extraction": extraction,
    "profile": profile,
    "tracker": tracker,
    "pipeline": pipeline,
    "node": node,
}


def run_section(name: str, bench: Bench) -> Figures:
    """Figures of a section; one that cannot run gives its error."""
    try:
        return SECTIONS[name](bench)
    except (RuntimeError, ValueError, OSError, subprocess.CalledProcessError) as error:
        return {"error": failure(1, str(error))}
