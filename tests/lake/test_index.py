"""The lake's index: what is read for it, and what it says of chunks."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.errors import LakeDamaged
from etl.lake import index
from etl.lake.chunk import MANIFEST, Chunk, read_manifest, write_manifest
from etl.lake.index import INDEX, LakeIndex
from etl.lake.lake import Lake
from tests.support.chunks import empty_chunk, write_chunks
from tests.support.properties import examples

NOT_ROWS = hashlib.sha256(b'{"a": [1]}').hexdigest().encode() + b'\n{"a": [1]}'
CHUNKS = [empty_chunk(first, first + 127) for first in range(0, 128 * 20, 128)]


class Counter:
    """Counts the manifests that are read."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, folder: Path) -> Chunk:
        self.count += 1
        return read_manifest(folder)


@pytest.fixture
def read() -> Iterator[Counter]:
    counter = Counter()
    with patch.object(index, "read_manifest", counter):
        yield counter


@pytest.fixture
def lake_dir(tmp_path: Path) -> Path:
    """Twenty chunks, and an index of them."""
    write_chunks(tmp_path, CHUNKS)
    Lake(tmp_path).save_index()
    return tmp_path


def test_each_manifest_is_read_once_and_then_remembered(tmp_path: Path, read: Counter) -> None:
    write_chunks(tmp_path, CHUNKS)
    lake = Lake(tmp_path)
    assert lake.chunks() == CHUNKS
    assert (lake.span(), lake.hash_at(127), lake.index.at(128)) == (lake.span(), "127", CHUNKS[1])
    assert read.count == len(CHUNKS)
    lake.save_index()
    assert Lake(tmp_path).chunks() == CHUNKS
    assert read.count == len(CHUNKS)


def test_what_the_writer_changes_is_read_by_nobody_else(lake_dir: Path, read: Counter) -> None:
    new = empty_chunk(2560, 2600)
    lake = Lake(lake_dir)
    assert lake.chunks() == CHUNKS
    write_chunks(lake_dir, [new])
    lake.add(new)
    lake.remove(CHUNKS[3])
    assert lake.chunks() == [*CHUNKS[:3], *CHUNKS[4:], new]
    lake.save_index()
    assert Lake(lake_dir).chunks() == lake.chunks()
    assert read.count == 0


def test_a_run_that_did_not_save_costs_its_own_chunks(lake_dir: Path, read: Counter) -> None:
    new = empty_chunk(2560, 2600)
    write_chunks(lake_dir, [new])
    shutil.rmtree(lake_dir / CHUNKS[3].name)
    assert Lake(lake_dir).chunks() == [*CHUNKS[:3], *CHUNKS[4:], new]
    assert read.count == 1


def test_a_manifest_that_was_written_again_is_read(lake_dir: Path, read: Counter) -> None:
    changed = CHUNKS[5]._replace(has_input_scripts=True)
    write_manifest(lake_dir / changed.name, changed)
    assert Lake(lake_dir).chunks()[5] == changed
    assert read.count == 1


def test_a_manifest_that_has_changed_is_named(lake_dir: Path) -> None:
    path = lake_dir / CHUNKS[5].name / MANIFEST
    path.write_text(path.read_text().replace("regtest", "mainnet"))
    with pytest.raises(LakeDamaged, match=CHUNKS[5].name):
        Lake(lake_dir).chunks()


@pytest.mark.parametrize("content", [b"", b"{}", b"x" * 64 + b"\n[]", NOT_ROWS, b"\xff\xfe"])
def test_a_damaged_index_is_made_anew(lake_dir: Path, read: Counter, content: bytes) -> None:
    (lake_dir / INDEX).write_bytes(content)
    assert Lake(lake_dir).chunks() == CHUNKS
    assert read.count == len(CHUNKS)


def test_no_flipped_bit_of_the_index_is_believed(lake_dir: Path) -> None:
    sound = (lake_dir / INDEX).read_bytes()
    for at in range(0, len(sound), 97):
        (lake_dir / INDEX).write_bytes(sound[:at] + bytes([sound[at] ^ 4]) + sound[at + 1 :])
        assert Lake(lake_dir).chunks() == CHUNKS


def test_a_wider_chunk_counts_alone_and_the_rest_is_cleaned_away(tmp_path: Path) -> None:
    wide, narrow = empty_chunk(0, 127), [empty_chunk(0, 63), empty_chunk(64, 127)]
    write_chunks(tmp_path, [wide, *narrow, empty_chunk(128, 130)])
    (tmp_path / "000000128-000000129.damaged").mkdir()
    (tmp_path / "000000300-000000301.damaged").mkdir()
    (tmp_path / "000000400-000000401.tmp").mkdir()
    (tmp_path / "notes.tmp").write_text("not ours")
    lake = Lake(tmp_path)
    assert [chunk.name for chunk in lake.chunks()] == ["000000000-000000127", "000000128-000000130"]
    lake.clean()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "000000000-000000127", "000000128-000000130", "000000300-000000301.damaged", "notes.tmp",
    ]  # fmt: skip
    span = lake.span()
    assert span is not None and (span.first_height, span.last_height) == (0, 301)


def test_a_chunk_of_another_chain_is_named(tmp_path: Path) -> None:
    chunks = [empty_chunk(0, 9), empty_chunk(10, 19, chain="other"), empty_chunk(20, 29)]
    write_chunks(tmp_path, chunks)
    lake = Lake(tmp_path)
    assert lake.index.breaks() == [(chunks[0], chunks[1]), (chunks[1], chunks[2])]
    with pytest.raises(LakeDamaged, match="000000010-000000019.* another chain than chunk 000000000"):
        lake.check_complete()


@examples(100)
@given(st.sets(st.integers(0, 60), min_size=1), st.integers(0, 70), st.integers(0, 70))
def test_blocks_are_found_by_height(starts: set[int], one: int, other: int) -> None:
    """Chunks of up to three blocks with gaps, against a search through all of them."""
    ends = [*sorted(starts)[1:], 61]
    chunks = [empty_chunk(a, min(a + 2, b - 1)) for a, b in zip(sorted(starts), ends, strict=True)]
    found = LakeIndex(Path("no such folder"))
    for chunk in chunks:
        found.add(chunk)
    holding = [chunk for chunk in chunks if chunk.first_height <= one <= chunk.last_height]
    if holding:
        assert [found.at(one)] == holding
    else:
        with pytest.raises(KeyError):
            found.at(one)
    first, last = min(one, other), max(one, other)
    assert found.within(first, last) == [
        c for c in chunks if c.last_height >= first and c.first_height <= last
    ]
