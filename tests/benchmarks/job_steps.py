"""The whole way, from block files to published views, by the command that users call."""

from __future__ import annotations

import json
import time
from pathlib import Path

import duckdb

from etl.cli import main
from etl.disk.datadir import DataDirectory
from tests.benchmarks.processes import Figures
from tests.benchmarks.stopwatch import Stopwatch, read_in_turn


def backfill(blocks: str, data_dir: str, exchanges: str, workers: int) -> Figures:
    """`minerflow backfill`, its report, and the size of what it leaves."""
    arguments = ["backfill", "--source", "blockfiles", "--blocks-dir", blocks, "--data-dir", data_dir]
    arguments += ["--exchanges", exchanges, "--workers", str(workers)]
    started = time.perf_counter()
    code = main(arguments, standalone_mode=False)
    seconds = time.perf_counter() - started
    if code:
        raise SystemExit(code)
    folder = DataDirectory(Path(data_dir))
    [log] = folder.logs.glob("*.json")
    report = json.loads(log.read_text(encoding="utf-8"))
    return {
        "seconds": seconds,
        **_published_counts(folder),
        "stations": report["seconds"],
        "addresses": report["addresses"],
        "state_bytes": report["tracker_bytes"],
        "raw_bytes": report["raw_bytes"],
        "lake_bytes": sum(path.stat().st_size for path in folder.lake.rglob("*.parquet")),
        "published_bytes": folder.published.stat().st_size,
    }


def _published_counts(folder: DataDirectory) -> Figures:
    sums = "SELECT count(*), sum(tx_count), sum(input_count + output_count) FROM blocks"
    with duckdb.connect(str(folder.published), read_only=True) as con:
        row = con.execute(sums).fetchall()[0]
    return dict(zip(("blocks", "transactions", "rows"), map(int, row), strict=True))


def profiled_backfill(blocks: str, data_dir: str, exchanges: str) -> Figures:
    """The same in one process, with the seconds of each part."""
    watch = Stopwatch()
    watch.install()
    read_in_turn()
    figures = backfill(blocks, data_dir, exchanges, workers=1)
    return figures | {"parts": watch.seconds, "calls": watch.calls}
