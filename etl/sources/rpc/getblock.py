"""From a `getblock <hash> 3` answer back to bytes: the block, and the outputs that it spends.

Invariants: the header's hash is the requested one; no amount passes through binary floating point
but for the decoder's nearest double, which rounds back exactly (see `to_satoshi`); what Core says
twice of a spent output (its script in hex and in words, its value and the fee) agrees, for no hash
protects it on the way. The script is the one in hex; words are made from it, never the other way, for
they do not determine it (a pushed 17, a key behind a longer push). Sources: Bitcoin Core's
rpc/blockchain.cpp and core_io.cpp (release 31); the output form is that of /rest/spenttxouts (release 30).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from etl.chain.networks import MAX_MONEY_SAT

_HEADER = struct.Struct("<i32s32sIII")
_VALUE = struct.Struct("<q")
_NO_HASH = "00" * 32

Json = dict[str, Any]


class MalformedBlock(Exception):
    """The answer is not what getblock gives."""


class NoPrevouts(Exception):
    """Inputs lack their prevout: no undo data, or a Core before release 23."""


def to_satoshi(amount: float) -> int:
    """Satoshis of what Core printed in bitcoin with 8 decimals, decoded to the nearest double.

    Exact up to 21 million bitcoin. Let k be the satoshis, k <= 2.1e15. The nearest double to k /
    1e8 is off by a factor of at most 1 + 2^-53, and so is the product with 1e8: together the result
    is off by less than k * (2^-52 + 2^-106) <= 2.1e15 * 2.2205e-16 < 0.467 satoshi, so the nearest
    integer is k.
    """
    return round(amount * 1e8)


def block_and_spent(block: Json, block_hash: str) -> tuple[bytes, bytes]:
    """The serialised block and its spent outputs as /rest/spenttxouts would give them.

    Raises MalformedBlock, and NoPrevouts.
    """
    try:
        header = _header(block)
        if sha256(sha256(header).digest()).digest()[::-1].hex() != block_hash:
            raise MalformedBlock(f"its header does not have the hash {block_hash}")
        txs = block["tx"]
        raw = header + _compact_size(len(txs)) + bytes.fromhex("".join([tx["hex"] for tx in txs]))
        return raw, _spent(txs)
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        struct.error,
    ) as error:
        raise MalformedBlock(f"a field is missing or of another form ({type(error).__name__})") from error


def _header(block: Json) -> bytes:
    return _HEADER.pack(
        block["version"],
        bytes.fromhex(block.get("previousblockhash", _NO_HASH))[::-1],
        bytes.fromhex(block["merkleroot"])[::-1],
        block["time"],
        int(block["bits"], 16),
        block["nonce"],
    )


def _compact_size(n: int) -> bytes:
    if n < 253:
        return bytes((n,))
    if n < 0x10000:
        return b"\xfd" + n.to_bytes(2, "little")
    return b"\xfe" + n.to_bytes(4, "little")


def _spent(txs: list[Json]) -> bytes:
    parts = [_compact_size(len(txs)), b"\0"]
    for number, tx in enumerate(txs[1:], 1):
        inputs = tx["vin"]
        parts.append(_compact_size(len(inputs)))
        spent_sat = 0
        for vin in inputs:
            prevout = vin.get("prevout")
            if prevout is None:
                raise NoPrevouts
            value_sat = to_satoshi(prevout["value"])
            if not 0 <= value_sat <= MAX_MONEY_SAT:
                raise MalformedBlock(f"an amount that transaction {number} spends is no amount of bitcoin")
            script = _script(prevout["scriptPubKey"])
            spent_sat += value_sat
            parts += _VALUE.pack(value_sat), _compact_size(len(script)), script
        created_sat = sum([to_satoshi(out["value"]) for out in tx["vout"]])
        if spent_sat - created_sat != to_satoshi(tx["fee"]):
            raise MalformedBlock(f"values and fee of transaction {number} do not fit")
    return b"".join(parts)


_WORDS = {
    "pubkeyhash": ("76a914", "88ac", "OP_DUP OP_HASH160 ", " OP_EQUALVERIFY OP_CHECKSIG"),
    "scripthash": ("a914", "87", "OP_HASH160 ", " OP_EQUAL"),
    "witness_v0_keyhash": ("0014", "", "0 ", ""),
    "witness_v0_scripthash": ("0020", "", "0 ", ""),
    "witness_v1_taproot": ("5120", "", "1 ", ""),
}
"""By type of script: how its hex and its words begin and end around the same hash or key."""


def _script(pubkey: Json) -> bytes:
    text: str = pubkey["hex"]
    words = _WORDS.get(pubkey["type"])
    fits = True
    if words is not None:
        head, tail, opening, closing = words
        data = text[len(head) : len(text) - len(tail)]
        fits = text == head + data + tail and pubkey["asm"] == opening + data + closing
    elif pubkey["type"] in ("pubkey", "multisig"):
        fits = " ".join(_in_words(bytes.fromhex(text))) == pubkey["asm"]
    if not fits:
        raise MalformedBlock("a script that it spends and the words for it do not fit")
    return bytes.fromhex(text)


def _in_words(script: bytes) -> Iterator[str]:
    """The words by which Core shows a script of keys and numbers (core_io.cpp, ScriptToAsmStr)."""
    at = 0
    while at < len(script):
        opcode = script[at]
        at += 1
        if opcode > _LAST_PUSH:
            yield _OPCODES[opcode]
            continue
        width = 0 if opcode < _FIRST_LONG_PUSH else 1 << (opcode - _FIRST_LONG_PUSH)
        length = int.from_bytes(script[at : at + width], "little") if width else opcode
        pushed = script[at + width : at + width + length]
        yield pushed.hex() if length > _LONGEST_NUMBER else str(_number(pushed))
        at += width + length


def _number(pushed: bytes) -> int:
    """A number of a script: little-endian, the highest bit its sign (script/script.h, CScriptNum)."""
    number = int.from_bytes(pushed, "little")
    sign = 1 << 8 * len(pushed) >> 1
    return number if number < sign or not pushed else sign - number


_FIRST_LONG_PUSH, _LAST_PUSH = 0x4C, 0x4E
_LONGEST_NUMBER = 4
"""Bytes up to which Core shows what is pushed as a number."""
_OPCODES = {0x50 + number: str(number) for number in range(1, 17)} | {
    0xAC: "OP_CHECKSIG",
    0xAE: "OP_CHECKMULTISIG",
}
