"""Changed bytes crash no decoder, are read by none beyond their end, and are never taken for sound ones."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from etl.errors import MinerflowError
from etl.lake.extract import ChunkTask, extract_chunk
from etl.lake.lake import Lake
from etl.sources.blockfiles.source import BlockFilesSource
from tests.durability.fuzz import mutated
from tests.support.golden import ECONOMY
from tests.support.properties import scaled

COUNT = scaled(3000, 300_000)
"""Inputs for each of the four decoders."""


@pytest.mark.parametrize("checked", [False, True], ids=["as compiled", "every index checked"])
def test_mutated_bytes(checked: bool) -> None:
    count = COUNT if not checked else COUNT // 3
    environment = os.environ | ({"MINERFLOW_CHECKED": "1"} if checked else {})
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.durability.fuzz", str(count), "1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "'block': 0" not in done.stdout, "a change of a witness is none of the transactions"


def _lake_content(blocks_dir: Path, lake_dir: Path) -> tuple[int, list[pa.Table]]:
    """Height of the tip, and what is read of transactions and their inputs and outputs."""
    source = BlockFilesSource(blocks_dir)
    last = source.tip_height
    task = ChunkTask(
        reader=source.chunk(0, last), lake_dir=lake_dir, first_height=0, last_height=last,
        network="regtest", block_hash=source.hashes(0, last), mediantime=source.times(0, last),
        with_input_scripts=True,
    )  # fmt: skip
    chunk = extract_chunk(task).chunk
    lake = Lake(lake_dir)
    columns = {"txs": ["txid"], "inputs": ["value_sat", "script"], "outputs": ["value_sat", "script"]}
    return last, [lake.read(chunk, table, names) for table, names in columns.items()]


def test_changed_block_files_are_never_read_as_sound(tmp_path: Path) -> None:
    """The whole way from files to the lake: an error, or the same content.

    Of a chain that ends earlier, as if the node had not got any further, it is the beginning.
    """
    tip, expected = _lake_content(ECONOMY.blocks_dir, tmp_path / "expected")
    rng = random.Random(5)
    refused = 0
    for number in range(scaled(25, 3000)):
        blocks_dir = tmp_path / "blocks"
        shutil.copytree(ECONOMY.blocks_dir, blocks_dir)
        path = blocks_dir / rng.choice(["blk00000.dat", "rev00000.dat", "xor.dat"])
        path.write_bytes(mutated(path.read_bytes(), rng))
        try:
            last, found = _lake_content(blocks_dir, tmp_path / "lake")
            whole = [table.slice(0, len(part)) for table, part in zip(expected, found, strict=True)]
            assert found == (expected if last == tip else whole), number
        except MinerflowError:
            refused += 1
        shutil.rmtree(tmp_path / "lake", ignore_errors=True)
        shutil.rmtree(blocks_dir)
    assert refused > scaled(10, 2000)
