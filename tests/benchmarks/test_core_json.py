"""Answers made for peers against what a node answered about the same blocks."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.benchmarks.chain_reader import SpentOutput, parse_block
from tests.benchmarks.core_json import block_json

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "economy" / "blocks.jsonl.gz"
KINDS = ("pubkeyhash", "scripthash", "witness_v0_keyhash", "witness_v1_taproot", "nulldata")


def scripts(answer: dict[str, Any]) -> list[dict[str, Any]]:
    outputs = [output for tx in answer["tx"] for output in tx["vout"]]
    prevouts = [entry["prevout"] for tx in answer["tx"] for entry in tx["vin"] if "prevout" in entry]
    return [holder["scriptPubKey"] for holder in outputs + prevouts]


def raw_block(answer: dict[str, Any]) -> bytes:
    numbers = (answer["time"], int(answer["bits"], 16), answer["nonce"])
    header = answer["version"].to_bytes(4, "little")
    header += bytes.fromhex(answer["previousblockhash"])[::-1]
    header += bytes.fromhex(answer["merkleroot"])[::-1]
    header += b"".join(number.to_bytes(4, "little") for number in numbers)
    count = len(answer["tx"])
    assert count < 0xFD
    txs = b"".join(bytes.fromhex(tx["hex"]) for tx in answer["tx"])
    return bytes(header + bytes([count]) + txs)


def spent_output(prevout: dict[str, Any]) -> SpentOutput:
    script = bytes.fromhex(prevout["scriptPubKey"]["hex"])
    value_sat = int(Decimal(prevout["value"]) * 100_000_000)
    return SpentOutput(prevout["height"], prevout["generated"], value_sat, script)


def remade(answer: dict[str, Any], tip_height: int) -> dict[str, Any]:
    undo = [[spent_output(entry["prevout"]) for entry in tx["vin"]] for tx in answer["tx"][1:]]
    made = block_json(
        parse_block(raw_block(answer)),
        undo,
        height=answer["height"],
        tip_height=tip_height,
        median_time_s=answer["mediantime"],
        next_hash=bytes.fromhex(answer["nextblockhash"])[::-1],
        verbosity=3,
    )
    loaded: dict[str, Any] = json.loads(made, parse_float=Decimal)
    return loaded


def with_decimals(answer: dict[str, Any]) -> dict[str, Any]:
    """The recording keeps amounts as text."""
    for tx in answer["tx"]:
        for holder in [*tx["vout"], *(entry.get("prevout", {}) for entry in tx["vin"]), tx]:
            for name in ("value", "fee"):
                if name in holder:
                    holder[name] = Decimal(holder[name])
    answer["difficulty"] = Decimal(answer["difficulty"])
    return answer


def test_answers_equal_the_recorded_ones() -> None:
    with gzip.open(GOLDEN, "rt") as lines:
        answers = [json.loads(line) for line in lines]
    plain = [a for a in answers[1:-1] if all(s["type"] in KINDS for s in scripts(a))]
    assert len(plain) > 400
    for answer in plain:
        expected = with_decimals(json.loads(json.dumps(answer)))
        assert remade(answer, len(answers) - 1) == expected
