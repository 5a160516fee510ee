"""Where blocks lie is remembered between runs, and forgotten as soon as a file has changed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from etl.sources.blockfiles import index
from etl.sources.blockfiles.records import read_payload, read_xor_key
from etl.sources.blockfiles.scan import scan_blocks, scan_undo
from etl.sources.blockfiles.source import BlockFilesSource
from tests.support.golden import ECONOMY

_PREAMBLE = 8


def _split(target: Path, cut: int) -> None:
    """The economy's blocks and undo data in two files each, without a key, cut after `cut` records."""
    key = read_xor_key(ECONOMY.blocks_dir)
    magic = bytes.fromhex("fabfb5da")
    for name, trailer in (("blk", 0), ("rev", 32)):
        path = ECONOMY.blocks_dir / f"{name}00000.dat"
        is_undo = name == "rev"
        records = scan_undo(path, key, magic, list) if is_undo else scan_blocks(path, key, magic)
        data = np.fromfile(path, dtype=np.uint8)
        spans = [
            read_payload(data, key, int(at) - _PREAMBLE, int(size) + _PREAMBLE + trailer).tobytes()
            for at, size in zip(records.offset, records.size, strict=True)
        ]
        first = cut if name == "blk" else cut - 1  # genesis has no undo data
        (target / f"{name}00000.dat").write_bytes(b"".join(spans[:first]))
        (target / f"{name}00001.dat").write_bytes(b"".join(spans[first:]))


@pytest.fixture
def blocks_dir(tmp_path: Path) -> Path:
    """A copy of the economy without rivals before the cut, so that undo data stays beside its blocks."""
    target = tmp_path / "blocks"
    target.mkdir()
    _split(target, cut=100)
    return target


def test_files_are_looked_at_once(blocks_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []

    def counting(path: Path, *args: object, **kwargs: object) -> object:
        looked_at.append(path.name)
        return scan_blocks(path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(index, "scan_blocks", counting)
    memory = tmp_path / "blockindex.npz"
    first = BlockFilesSource(blocks_dir, memory)
    assert looked_at == ["blk00000.dat", "blk00001.dat"]
    again = BlockFilesSource(blocks_dir, memory)
    assert looked_at[2:] == ["blk00001.dat"]
    assert first.tip_height == again.tip_height == ECONOMY.last_height
    assert (first.hashes(0, 531) == again.hashes(0, 531)).all()
    next(again.chunk(0, 531).batches(1 << 30))
    os.utime(blocks_dir / "blk00000.dat", ns=(1, 1))
    BlockFilesSource(blocks_dir, memory)
    assert looked_at[3:] == ["blk00000.dat", "blk00001.dat"]


def test_a_damaged_memory_is_none(blocks_dir: Path, tmp_path: Path) -> None:
    """Whatever is wrong with it, and it is made anew."""
    memory = tmp_path / "blockindex.npz"
    BlockFilesSource(blocks_dir, memory)
    whole = memory.read_bytes()
    damaged = [whole[: len(whole) // 2], b"", b"PK\3\4" + whole[4:30], b"\x93NUMPY\1\0"]
    for at in range(0, len(whole), len(whole) // 150):
        damaged.append(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
    for content in damaged:
        memory.write_bytes(content)
        found = index._load(memory, read_secret(blocks_dir))
        assert found == {} or found.keys() == {0}
    memory.write_bytes(damaged[0])
    assert BlockFilesSource(blocks_dir, memory).tip_height == ECONOMY.last_height
    assert memory.read_bytes()[:2] == b"PK"
    assert len(memory.read_bytes()) == len(whole)


def read_secret(blocks_dir: Path) -> bytes:
    """What the memory of a directory of regtest is marked with."""
    return read_xor_key(blocks_dir).tobytes() + bytes.fromhex("fabfb5da")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("offset", -1),
        ("offset", 1 << 40),
        ("size", 1 << 60),
        ("count", 1 << 40),
        ("torn_count", 7),
        ("head", None),
        ("torn_head", None),
    ],
)
def test_a_memory_that_holds_what_no_file_can_is_none(
    blocks_dir: Path, tmp_path: Path, name: str, value: int | None
) -> None:
    memory = tmp_path / "blockindex.npz"
    BlockFilesSource(blocks_dir, memory)
    with np.load(memory) as stored:
        columns = dict(stored)
    if value is None:
        del columns[name]
    else:
        columns[name][-1:] = value
        columns[name] = np.append(columns[name], value) if not len(columns[name]) else columns[name]
    np.savez(memory, **columns)
    assert index._load(memory, read_secret(blocks_dir)) == {}
    assert BlockFilesSource(blocks_dir, memory).tip_height == ECONOMY.last_height


def test_a_memory_that_cannot_be_written_is_left_out(blocks_dir: Path, tmp_path: Path) -> None:
    source = BlockFilesSource(blocks_dir, tmp_path / "absent" / "blockindex.npz")
    assert source.tip_height == ECONOMY.last_height
    (tmp_path / "blockindex.npz").mkdir()
    assert BlockFilesSource(blocks_dir, tmp_path / "blockindex.npz").tip_height == ECONOMY.last_height
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blockindex.npz", "blocks"]
