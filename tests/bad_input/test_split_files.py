"""The same chain in other files: another key, several files, blocks and undo records in any order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bad_input.chains import (
    KEY,
    OTHER_KEY,
    active_hashes,
    spent_groups,
    split_economy,
    stored_at,
    stored_blocks,
    stored_undos,
)
from tests.bad_input.jobs import Results, backfill, differing, good_options, on_blocks
from tests.support.blockfiles import MAINNET_MAGIC, REGTEST_MAGIC, block_path, read_records, undo_path
from tests.support.encoding import block_undo
from tests.support.golden import CHAINS, MAINNET_EARLY, GoldenChain


@pytest.mark.parametrize(
    ("files", "key", "shuffle", "tail"),
    [
        (1, KEY, None, 0),
        (1, bytes(8), None, 4096),
        (3, OTHER_KEY, None, 4096),
        (7, OTHER_KEY, None, 0),
        (1, OTHER_KEY, 1, 4096),
        (4, KEY, 2, 1),
        (5, OTHER_KEY, 3, 4096),
        (60, bytes.fromhex("00ff00ff00ff00ff"), 4, 13),
    ],
)
def test_results_are_the_same(
    tmp_path: Path, expected: Results, files: int, key: bytes, shuffle: int | None, tail: int
) -> None:
    blocks_dir = split_economy(tmp_path / "blocks", files=files, key=key, shuffle=shuffle, tail=tail)
    assert len(list(blocks_dir.glob("blk*.dat"))) == files
    found = backfill(on_blocks(good_options(tmp_path / "data"), blocks_dir))
    assert differing(found, expected) == []


def test_no_key_file_is_a_key_of_zeros(tmp_path: Path, expected: Results) -> None:
    """As nodes before release 28 have it."""
    blocks_dir = split_economy(tmp_path / "blocks", files=2, key=bytes(8))
    (blocks_dir / "xor.dat").unlink()
    found = backfill(on_blocks(good_options(tmp_path / "data"), blocks_dir))
    assert differing(found, expected) == []


def test_other_files_are_passed_over(tmp_path: Path, expected: Results) -> None:
    """The node's index lies there too, and people leave copies."""
    blocks_dir = split_economy(tmp_path / "blocks", files=2)
    (blocks_dir / "index").mkdir()
    for name in ("index/000005.ldb", "blk00000.dat.bak", "blkindex.dat", "rev00007.dat", "blk1.dat"):
        (blocks_dir / name).write_bytes(b"what is this " * 100)
    found = backfill(on_blocks(good_options(tmp_path / "data"), blocks_dir))
    assert differing(found, expected) == []


def test_garbage_between_records_is_skipped(tmp_path: Path, expected: Results) -> None:
    """As an unclean shutdown of the node leaves it."""
    blocks_dir = split_economy(tmp_path / "blocks", files=2, key=bytes(8))
    for path in (*blocks_dir.glob("blk*.dat"), *blocks_dir.glob("rev*.dat")):
        records = read_records(path, bytes(8), REGTEST_MAGIC)
        data, at = path.read_bytes(), records[len(records) // 2].end
        path.write_bytes(data[:at] + bytes(300) + b"half a record" * 9 + bytes(5) + data[at:])
    found = backfill(on_blocks(good_options(tmp_path / "data"), blocks_dir))
    assert differing(found, expected) == []


def test_what_the_files_hold() -> None:
    """What these tests take for granted of the economy: stale blocks, rivals, blocks out of order."""
    stored = [block.hash for block in stored_blocks()]
    assert set(stored) > set(active_hashes())
    heights = [active_hashes().index(each) for each in stored if each in active_hashes()]
    assert heights != sorted(heights) or len(set(stored)) > len(active_hashes())
    assert len(stored_undos()) > len(active_hashes()) - 1
    rivalled = [h for h in range(1, 532) if len({u.payload for u in stored_at(h).undos}) > 1]
    assert len(rivalled) >= 16


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: str(chain.name))
def test_our_undo_data_is_what_core_wrote(chain: GoldenChain) -> None:
    """The encoder of these tests, held against Core's own files: byte for byte, for every block."""
    magic = MAINNET_MAGIC if chain is MAINNET_EARLY else REGTEST_MAGIC
    key = (chain.blocks_dir / "xor.dat").read_bytes()
    written = {record.payload for record in read_records(undo_path(chain.blocks_dir), key, magic)}
    blocks = read_records(block_path(chain.blocks_dir), key, magic)
    assert len(blocks) > chain.last_height
    groups = spent_groups(chain)
    assert len(groups) == chain.last_height
    assert {block_undo(each) for each in groups.values()} <= written
