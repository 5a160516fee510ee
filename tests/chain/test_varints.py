"""CompactSize, VARINT and compressed amounts: published values, and what is written is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.chain import varints
from tests.support import encoding
from tests.support.properties import examples

MAX_MONEY_SAT = 21_000_000 * 10**8
MAX_SIZE = 0x02000000
VARINT_LIMIT = encoding.compress_amount(MAX_MONEY_SAT)
"""Amounts are the largest numbers that Core writes as VARINT."""

COMPACT_SIZES = [
    (0, "00"),
    (252, "fc"),
    (253, "fdfd00"),
    (65_535, "fdffff"),
    (65_536, "fe00000100"),
    (MAX_SIZE, "fe00000002"),
]
VARINTS = [  # Bitcoin Core, serialize.h, and its test serialize_tests.cpp
    (0, "00"),
    (127, "7f"),
    (128, "8000"),
    (255, "807f"),
    (256, "8100"),
    (16_383, "fe7f"),
    (16_384, "ff00"),
    (16_511, "ff7f"),
    (65_535, "82fe7f"),
    (2**32, "8efefeff00"),
]
AMOUNTS = [  # Bitcoin Core, test/compress_tests.cpp
    (0, 0),
    (1, 1),
    (1_000_000, 7),
    (100_000_000, 9),
    (5_000_000_000, 50),
    (MAX_MONEY_SAT, 21_000_000),
]


def _array(data: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer(bytearray(data), dtype=np.uint8)


def _read(reader: Any, data: bytes, start: int = 0) -> tuple[int, int]:
    value, after = reader(_array(data), start, len(data))
    return int(value), int(after)


@pytest.mark.parametrize(("value", "hexed"), COMPACT_SIZES)
def test_compact_size_vectors(value: int, hexed: str) -> None:
    assert encoding.compact_size(value).hex() == hexed
    assert _read(varints.compact_size, bytes.fromhex(hexed)) == (value, len(hexed) // 2)


@pytest.mark.parametrize(("value", "hexed"), VARINTS)
def test_varint_vectors(value: int, hexed: str) -> None:
    assert encoding.varint(value).hex() == hexed
    assert _read(varints.varint, bytes.fromhex(hexed)) == (value, len(hexed) // 2)


@pytest.mark.parametrize(("value_sat", "code"), AMOUNTS)
def test_amount_vectors(value_sat: int, code: int) -> None:
    assert encoding.compress_amount(value_sat) == code
    assert varints.decompress_amount(code) == value_sat


@examples(100)
@given(st.integers(0, MAX_SIZE), st.binary(max_size=9), st.binary(max_size=9))
def test_compact_size_round_trip(value: int, before: bytes, after: bytes) -> None:
    data = before + encoding.compact_size(value)
    assert _read(varints.compact_size, data + after, len(before)) == (value, len(data))


@examples(100)
@given(st.integers(0, VARINT_LIMIT), st.binary(max_size=9), st.binary(max_size=9))
def test_varint_round_trip(value: int, before: bytes, after: bytes) -> None:
    data = before + encoding.varint(value)
    assert _read(varints.varint, data + after, len(before)) == (value, len(data))


@examples(100)
@given(
    st.one_of(
        st.integers(0, MAX_MONEY_SAT),
        st.builds(
            lambda digits, zeros: min(digits * 10**zeros, MAX_MONEY_SAT),
            st.integers(0, 21_000_000),
            st.integers(0, 15),
        ),
    )
)
def test_amount_round_trip(value_sat: int) -> None:
    assert varints.decompress_amount(encoding.compress_amount(value_sat)) == value_sat


@examples(100)
@given(st.integers(0, VARINT_LIMIT))
def test_every_code_stands_for_one_amount(code: int) -> None:
    value_sat = int(varints.decompress_amount(code))
    if value_sat <= MAX_MONEY_SAT:
        assert encoding.compress_amount(value_sat) == code


@examples(100)
@given(st.integers(253, MAX_SIZE))
def test_compact_size_cut_off(value: int) -> None:
    data = encoding.compact_size(value)
    for length in range(len(data)):
        assert _read(varints.compact_size, data[:length])[1] == -1


@examples(100)
@given(st.integers(128, VARINT_LIMIT))
def test_varint_cut_off(value: int) -> None:
    data = encoding.varint(value)
    for length in range(len(data)):
        assert _read(varints.varint, data[:length])[1] == -1


@examples(100)
@given(st.integers(MAX_SIZE + 1, 2**64 - 1))
def test_compact_size_above_what_core_allows(value: int) -> None:
    assert _read(varints.compact_size, encoding.compact_size(value))[1] == -1


@examples(100)
@given(st.integers(VARINT_LIMIT, 2**70))
def test_a_varint_of_any_size_is_read_right_or_not_at_all(value: int) -> None:
    data = encoding.varint(value)
    assert _read(varints.varint, data) in ((value, len(data)), (0, -1))
    assert value < 2**63 or _read(varints.varint, data) == (0, -1)


@examples(100)
@given(st.binary(min_size=1, max_size=12))
def test_readers_never_pass_the_end(data: bytes) -> None:
    for reader in (varints.compact_size, varints.varint):
        after = _read(reader, data)[1]
        assert after == -1 or 1 <= after <= len(data)
