"""Blocks rebuilt from getblock answers, and amounts through doubles."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.sources.rpc.getblock import MalformedBlock, NoPrevouts, block_and_spent, to_satoshi
from tests.support.wire import RECORDINGS, golden_blocks, recordings, wire

MAX_MONEY_SAT = 2_100_000_000_000_000


def _through_the_wire(value_sat: int) -> int:
    printed = f"{value_sat // 10**8}.{value_sat % 10**8:08d}"
    return to_satoshi(orjson.loads(printed))


@given(st.integers(0, MAX_MONEY_SAT))
def test_amounts_come_back_exactly(value_sat: int) -> None:
    assert _through_the_wire(value_sat) == value_sat


def test_extreme_and_many_random_amounts_come_back_exactly() -> None:
    draw = random.Random(2009)
    amounts = [MAX_MONEY_SAT - n for n in range(50_000)] + list(range(50_000))
    amounts += [draw.randrange(MAX_MONEY_SAT) for _ in range(50_000)]
    amounts += [2**n + k for n in range(3, 51) for k in range(-3, 4)]
    assert [_through_the_wire(amount) for amount in amounts] == amounts


def _recorded_block(height: int) -> dict[str, Any]:
    block: dict[str, Any] = orjson.loads(orjson.dumps(wire(golden_blocks("economy")[height])))
    return block


@pytest.mark.parametrize("height", [0, 1, 110, 126, 300, 531])
def test_rebuilt_blocks_are_the_bytes_that_rest_recorded(height: int) -> None:
    block = _recorded_block(height)
    raw, spent = block_and_spent(block, block["hash"])
    assert raw == (RECORDINGS / f"block_{height}.bin").read_bytes()
    assert spent == (RECORDINGS / f"spenttxouts_{height}.bin").read_bytes()


def test_a_recorded_answer_is_rebuilt_to_the_bytes_of_verbosity_0() -> None:
    bodies = {
        recording["request"]["params"][1]: json.loads(recording["body"])["result"]
        for recording in recordings("rpc")
        if isinstance(recording["request"], dict)
        and recording["request"]["method"] == "getblock"
        and recording["request"]["params"][:1]
        == ["793588899e3f9e11692b95a4ddc6ceaa083c9910bece10132da93c138dc97eac"]
    }
    raw, spent = block_and_spent(bodies[3], bodies[3]["hash"])
    assert raw.hex() == bodies[0]
    assert spent == b"\x01\x00"


def _spent(block: dict[str, Any]) -> dict[str, Any]:
    prevout: dict[str, Any] = block["tx"][1]["vin"][0]["prevout"]
    return prevout


def _edit_nonce(block: dict[str, Any]) -> None:
    block["nonce"] += 1


def _edit_value(block: dict[str, Any]) -> None:
    _spent(block)["value"] += 1e-8


def _edit_script(block: dict[str, Any]) -> None:
    script = _spent(block)["scriptPubKey"]
    digit = script["hex"][10]
    script["hex"] = script["hex"][:10] + ("1" if digit == "0" else "0") + script["hex"][11:]


def _edit_type(block: dict[str, Any]) -> None:
    _spent(block)["scriptPubKey"]["hex"] = "6a" + _spent(block)["scriptPubKey"]["hex"][2:]


def _drop_bits(block: dict[str, Any]) -> None:
    del block["bits"]


def _drop_fee(block: dict[str, Any]) -> None:
    del block["tx"][1]["fee"]


def _no_hex(block: dict[str, Any]) -> None:
    block["tx"][1]["hex"] = "xyz"


def _text_value(block: dict[str, Any]) -> None:
    _spent(block)["value"] = "1"


def _huge_value(block: dict[str, Any]) -> None:
    _spent(block)["value"] = 1e300


@pytest.mark.parametrize(
    "edit",
    [
        _edit_nonce,
        _edit_value,
        _edit_script,
        _edit_type,
        _drop_bits,
        _drop_fee,
        _no_hex,
        _text_value,
        _huge_value,
    ],
)
def test_an_answer_that_contradicts_itself_is_not_taken(edit: Any) -> None:
    block = _recorded_block(126)
    block_hash = block["hash"]
    block_and_spent(copy.deepcopy(block), block_hash)
    edit(block)
    with pytest.raises(MalformedBlock):
        block_and_spent(block, block_hash)


def test_an_input_without_prevout_is_told_apart() -> None:
    block = _recorded_block(126)
    del block["tx"][1]["vin"][0]["prevout"]
    with pytest.raises(NoPrevouts):
        block_and_spent(block, block["hash"])


KEYS = [b"\2" + bytes([n]) * 32 for n in range(1, 21)]
COUNTS = [(1, 1), (2, 3), (16, 16), (1, 17), (17, 17), (17, 20), (20, 20)]
_PUSH = {"direct": b"", "OP_PUSHDATA1": b"\x4c"}


def _number(n: int) -> bytes:
    """OP_1 to OP_16, beyond that pushed."""
    return bytes([0x50 + n]) if n <= 16 else bytes([1, n])


def _paid_by(script: bytes, words: str, kind: str) -> dict[str, Any]:
    block = _recorded_block(126)
    _spent(block)["scriptPubKey"] = {"asm": words, "hex": script.hex(), "type": kind}
    return block


@pytest.mark.parametrize("push", _PUSH)
@pytest.mark.parametrize(
    ("required", "count"), [(1, 1), (2, 3), (16, 16), (1, 17), (17, 17), (17, 20), (20, 20)]
)
def test_bare_multisigs_are_read(required: int, count: int, push: str) -> None:
    """Core shows a pushed 17 as "17", and a key by its bytes alone, however it is pushed.

    script/solver.cpp (MatchMultisig, since release 22) takes all of these for multisig.
    """
    keys = KEYS[:count]
    pushed = b"".join(_PUSH[push] + bytes([len(key)]) + key for key in keys)
    script = _number(required) + pushed + _number(count) + b"\xae"
    words = " ".join([str(required), *(key.hex() for key in keys), str(count), "OP_CHECKMULTISIG"])
    block = _paid_by(script, words, "multisig")
    _, spent = block_and_spent(block, block["hash"])
    assert script in spent
    wrong = bytearray(script)
    wrong[len(script) // 2] ^= 1
    block = _paid_by(bytes(wrong), words, "multisig")
    with pytest.raises(MalformedBlock):
        block_and_spent(block, block["hash"])


@pytest.mark.parametrize("key", [KEYS[0], b"\4" + bytes(range(64))])
def test_pay_to_public_key_is_read(key: bytes) -> None:
    script = bytes([len(key)]) + key + b"\xac"
    block = _paid_by(script, f"{key.hex()} OP_CHECKSIG", "pubkey")
    assert script in block_and_spent(block, block["hash"])[1]
    block = _paid_by(script[:-1] + b"\xae", f"{key.hex()} OP_CHECKSIG", "pubkey")
    with pytest.raises(MalformedBlock):
        block_and_spent(block, block["hash"])


@pytest.mark.parametrize("script", ["", "4c", "4d01", "4eff", "02ff", "51ff", "ae", "5121", "0181"])
def test_a_script_cut_off_has_no_words_that_fit(script: str) -> None:
    block = _paid_by(bytes.fromhex(script), "1 OP_CHECKMULTISIG", "multisig")
    with pytest.raises(MalformedBlock):
        block_and_spent(block, block["hash"])


@pytest.mark.parametrize(
    "value", [-1e-8, 21_000_000.00000001, 1e300, float("inf"), float("nan"), "1", None, [1]]
)
def test_amounts_that_are_none_are_not_taken(value: Any) -> None:
    block = _recorded_block(126)
    _spent(block)["value"] = value
    with pytest.raises(MalformedBlock):
        block_and_spent(block, block["hash"])
