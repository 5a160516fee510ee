"""What counts as a record, and what is garbage, torn or cut off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.errors import BlockDataError
from etl.sources.blockfiles.scan import scan_blocks, scan_undo
from tests.bad_input.chains import mined
from tests.support.encoding import Spent, block_undo, undo_checksum
from tests.support.properties import examples

_MAGIC = bytes.fromhex("f9beb4d9")
_NO_KEY = np.zeros(8, dtype=np.uint8)
_PREAMBLE = 8
_BLOCK = mined(bytes(32), 1)
_OTHER = mined(bytes(32), 2)
_SMALLEST_RECORD = _PREAMBLE + 81


def _record(payload: bytes, trailer: bytes = b"") -> bytes:
    return _MAGIC + len(payload).to_bytes(4, "little") + payload + trailer


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "blk00000.dat"
    path.write_bytes(content)
    return path


@examples(100)
@given(st.integers(0, 20_000))
def test_zeros_are_no_garbage(tmp_path_factory: pytest.TempPathFactory, zeros: int) -> None:
    path = _file(tmp_path_factory.mktemp("blocks"), _record(_BLOCK) + bytes(zeros))
    records = scan_blocks(path, _NO_KEY, _MAGIC)
    assert records.offset.tolist() == [_PREAMBLE]
    assert records.size.tolist() == [len(_BLOCK)]
    assert records.garbage_bytes == 0


@examples(100)
@given(st.integers(_PREAMBLE, 20_000), st.data())
def test_one_byte_among_zeros(
    tmp_path_factory: pytest.TempPathFactory, zeros: int, data: st.DataObject
) -> None:
    """Garbage reaches to the last byte that is not zero, and counts where a record could have lain there."""
    at = data.draw(st.integers(0, zeros - 1))
    tail = bytes(at) + b"\1" + bytes(zeros - at - 1)
    path = _file(tmp_path_factory.mktemp("blocks"), _record(_BLOCK) + tail)
    records = scan_blocks(path, _NO_KEY, _MAGIC)
    assert records.offset.tolist() == [_PREAMBLE]
    assert records.garbage_bytes == (at + 1 if at + 1 >= _SMALLEST_RECORD else 0)


@pytest.mark.parametrize("length", range(1, _PREAMBLE))
def test_a_tail_too_short_for_a_record(tmp_path: Path, length: int) -> None:
    path = _file(tmp_path, _record(_BLOCK) + bytes(length - 1) + b"\1")
    with pytest.raises(BlockDataError, match="cut off"):
        scan_blocks(path, _NO_KEY, _MAGIC)


@pytest.mark.parametrize(
    "between",
    [
        bytes(8),
        _record(_OTHER)[:_PREAMBLE],
        _MAGIC + b"\xff" * 4,
        _record(_OTHER)[:_PREAMBLE] + bytes(len(_OTHER)),
        _record(_OTHER)[:_PREAMBLE] * 50,
    ],
    ids=["zeros", "stale head", "head of an impossible size", "head and zeros", "many heads"],
)
def test_a_head_without_a_body_is_no_record(tmp_path: Path, between: bytes) -> None:
    """bitcoin/bitcoin#14986, #21379, #11736 and a power cut."""
    path = _file(tmp_path, _record(_BLOCK) + between + _record(_OTHER) + bytes(100))
    records = scan_blocks(path, _NO_KEY, _MAGIC)
    second = len(_record(_BLOCK)) + len(between) + _PREAMBLE
    assert records.offset.tolist() == [_PREAMBLE, second]
    assert records.size.tolist() == [len(_BLOCK), len(_OTHER)]
    assert len(records.torn_offset) == 0


@pytest.mark.parametrize("kept", [_PREAMBLE + 80, len(_record(_OTHER)) - 1])
@pytest.mark.parametrize("behind", [_record(_BLOCK), b""], ids=["another block", "nothing"])
def test_a_header_without_its_block_is_torn(tmp_path: Path, kept: int, behind: bytes) -> None:
    path = _file(tmp_path, _record(_BLOCK) + _record(_OTHER)[:kept] + behind)
    records = scan_blocks(path, _NO_KEY, _MAGIC)
    assert len(records.offset) == 1 + bool(behind)
    assert records.torn_offset.tolist() == [len(_record(_BLOCK)) + _PREAMBLE]
    assert records.torn_head.tobytes() == _OTHER[:80]


@pytest.mark.parametrize("kept", [_PREAMBLE, _PREAMBLE + 79])
def test_a_file_that_ends_within_a_header_is_cut_off(tmp_path: Path, kept: int) -> None:
    path = _file(tmp_path, _record(_BLOCK) + _record(_OTHER)[:kept])
    with pytest.raises(BlockDataError, match=f"cut off: the record at byte {len(_record(_BLOCK))}"):
        scan_blocks(path, _NO_KEY, _MAGIC)


_PREVIOUS = [bytes(32), bytes([7]) * 32]
_UNDO = block_undo([[Spent(5 * 10**8, b"\x51" * 30)], [Spent(1, b"\x00\x14" + bytes(20))]])


@pytest.mark.parametrize("kept", [_PREAMBLE, _PREAMBLE + 9, _PREAMBLE + len(_UNDO)])
def test_undo_data_that_is_torn_is_no_record(tmp_path: Path, kept: int) -> None:
    whole = _record(_UNDO, undo_checksum(_PREVIOUS[1], _UNDO))
    path = _file(tmp_path, whole + whole[:kept] + whole + bytes(500))
    records = scan_undo(path, _NO_KEY, _MAGIC, lambda: _PREVIOUS)
    assert records.offset.tolist() == [_PREAMBLE, len(whole) + kept + _PREAMBLE]
    assert records.garbage_bytes == (kept if kept >= _PREAMBLE + 1 + 32 else 0)


@pytest.mark.parametrize("zeros", [0, 4096])
def test_a_stale_head_ends_an_undo_file(tmp_path: Path, zeros: int) -> None:
    whole = _record(_UNDO, undo_checksum(_PREVIOUS[1], _UNDO))
    path = _file(tmp_path, whole + whole[:_PREAMBLE] + bytes(zeros))
    if zeros:
        assert len(scan_undo(path, _NO_KEY, _MAGIC, lambda: _PREVIOUS).offset) == 1
    else:
        with pytest.raises(BlockDataError, match="cut off"):
            scan_undo(path, _NO_KEY, _MAGIC, lambda: _PREVIOUS)
