"""Steps on block files: extraction into a lake, and the least that any reader has to do."""

from __future__ import annotations

import csv
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from etl.chain.heights import HeightRange
from etl.chain.networks import network_by_name
from etl.chain.scripts import LAST_OWNABLE, P2PKH
from etl.disk.datadir import DataDirectory
from etl.disk.lock import job_lock
from etl.lake.fill import extract
from etl.lake.lake import Lake
from etl.lake.spelling import address_texts
from etl.progress import Silent
from etl.sources.blockfiles.source import BlockFilesSource
from etl.sources.source import Source
from tests.benchmarks.processes import Figures

_PIECE_WORDS = 1 << 17
"""Of 8 bytes: 1 MiB, which stays in the processor's cache."""
_FIRST_BLOCKS = HeightRange(0, 2)
SERVICES = 40


def extract_files(blocks: str, data_dir: str, workers: int) -> Figures:
    """Block files to a lake, with opening them.

    Compiled code is loaded before, as peers import before their clock starts.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        extract_source(BlockFilesSource(Path(blocks)), _FIRST_BLOCKS, Path(scratch), 1)
    loaded = time.perf_counter()
    source = BlockFilesSource(Path(blocks))
    figures = extract_source(source, HeightRange(0, source.tip_height), Path(data_dir), workers)
    return figures | {"seconds": time.perf_counter() - loaded, "load_seconds": loaded - started}


def extract_source(source: Source, span: HeightRange, folder: Path, workers: int) -> Figures:
    """A range of a source to a lake in the data directory `folder`."""
    data_dir = DataDirectory(folder)
    data_dir.create()
    with job_lock(data_dir) as lock:
        totals = extract(
            source, Lake(data_dir.lake), span, with_input_scripts=span.first_height > 0,
            workers=workers, lock=lock, progress=Silent(),
        )  # fmt: skip
    return {"transactions": totals.transactions, "raw_bytes": totals.raw_bytes}


def xor_pass(blocks: str) -> Figures:
    """Undo the XOR of every blk and rev file with NumPy, and keep nothing."""
    folder = Path(blocks)
    key = np.frombuffer((folder / "xor.dat").read_bytes(), np.uint64)
    buffer = np.empty(_PIECE_WORDS, np.uint64)
    size = 0
    started = time.perf_counter()
    for path in sorted([*folder.glob("blk*.dat"), *folder.glob("rev*.dat")]):
        words = path.stat().st_size // 8
        data = np.memmap(path, np.uint64, mode="r", shape=(words,))
        for at in range(0, words, _PIECE_WORDS):
            part = data[at : at + _PIECE_WORDS]
            np.bitwise_xor(part, key, out=buffer[: len(part)])
        size += 8 * words
    return {"bytes": size, "seconds": time.perf_counter() - started}


def label_services(data_dir: str, out: str) -> Figures:
    """Label the addresses that a lake's first chunk pays most often: exchanges, as on mainnet."""
    lake = Lake(DataDirectory(Path(data_dir)).lake)
    chunk = lake.chunks()[0]
    rows = lake.read(chunk, "outputs", ["address_id", "kind"])
    kind, ids = rows.column("kind").to_numpy(), rows.column("address_id").to_numpy()
    ownable = ids[(kind >= P2PKH) & (kind <= LAST_OWNABLE)]
    found, count = np.unique(ownable, return_counts=True)
    wanted = np.sort(found[np.argsort(count)[-SERVICES:]])
    texts = pa.concat_tables(address_texts(lake, wanted, network_by_name(chunk.network)))
    with Path(out).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["address", "exchange", "source"])
        for number, address in enumerate(texts.column("address").to_pylist()):
            writer.writerow([address, f"Exchange {number % (SERVICES // 2)}", "benchmark"])
    return {"labels": texts.num_rows}
