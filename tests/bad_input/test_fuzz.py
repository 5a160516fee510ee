"""Random flips of one bit in the economy's block and undo files: the golden results, or a clear error.

MINERFLOW_FULL=1 tries 1,200 flips, others each time, instead of the same 60.

What no reader of block files can tell is left out: on regtest half of all headers meet their target, so that
the tip, on which nothing builds, may become another valid block by a flip in its header. On mainnet such a
flip leaves a header without proof of work.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from etl.errors import BlockDataError, BlocksDirectoryError
from tests.bad_input.chains import active_hashes, stored_at
from tests.bad_input.jobs import Results, backfill, copied_blocks, differing, good_options, on_blocks
from tests.support.blockfiles import block_path, undo_path
from tests.support.properties import FULL, cases

SEED = 20090103
FLIPS_A_TEST = 15


def _flips(numbers: random.Random, path: Path, header: range) -> list[tuple[int, int]]:
    """(position, bit) of random flips outside the tip's header."""
    size = path.stat().st_size
    drawn = [(numbers.randrange(size), numbers.randrange(8)) for _ in range(2 * FLIPS_A_TEST)]
    return [flip for flip in drawn if path.name.startswith("rev") or flip[0] not in header][:FLIPS_A_TEST]


def _outcome(blocks_dir: Path, data_dir: Path, expected: Results) -> str:
    options = on_blocks(good_options(data_dir), blocks_dir)
    try:
        found = backfill(options)
    except (BlockDataError, BlocksDirectoryError) as error:
        assert str(blocks_dir) in error.what, error.what
        assert error.action
        assert not (data_dir / "minerflow.duckdb").exists()
        return "refused"
    assert differing(found, expected) == []
    return "the same"


@pytest.mark.parametrize("part", range(cases(2)))
@pytest.mark.parametrize("name", ["blk", "rev"])
def test_flips(tmp_path: Path, expected: Results, name: str, part: int) -> None:
    seed = random.randrange(2**64) if FULL else f"{SEED} {name} {part}"
    tip = stored_at(len(active_hashes()) - 1).record
    blocks_dir = copied_blocks(tmp_path / "blocks")
    path = block_path(blocks_dir) if name == "blk" else undo_path(blocks_dir)
    whole = path.read_bytes()
    outcomes: Counter[str] = Counter()
    for position, bit in _flips(random.Random(seed), path, range(tip.start + 8, tip.start + 88)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << bit
        path.write_bytes(damaged)
        try:
            outcomes[_outcome(blocks_dir, tmp_path / "data", expected)] += 1
        except BaseException as error:
            error.add_note(f"bit {bit} of byte {position} of {path.name} was flipped (seed {seed})")
            raise
        shutil.rmtree(tmp_path / "data")
    assert outcomes["refused"] > 0
    assert outcomes.total() == FLIPS_A_TEST
