"""Where blocks lie is remembered between runs, and forgotten as soon as a file has changed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from etl.sources.blockfiles import index
from etl.sources.blockfiles.records import read_payload, read_xor_key, scan_records
from etl.sources.blockfiles.source import BlockFilesSource
from tests.support.golden import ECONOMY

_PREAMBLE = 8


def _split(target: Path, cut: int) -> None:
    """The economy's blocks and undo data in two files each, without a key, cut after `cut` records."""
    key = read_xor_key(ECONOMY.blocks_dir)
    magic = bytes.fromhex("fabfb5da")
    for name, trailer in (("blk", 0), ("rev", 32)):
        path = ECONOMY.blocks_dir / f"{name}00000.dat"
        records = scan_records(path, key, magic, is_undo=name == "rev")
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
        return scan_records(path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(index, "scan_records", counting)
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
    memory = tmp_path / "blockindex.npz"
    BlockFilesSource(blocks_dir, memory)
    whole = memory.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", whole[:100] + b"\0" + whole[101:]):
        memory.write_bytes(damaged)
        assert BlockFilesSource(blocks_dir, memory).tip_height == ECONOMY.last_height
