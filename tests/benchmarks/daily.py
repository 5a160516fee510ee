"""What a day, and a block, cost as the chain behind them grows, on two shapes of chain.

    python -m tests.benchmarks.daily --cache DIR [--tree DIR] [--transactions 3000000]

Makes both chains in DIR where they are missing; indexes each up to some heights, there adds 144 blocks, one
more, and none, and prints what each of these runs took. `--tree` measures the minerflow of another working
tree, such as that of an earlier commit, on the same chains. Invariants: every figure is of one process of its
own and its children, asked from the system: CPU seconds beside seconds, and bytes that it gave the disk to
write. One process extracts.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from etl.disk.datadir import DataDirectory
from tests.benchmarks.processes import Figures, run_step

_ROOT = Path(__file__).parent.parent.parent
SHAPES = {
    "made": ["--transactions-per-block", "600"],
    "rich": ["--rich"],
}
"""By name, what chain_maker is told: mainnet's shape in short blocks, and one in which most addresses are a
miner's or an exchange's."""
SHARES = (0.25, 0.5, 0.75, 1.0)
"""Of the chain's blocks that are indexed where the runs are measured."""
A_DAY = 144
_BLOCK_BYTES = 512


@dataclass(frozen=True)
class Measured:
    """A minerflow and what it is given."""

    tree: Path
    blocks: Path
    last_height: int
    exchanges: Path
    data_dir: DataDirectory

    def run(self, last: int) -> Figures:
        """`minerflow update` to a height: seconds, CPU seconds, bytes written, seconds by station."""
        command = [str(self.tree / ".venv/bin/minerflow"), "update", "--source", "blockfiles"]
        command += ["--blocks-dir", str(self.blocks), "--data-dir", str(self.data_dir.path)]
        command += ["--confirmations", str(self.last_height - last), "--workers", "1"]
        command += ["--exchanges", str(self.exchanges)]
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=self.tree, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
        return {
            "seconds": time.perf_counter() - started,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "written_bytes": used.ru_oublock * _BLOCK_BYTES,
            "peak_memory_bytes": used.ru_maxrss * 1024,
            "stations": self._report()["seconds"],
        }

    def _report(self) -> Figures:
        log = max(self.data_dir.logs.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        report: Figures = json.loads(log.read_text(encoding="utf-8"))
        return report


def chain(cache: Path, shape: str, transactions: int) -> Path:
    """Folder of a chain, made where it is missing."""
    folder = cache / shape
    if not (folder / "chain.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        command = [sys.executable, "-m", "tests.benchmarks.chain_maker", *SHAPES[shape]]
        command += ["--transactions", str(transactions), "--out", str(folder)]
        subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.DEVNULL)
    return folder


def labels(cache: Path, folder: Path) -> Path:
    """Labels for the addresses of a chain that are paid most often."""
    path = folder / "exchanges.csv"
    if not path.exists():
        lake = cache / "lake"
        shutil.rmtree(lake, ignore_errors=True)
        run_step("extract_files", blocks=folder / "blocks", data_dir=lake, workers=1)
        run_step("label_services", data_dir=lake, out=path)
        shutil.rmtree(lake)
    return path


def measure(measured: Measured) -> list[Figures]:
    """The runs at each share of a chain: to that height, then a day more, a block more, nothing more."""
    shutil.rmtree(measured.data_dir.path, ignore_errors=True)
    rows = []
    for share in SHARES:
        height = round(measured.last_height * share) - A_DAY - 1
        runs = {"to here": height, "a day": height + A_DAY, "a block": height + A_DAY + 1}
        for what, last in (*runs.items(), ("nothing", height + A_DAY + 1)):
            row = {"share": share, "what": what} | measured.run(last)
            sys.stderr.write(f"{json.dumps(row)}\n")
            rows.append(row)
    return rows


def main() -> None:
    """Measure as the command line says and print a table for each chain."""
    parser = argparse.ArgumentParser(prog="daily", description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True, help="for chains and data directories")
    parser.add_argument("--tree", type=Path, default=_ROOT, help="whose minerflow is measured")
    parser.add_argument("--transactions", type=int, default=3_000_000)
    parser.add_argument("--shape", choices=[*SHAPES], help="only this one")
    args = parser.parse_args()
    cache = args.cache.resolve()
    for shape in SHAPES if args.shape is None else [args.shape]:
        folder = chain(cache, shape, args.transactions)
        data_dir = DataDirectory(cache / f"data-{shape}-{args.tree.resolve().name}")
        last_height = json.loads((folder / "chain.json").read_text(encoding="utf-8"))["last_height"]
        exchanges = labels(cache, folder)
        measured = Measured(args.tree.resolve(), folder / "blocks", last_height, exchanges, data_dir)
        sys.stdout.write("\n".join(_lines(shape, measure(measured))) + "\n")


def _lines(shape: str, rows: list[Figures]) -> list[str]:
    lines = [f"{shape}", "| share of the chain | run | seconds | CPU seconds | MB written | by station |"]
    lines.append("|--:|---|--:|--:|--:|---|")
    for row in rows:
        stations = ", ".join(f"{name} {seconds:.2f}" for name, seconds in row["stations"].items())
        lines.append(
            f"| {row['share']:.2f} | {row['what']} | {row['seconds']:.2f} | {row['cpu_seconds']:.2f} | "
            f"{row['written_bytes'] / 1e6:.1f} | {stations} |"
        )
    return lines


if __name__ == "__main__":
    main()
