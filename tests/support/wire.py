"""What goes over the wire between a Bitcoin Core node and its users, made from recorded blocks.

Blocks are getblock-3 documents with amounts as text, as in `golden/*/blocks.jsonl.gz`. Nothing of
etl is used: this is the other side of what is tested.
"""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import orjson

GOLDEN = Path(__file__).parent.parent / "data" / "golden"
RECORDINGS = GOLDEN / "core_recordings"

Json = dict[str, Any]


def golden_blocks(name: str) -> list[Json]:
    """The active chain of a golden folder."""
    with gzip.open(GOLDEN / name / "blocks.jsonl.gz") as lines:
        return [json.loads(line) for line in lines]


@cache
def recordings(name: str) -> list[Json]:
    """`rpc` or `rest` of golden/core_recordings."""
    found: list[Json] = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def recorded_result(method: str, note: str = "") -> Any:
    """The result, numbers with a point as text, of the recorded call."""
    for recording in recordings("rpc"):
        request = recording["request"]
        if isinstance(request, dict) and request["method"] == method and note in recording["note"]:
            return json.loads(recording["body"], parse_float=str)["result"]
    raise LookupError(method)


def block_header(block: Json) -> bytes:
    """The 80 bytes of a block's header."""
    return b"".join(
        (
            block["version"].to_bytes(4, "little", signed=True),
            bytes.fromhex(block.get("previousblockhash", "00" * 32))[::-1],
            bytes.fromhex(block["merkleroot"])[::-1],
            block["time"].to_bytes(4, "little"),
            bytes.fromhex(block["bits"])[::-1],
            block["nonce"].to_bytes(4, "little"),
        )
    )


def block_bytes(block: Json) -> bytes:
    """The serialised block."""
    txs = "".join(tx["hex"] for tx in block["tx"])
    return block_header(block) + compact_size(len(block["tx"])) + bytes.fromhex(txs)


def spent_bytes(block: Json) -> bytes:
    """The outputs that a block spends, as /rest/spenttxouts gives them."""
    out = [compact_size(len(block["tx"]))]
    for tx in block["tx"]:
        spent = [vin["prevout"] for vin in tx["vin"] if "coinbase" not in vin]
        out.append(compact_size(len(spent)))
        for prevout in spent:
            script = bytes.fromhex(prevout["scriptPubKey"]["hex"])
            value_sat = int(Decimal(prevout["value"]).scaleb(8))
            out += value_sat.to_bytes(8, "little"), compact_size(len(script)), script
    return b"".join(out)


def compact_size(n: int) -> bytes:
    """Bitcoin's CompactSize, up to 65,535."""
    return bytes((n,)) if n < 253 else b"\xfd" + n.to_bytes(2, "little")


def wire(value: Any, key: str = "") -> Any:
    """The document with amounts as Core prints them."""
    if isinstance(value, dict):
        return {name: wire(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [wire(item) for item in value]
    if isinstance(value, str) and key in ("value", "fee", "total_amount"):
        return orjson.Fragment(f"{Decimal(value):.8f}")
    if isinstance(value, str) and key in ("relayfee", "incrementalfee"):
        return orjson.Fragment(value)
    if isinstance(value, str) and key in ("difficulty", "verificationprogress"):
        return orjson.Fragment(value.lower())
    return value
