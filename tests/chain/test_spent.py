"""Spent outputs to columns: undo data and REST's spenttxouts, written here, read there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.chain.secp256k1 import y_coordinate
from etl.chain.spent import SpentColumns, SpentFormat, decode_spent
from etl.errors import BlockDataError
from tests.chain.random_blocks import MAX_MONEY_SAT, PAID_KEYS, REAL_KEYS, SPENT
from tests.support.encoding import (
    FIELD_PRIME,
    Spent,
    block_txouts,
    block_undo,
    compact_size,
    compress_amount,
    is_on_curve,
    undo_entry,
    varint,
)
from tests.support.properties import examples

Groups = list[list[Spent]]
"""Of one block: the outputs that each transaction but the coinbase spends."""

ORIGIN = "rev00003.dat"
FORMATS: list[SpentFormat] = ["undo", "txouts"]
BLOCK_GROUPS = st.lists(st.lists(SPENT, min_size=1, max_size=4), max_size=4)
ONE = Spent(5 * 10**8, b"\x76\xa9\x14" + bytes(20) + b"\x88\xac")
GENERATOR_X = bytes.fromhex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
GENERATOR_Y = bytes.fromhex("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8")


def _decoded(
    parts: list[bytes], spent_format: SpentFormat, blocks: list[Groups], first_height: int = 1
) -> SpentColumns:
    offset = np.cumsum([0, *map(len, parts)]).astype(np.int64)
    tx_count = np.array([len(groups) + 1 for groups in blocks], dtype=np.int64)
    input_count = [count for groups in blocks for count in (0, *map(len, groups))]
    return decode_spent(
        np.frombuffer(bytearray(b"".join(parts)), dtype=np.uint8), offset, spent_format, tx_count,
        np.array(input_count, dtype=np.int64), first_height, ORIGIN,
    )  # fmt: skip


def _write(groups: Groups, spent_format: SpentFormat) -> bytes:
    return block_undo(groups) if spent_format == "undo" else block_txouts(groups)


def _check(found: SpentColumns, blocks: list[Groups]) -> None:
    spent = [each for groups in blocks for group in groups for each in group]
    offset = found.script_offset
    scripts = [found.script[a:b].tobytes() for a, b in zip(offset[:-1], offset[1:], strict=True)]
    assert found.value_sat.tolist() == [each.value_sat for each in spent]
    assert scripts == [each.script for each in spent]


@pytest.mark.parametrize("spent_format", FORMATS)
@examples(200)
@given(st.lists(BLOCK_GROUPS, min_size=1, max_size=3))
def test_what_is_written_is_read(spent_format: SpentFormat, blocks: list[Groups]) -> None:
    parts = [_write(groups, spent_format) for groups in blocks]
    _check(_decoded(parts, spent_format, blocks), blocks)


@examples(200)
@given(st.lists(PAID_KEYS, min_size=1, max_size=5))
def test_full_keys_come_back_from_their_half(scripts: list[bytes]) -> None:
    """Undo data holds 33 bytes of a key that is a point of the curve."""
    blocks = [[[Spent(1, script) for script in scripts]]]
    undo = block_undo(blocks[0])
    assert len(undo) == 2 + (3 + 33) * len(scripts)
    _check(_decoded([undo], "undo", blocks), blocks)


@examples(300)
@given(REAL_KEYS)
def test_y_coordinate(key: bytes) -> None:
    assert y_coordinate(key[1:33], bool(key[-1] & 1)) == key[33:]


@examples(300)
@given(st.integers(0, 2**256 - 1), st.booleans())
def test_y_coordinate_of_any_number(x: int, odd: bool) -> None:
    y = y_coordinate(x.to_bytes(32, "big"), odd)
    if y is not None:
        number = int.from_bytes(y, "big")
        assert is_on_curve(x, number)
        assert number % 2 == odd
    else:  # then x^3 + 7 is no square (Euler's criterion), or x is no number of the field
        assert x >= FIELD_PRIME or pow(x**3 + 7, (FIELD_PRIME - 1) // 2, FIELD_PRIME) != 1


def test_y_coordinate_of_the_generator() -> None:
    """SEC 2, secp256k1."""
    assert y_coordinate(GENERATOR_X, False) == GENERATOR_Y
    odd = FIELD_PRIME - int.from_bytes(GENERATOR_Y, "big")
    assert y_coordinate(GENERATOR_X, True) == odd.to_bytes(32, "big")
    assert y_coordinate((5).to_bytes(32, "big"), False) is None  # 132 is no square (BIP 340: x = 5)


def test_the_genesis_block_has_no_undo_data() -> None:
    blocks: list[Groups] = [[], [[ONE]], []]
    parts = [b"", block_undo(blocks[1]), block_undo(blocks[2])]
    _check(_decoded(parts, "undo", blocks, first_height=0), blocks)


@pytest.mark.parametrize("spent_format", FORMATS)
@examples(200)
@given(st.lists(st.lists(SPENT, min_size=1, max_size=3), min_size=1, max_size=3), st.data())
def test_a_cut_record_is_told(spent_format: SpentFormat, groups: Groups, data: st.DataObject) -> None:
    whole = _write(groups, spent_format)
    length = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(BlockDataError, match=rf"{ORIGIN}.*height 1: .*the bytes end too early"):
        _decoded([whole[:length]], spent_format, [groups])


@pytest.mark.parametrize("spent_format", FORMATS)
@examples(200)
@given(st.lists(st.lists(SPENT, min_size=1, max_size=3), min_size=1, max_size=3), st.data())
def test_a_flipped_bit_never_breaks_the_decoder(
    spent_format: SpentFormat, groups: Groups, data: st.DataObject
) -> None:
    """Undo data is protected by its checksum: here only nothing else than an error may happen."""
    damaged = bytearray(_write(groups, spent_format))
    bit = data.draw(st.integers(0, 8 * len(damaged) - 1))
    damaged[bit // 8] ^= 1 << bit % 8
    try:
        found = _decoded([bytes(damaged)], spent_format, [groups])
    except BlockDataError:
        return
    assert len(found.value_sat) == sum(map(len, groups))
    assert 0 <= found.value_sat.min() <= found.value_sat.max() <= MAX_MONEY_SAT


def _undo(*entries: bytes) -> bytes:
    return b"\1" + compact_size(len(entries)) + b"".join(entries)


def _entry(amount: int, script: bytes) -> bytes:
    return varint(2) + b"\0" + varint(amount) + script


@pytest.mark.parametrize(
    ("spent_format", "damaged", "reason"),
    [
        ("undo", block_undo([[ONE], [ONE]]), "number of transactions"),
        ("undo", block_undo([]), "number of transactions"),
        ("undo", block_undo([[ONE, ONE]]), "another number of outputs"),
        ("undo", block_undo([[]]), "another number of outputs"),
        ("undo", block_undo([[ONE]]) + b"\0", "left over"),
        ("undo", _undo(_entry(compress_amount(MAX_MONEY_SAT + 1), b"\6")), "above 21 million"),
        ("undo", _undo(_entry(9, b"\4" + (5).to_bytes(32, "big"))), "no point of the curve"),
        ("undo", _undo(_entry(9, b"\5" + b"\xff" * 32)), "no point of the curve"),
        ("undo", _undo(_entry(9, varint(2**40) + bytes(20))), "length is impossible"),
        ("undo", _undo(b"\xff" * 12), "length is impossible"),
        ("txouts", block_txouts([[ONE], [ONE]]), "number of transactions"),
        ("txouts", b"\2\1" + block_txouts([[ONE]])[2:], "another number of outputs"),
        ("txouts", block_txouts([[ONE]]) + b"\0", "left over"),
        ("txouts", b"\2\0\1" + b"\xff" * 8 + b"\0", "negative"),
        ("txouts", b"\2\0\1" + bytes(8) + b"\xfe\xff\xff\xff\xff", "length is impossible"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_reasons(spent_format: SpentFormat, damaged: bytes, reason: str) -> None:
    good = _write([[ONE]], spent_format)
    blocks = [[[ONE]], [[ONE]], [[ONE]]]
    _check(_decoded([good] * 3, spent_format, blocks), blocks)
    with pytest.raises(BlockDataError) as error:
        _decoded([good, damaged, good], spent_format, blocks, first_height=70)
    assert reason in error.value.what
    assert error.value.what.startswith(f"{ORIGIN}: spent outputs of the block at height 71: ")
    assert "reindex" in error.value.action


def test_a_spend_at_height_zero_has_no_empty_number() -> None:
    """Core leaves the field out there; only databases of old versions hold such entries."""
    at_zero = Spent(ONE.value_sat, ONE.script, height=0, is_coinbase=True)
    assert len(undo_entry(at_zero)) == len(undo_entry(ONE)) - 1
    blocks = [[[at_zero, ONE]]]
    _check(_decoded([block_undo(blocks[0])], "undo", blocks), blocks)
