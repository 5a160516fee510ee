"""Blocks as `getblock` of Bitcoin Core answers them, for peers that read over JSON-RPC.

Written after the answers of Core 31 to verbosity 2 and 3, of which verbosity 2 lacks `prevout`.
Invariants: amounts are numbers with eight decimals and never pass through a float; only the script
kinds that the chain maker writes and P2PK are told apart, any other is "nonstandard".
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from tests.benchmarks.chain_reader import ParsedBlock, SpentOutput, Tx, TxInput, sha256d

Json = dict[str, Any]

REGTEST_TARGET = "7fffff" + "00" * 29
REGTEST_DIFFICULTY = 4.656542373906925e-10
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_DESCRIPTOR_INPUT = (
    "0123456789()[],'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
)
_DESCRIPTOR_GENERATOR = (0xF5DEE51989, 0xA9FDCA3312, 0x1BAB10E32D, 0x3706B1677A, 0x644D626FFD)
_OPCODES = {0x76: "OP_DUP", 0x87: "OP_EQUAL", 0x88: "OP_EQUALVERIFY", 0xA9: "OP_HASH160"}
_OPCODES |= {0xAC: "OP_CHECKSIG", 0xAE: "OP_CHECKMULTISIG", 0x6A: "OP_RETURN", 0x4F: "-1"}


def amount(value_sat: int) -> orjson.Fragment:
    """A JSON number in bitcoins with eight decimals."""
    whole, rest = divmod(value_sat, 100_000_000)
    return orjson.Fragment(f"{whole}.{rest:08d}")


def base58check(version: int, payload: bytes) -> str:
    """Address of a key or script hash."""
    data = bytes([version]) + payload
    number, text = int.from_bytes(data + sha256d(data)[:4]), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return text


def _polymod(check: int, value: int, bits: int, generator: tuple[int, ...]) -> int:
    top = check >> bits
    check = (check & ((1 << bits) - 1)) << 5 ^ value
    for i, term in enumerate(generator):
        check ^= term if top >> i & 1 else 0
    return check


def bech32(version: int, program: bytes, prefix: str = "bcrt") -> str:
    """Segwit address as BIP173 and BIP350 define it."""
    number, size = int.from_bytes(program), len(program) * 8
    number, size = number << -size % 5, size + -size % 5
    values = [version, *(number >> shift & 31 for shift in range(size - 5, -1, -5))]
    spread = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    check = 1
    for value in spread + values + [0] * 6:
        check = _polymod(check, value, 25, _BECH32_GENERATOR)
    check ^= 0x2BC830A3 if version else 1
    values += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return prefix + "1" + "".join(_BECH32[value] for value in values)


def descriptor(text: str) -> str:
    """A descriptor with its BIP380 checksum."""
    check, group, count = 1, 0, 0
    for position in map(_DESCRIPTOR_INPUT.index, text):
        check = _polymod(check, position & 31, 35, _DESCRIPTOR_GENERATOR)
        group, count = group * 3 + (position >> 5), count + 1
        if count == 3:
            check = _polymod(check, group, 35, _DESCRIPTOR_GENERATOR)
            group = count = 0
    for value in ([group] if count else []) + [0] * 8:
        check = _polymod(check, value, 35, _DESCRIPTOR_GENERATOR)
    check ^= 1
    return text + "#" + "".join(_BECH32[check >> 5 * (7 - i) & 31] for i in range(8))


def _push(data: bytes) -> str:
    if len(data) > 4:
        return data.hex()
    number = int.from_bytes(data, "little")
    sign = 1 << (8 * len(data) - 1) if data else 0
    return str(sign - number if sign and number & sign else number)


def _opcode(code: int) -> str:
    if 0x51 <= code <= 0x60:
        return str(code - 0x50)
    return _OPCODES.get(code, "OP_UNKNOWN")


def disassemble(script: bytes, *, signatures: bool = False) -> str:
    """The script in words; of signatures in a scriptSig the hash type is spelled out."""
    words, at = [], 0
    while at < len(script):
        size, at = script[at], at + 1
        if size > 0x4D:
            words.append(_opcode(size))
            continue
        if size > 0x4B:
            width = size - 0x4B
            size, at = int.from_bytes(script[at : at + width], "little"), at + width
        data = script[at : at + size]
        at += size
        if signatures and data[:1] == b"\x30" and len(data) > 65 and data[-1] == 1:
            words.append(data[:-1].hex() + "[ALL]")
        else:
            words.append(_push(data))
    return " ".join(words)


def classify(script: bytes) -> tuple[str, str | None]:
    """Core's name of the script's kind, and its regtest address where it has one."""
    if len(script) == 25 and script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac":
        return "pubkeyhash", base58check(111, script[3:23])
    if len(script) == 23 and script[:2] == b"\xa9\x14" and script[22:] == b"\x87":
        return "scripthash", base58check(196, script[2:22])
    if len(script) == 22 and script[:2] == b"\x00\x14":
        return "witness_v0_keyhash", bech32(0, script[2:])
    if len(script) == 34 and script[:2] == b"\x00\x20":
        return "witness_v0_scripthash", bech32(0, script[2:])
    if len(script) == 34 and script[:2] == b"\x51\x20":
        return "witness_v1_taproot", bech32(1, script[2:])
    if len(script) in (35, 67) and script[0] == len(script) - 2 and script[-1] == 0xAC:
        return "pubkey", None
    return ("nulldata" if script[:1] == b"\x6a" else "nonstandard"), None


def _describe(script: bytes, kind: str, address: str | None) -> str:
    if kind == "witness_v1_taproot":
        return descriptor(f"rawtr({script[2:].hex()})")
    if kind == "pubkey":
        return descriptor(f"pk({script[1:-1].hex()})")
    return descriptor(f"addr({address})" if address else f"raw({script.hex()})")


@lru_cache(maxsize=100_000)
def script_json(script: bytes) -> orjson.Fragment:
    """`scriptPubKey`."""
    kind, address = classify(script)
    fields: Json = {
        "asm": disassemble(script),
        "desc": _describe(script, kind, address),
        "hex": script.hex(),
    }
    if address:
        fields["address"] = address
    return orjson.Fragment(orjson.dumps(fields | {"type": kind}))


def _input_json(entry: TxInput, spent: SpentOutput | None, verbosity: int) -> Json:
    if entry.vout == 0xFFFFFFFF:
        fields: Json = {"coinbase": entry.script_sig.hex()}
    else:
        asm = disassemble(entry.script_sig, signatures=True)
        sig = {"asm": asm, "hex": entry.script_sig.hex()}
        fields = {"txid": entry.txid[::-1].hex(), "vout": entry.vout, "scriptSig": sig}
    if entry.witness:
        fields["txinwitness"] = [item.hex() for item in entry.witness]
    if spent and verbosity >= 3:
        fields["prevout"] = {
            "generated": spent.is_coinbase,
            "height": spent.height,
            "value": amount(spent.value_sat),
            "scriptPubKey": script_json(spent.script),
        }
    return fields | {"sequence": entry.sequence}


def tx_json(tx: Tx, spent: list[SpentOutput], verbosity: int) -> Json:
    """An element of `tx`; `spent` is empty for a coinbase."""
    weight = 3 * tx.stripped_size + len(tx.raw)
    coins: list[SpentOutput | None] = [*spent] or [None]
    fields: Json = {
        "txid": tx.txid[::-1].hex(),
        "hash": tx.wtxid[::-1].hex(),
        "version": tx.version,
        "size": len(tx.raw),
        "vsize": (weight + 3) // 4,
        "weight": weight,
        "locktime": tx.locktime,
        "vin": [_input_json(*pair, verbosity) for pair in zip(tx.inputs, coins, strict=True)],
        "vout": [
            {"value": amount(value_sat), "n": n, "scriptPubKey": script_json(script)}
            for n, (value_sat, script) in enumerate(tx.outputs)
        ],
    }
    if spent:
        paid_sat = sum(output.value_sat for output in tx.outputs)
        fields["fee"] = amount(sum(coin.value_sat for coin in spent) - paid_sat)
    return fields | {"hex": tx.raw.hex()}


def _coinbase_json(tx: Tx) -> Json:
    first = tx.inputs[0]
    fields: Json = {
        "version": tx.version,
        "locktime": tx.locktime,
        "sequence": first.sequence,
        "coinbase": first.script_sig.hex(),
    }
    return fields | ({"witness": first.witness[0].hex()} if first.witness else {})


def block_json(
    block: ParsedBlock,
    undo: list[list[SpentOutput]],
    *,
    height: int,
    tip_height: int,
    median_time_s: int,
    next_hash: bytes | None,
    verbosity: int,
) -> bytes:
    """The `result` of getblock with verbosity 2 or 3 on regtest."""
    stripped_size = block.size - sum(len(tx.raw) - tx.stripped_size for tx in block.txs)
    spent = [[], *undo]
    fields: Json = {
        "hash": block.hash[::-1].hex(),
        "confirmations": tip_height - height + 1,
        "height": height,
        "version": block.version,
        "versionHex": f"{block.version:08x}",
        "merkleroot": block.merkle_root[::-1].hex(),
        "time": block.time_s,
        "mediantime": median_time_s,
        "nonce": block.nonce,
        "bits": f"{block.bits:08x}",
        "target": REGTEST_TARGET,
        "difficulty": REGTEST_DIFFICULTY,
        "chainwork": f"{2 * (height + 1):064x}",
        "nTx": len(block.txs),
        "previousblockhash": block.previous[::-1].hex(),
        "nextblockhash": next_hash[::-1].hex() if next_hash else None,
        "strippedsize": stripped_size,
        "size": block.size,
        "weight": 3 * stripped_size + block.size,
        "coinbase_tx": _coinbase_json(block.txs[0]),
        "tx": [tx_json(*pair, verbosity) for pair in zip(block.txs, spent, strict=True)],
    }
    absent = [name for name in ("nextblockhash",) if fields[name] is None]
    absent += ["previousblockhash"] if height == 0 else []
    return orjson.dumps({name: value for name, value in fields.items() if name not in absent})
