"""Behind the last record of a file: zeros that the node has set aside, or garbage that is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.errors import BlockDataError
from etl.sources.blockfiles.records import scan_records
from tests.support.properties import examples

_MAGIC = bytes.fromhex("f9beb4d9")
_NO_KEY = np.zeros(8, dtype=np.uint8)
_PREAMBLE = 8
_PAYLOADS = st.integers(81, 200)


def _file(folder: Path, payload: int, tail: bytes) -> Path:
    path = folder / "blk00000.dat"
    path.write_bytes(_MAGIC + payload.to_bytes(4, "little") + b"\1" * payload + tail)
    return path


@examples(100)
@given(_PAYLOADS, st.integers(0, 20_000))
def test_zeros_are_no_garbage(tmp_path_factory: pytest.TempPathFactory, payload: int, zeros: int) -> None:
    path = _file(tmp_path_factory.mktemp("blocks"), payload, bytes(zeros))
    records = scan_records(path, _NO_KEY, _MAGIC, is_undo=False)
    assert records.offset.tolist() == [_PREAMBLE]
    assert records.size.tolist() == [payload]
    assert records.garbage_bytes == 0


@examples(100)
@given(_PAYLOADS, st.integers(_PREAMBLE, 20_000), st.data())
def test_one_byte_among_zeros(
    tmp_path_factory: pytest.TempPathFactory, payload: int, zeros: int, data: st.DataObject
) -> None:
    """Garbage reaches from the record to the last byte that is not zero."""
    at = data.draw(st.integers(0, zeros - 1))
    tail = bytes(at) + b"\1" + bytes(zeros - at - 1)
    path = _file(tmp_path_factory.mktemp("blocks"), payload, tail)
    assert scan_records(path, _NO_KEY, _MAGIC, is_undo=False).garbage_bytes == at + 1


@pytest.mark.parametrize("length", range(1, _PREAMBLE))
def test_a_tail_too_short_for_a_record(tmp_path: Path, length: int) -> None:
    path = _file(tmp_path, 81, bytes(length - 1) + b"\1")
    with pytest.raises(BlockDataError, match="cut off"):
        scan_records(path, _NO_KEY, _MAGIC, is_undo=False)
