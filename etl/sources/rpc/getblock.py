"""From a `getblock <hash> 3` answer back to bytes: the block, and the outputs that it spends.

Invariants: the header's hash is the requested one; no amount passes through binary floating point
but for the decoder's nearest double, which rounds back exactly (see `to_satoshi`); what Core says
twice of a spent output (its script in hex and in words, its value and the fee) agrees, for no hash
protects it on the way. Sources: Bitcoin Core's rpc/blockchain.cpp and core_io.cpp (release 31); the
output form is that of /rest/spenttxouts (release 30).
"""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import Any

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
        raise MalformedBlock(f"a field is missing or of another form: {error!r}") from error


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
    for tx in txs[1:]:
        inputs = tx["vin"]
        parts.append(_compact_size(len(inputs)))
        spent_sat = 0
        for vin in inputs:
            prevout = vin.get("prevout")
            if prevout is None:
                raise NoPrevouts
            value_sat = to_satoshi(prevout["value"])
            script = _script(prevout["scriptPubKey"])
            spent_sat += value_sat
            parts += _VALUE.pack(value_sat), _compact_size(len(script)), script
        created_sat = sum([to_satoshi(out["value"]) for out in tx["vout"]])
        if spent_sat - created_sat != to_satoshi(tx["fee"]):
            raise MalformedBlock(f"values and fee of {tx['txid']} do not fit")
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
        fits = text == "".join(map(_encoded, pubkey["asm"].split(" ")))
    if not fits:
        raise MalformedBlock(f"the script {text} and its words do not fit")
    return bytes.fromhex(text)


def _encoded(word: str) -> str:
    """Hex of a word of a script of keys: an opcode, a number of keys, or a key."""
    if word in _OPCODES:
        return _OPCODES[word]
    return f"{80 + int(word):x}" if len(word) <= 2 else f"{len(word) // 2:02x}{word}"


_OPCODES = {"OP_CHECKSIG": "ac", "OP_CHECKMULTISIG": "ae"}
