"""The golden chains as plain values, from what the node answered."""

from __future__ import annotations

import csv
import gzip
import json
from decimal import Decimal
from typing import Any

from etl.chain.address_reading import address_of, is_ownable, script_kind
from etl.chain.networks import Network
from tests.clustering.economy import Block, Coin, Economy, Pool, Tx
from tests.support.golden import POOLS, GoldenChain


def _coin(output: dict[str, Any], network: Network) -> Coin:
    script = bytes.fromhex(output["scriptPubKey"]["hex"])
    value_sat = int(Decimal(output["value"]).scaleb(8))
    return Coin(address_of(script, network), is_ownable(script_kind(script)), value_sat)


def _tx(tx: dict[str, Any], network: Network) -> Tx:
    inputs = (_coin(vin["prevout"], network) for vin in tx["vin"] if "prevout" in vin)
    outputs = (_coin(output, network) for output in tx["vout"])
    return Tx(tx["txid"], tuple(inputs), tuple(outputs))


def golden_economy(chain: GoldenChain) -> Economy:
    """The active chain of a golden folder with its labels and the shipped pools."""
    network = chain.network
    blocks = []
    with gzip.open(chain.folder / "blocks.jsonl.gz") as lines:
        for line in lines:
            block = json.loads(line)
            script = bytes.fromhex(block["tx"][0]["vin"][0]["coinbase"])
            txs = tuple(_tx(tx, network) for tx in block["tx"])
            blocks.append(Block(block["height"], block["mediantime"], script, txs))
    with (chain.folder / "exchanges.csv").open(newline="") as file:
        labels = {row["address"]: row["exchange"] for row in csv.DictReader(file)}
    entries = json.loads(POOLS.read_text(encoding="utf-8"))
    pools = tuple(
        Pool(each["name"], tuple(each.get("addresses", ())), tuple(each.get("tags", ()))) for each in entries
    )
    lost = network.overwritten_coinbase_heights
    return Economy(tuple(blocks), pools, labels, lost)
