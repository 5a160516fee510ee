"""Random trees of valid regtest blocks: serialised, and as the documents that FakeNode answers from.

Every address is the hash of a script that anyone may spend by (a number, dropped, then true), so no
transaction needs a signature, and Bitcoin Core itself accepts every block. Nothing of etl is used but two
encoders of addresses.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import numpy as np

from etl.chain.address_reading import address_of
from etl.chain.networks import REGTEST
from etl.compiled.ripemd160 import ripemd160_digests
from tests.support.wire import Json, block_bytes, block_header, compact_size, golden_blocks

COINBASE_MATURITY = 100
_TARGET = 0x7FFFFF << 232
_TAGS = (b"/slush/", b"/ViaBTC/", b"/BTC.COM/", b"none of them")
_EXCHANGES = ("Binance", "Kraken", "Bitfinex")
_OWNERS = 60
_FEE_SAT = 1000


@dataclass(frozen=True)
class Coin:
    """An unspent output."""

    txid: bytes
    n: int
    value_sat: int
    owner: int
    spendable_from: int
    """height"""


@dataclass(frozen=True)
class Node:
    """A block of the tree with the state after it."""

    document: Json
    parent: Node | None
    coins: dict[tuple[bytes, int], Coin]

    @property
    def height(self) -> int:
        """Blocks below it."""
        return int(self.document["height"])

    def chain(self) -> list[Node]:
        """From genesis to this block."""
        found: list[Node] = []
        at: Node | None = self
        while at is not None:
            found.append(at)
            at = at.parent
        return found[::-1]

    def documents(self) -> list[Json]:
        """The chain as FakeNode takes it."""
        return [node.document for node in self.chain()]


def genesis() -> Node:
    """The root of every tree."""
    return Node(golden_blocks("economy")[0], None, {})


def extended(tip: Node, count: int, rng: random.Random) -> Node:
    """The tip of `count` random blocks on `tip`."""
    for _ in range(count):
        tip = _next_block(tip, rng)
    return tip


def ancestor(tip: Node, height: int) -> Node:
    """The block of the chain of `tip` at a height."""
    while tip.height > height:
        assert tip.parent is not None
        tip = tip.parent
    return tip


def write_exchanges(path: Path) -> Path:
    """Labels for some of the addresses."""
    rows = [f"{_address(owner)},{_EXCHANGES[owner % 3]},made up" for owner in range(0, _OWNERS, 10)]
    path.write_text("\n".join(["address,exchange,source", *rows, ""]))
    return path


def _redeem_script(owner: int) -> bytes:
    return b"\x04" + owner.to_bytes(4, "big") + b"\x75\x51"


def _hash160(data: bytes) -> bytes:
    digest = np.frombuffer(sha256(data).digest(), dtype=np.uint8).reshape(1, 32)
    return ripemd160_digests(digest).tobytes()


def _script(owner: int) -> bytes:
    return b"\xa9\x14" + _hash160(_redeem_script(owner)) + b"\x87"


def _address(owner: int) -> str:
    return address_of(_script(owner), REGTEST)


def _bitcoin(value_sat: int) -> str:
    return str(Decimal(value_sat).scaleb(-8))


def _pubkey(owner: int) -> Json:
    script = _script(owner)
    return {"hex": script.hex(), "type": "scripthash", "asm": f"OP_HASH160 {script[2:22].hex()} OP_EQUAL"}


def _twice(data: bytes) -> bytes:
    return sha256(sha256(data).digest()).digest()


def _serialised(inputs: list[tuple[bytes, int, bytes]], outputs: list[tuple[int, int]]) -> bytes:
    """`inputs` are outpoint and scriptSig, `outputs` value and owner."""
    parts = [(2).to_bytes(4, "little"), compact_size(len(inputs))]
    for txid, n, script in inputs:
        parts += txid, n.to_bytes(4, "little"), compact_size(len(script)), script, b"\xff" * 4
    parts.append(compact_size(len(outputs)))
    for value_sat, owner in outputs:
        parts += value_sat.to_bytes(8, "little"), compact_size(23), _script(owner)
    return b"".join([*parts, bytes(4)])


def _transaction(raw: bytes, vin: list[Json], outputs: list[tuple[int, int]]) -> Json:
    vout = [
        {"value": _bitcoin(value), "n": n, "scriptPubKey": _pubkey(owner)}
        for n, (value, owner) in enumerate(outputs)
    ]
    return {"txid": _twice(raw)[::-1].hex(), "vin": vin, "vout": vout, "hex": raw.hex()}


def _payment(spent: list[Coin], rng: random.Random) -> tuple[Json, list[tuple[int, int]]]:
    left = sum(coin.value_sat for coin in spent) - _FEE_SAT
    outputs = []
    for _ in range(rng.randrange(3)):
        part = rng.randrange(left // 2 + 1)
        outputs.append((part, rng.randrange(_OWNERS)))
        left -= part
    outputs.append((left, rng.randrange(_OWNERS)))
    scripts = [bytes((len(_redeem_script(coin.owner)),)) + _redeem_script(coin.owner) for coin in spent]
    raw = _serialised([(c.txid, c.n, s) for c, s in zip(spent, scripts, strict=True)], outputs)
    vin = [
        {
            "txid": coin.txid[::-1].hex(),
            "vout": coin.n,
            "prevout": {"value": _bitcoin(coin.value_sat), "scriptPubKey": _pubkey(coin.owner)},
        }
        for coin in spent
    ]
    return _transaction(raw, vin, outputs) | {"fee": _bitcoin(_FEE_SAT)}, outputs


def _coinbase(height: int, reward_sat: int, rng: random.Random) -> tuple[Json, list[tuple[int, int]]]:
    number = height.to_bytes(2, "little") if height > 127 else height.to_bytes(1, "little")
    pushed = bytes((len(number),)) + number if height > 16 else bytes((80 + height,))
    script = pushed + rng.choice(_TAGS) + rng.randbytes(4)
    part = rng.randrange(reward_sat)
    outputs = [(reward_sat - part, rng.randrange(8)), (part, rng.randrange(_OWNERS))]
    raw = _serialised([(bytes(32), 0xFFFFFFFF, script)], outputs)
    return _transaction(raw, [{"coinbase": script.hex()}], outputs), outputs


def _next_block(parent: Node, rng: random.Random) -> Node:
    height = parent.height + 1
    coins = dict(parent.coins)
    payments: list[Json] = []
    for _ in range(rng.randrange(4)):
        mature = [c for c in coins.values() if c.spendable_from <= height and c.value_sat > 10 * _FEE_SAT]
        spent = rng.sample(mature, min(len(mature), rng.randrange(1, 4)))
        if not spent:
            break
        tx, outputs = _payment(spent, rng)
        for coin in spent:
            del coins[coin.txid, coin.n]
        _credit(coins, tx, outputs, height)
        payments.append(tx)
    reward_sat = (5_000_000_000 >> height // 150) + _FEE_SAT * len(payments)
    coinbase, outputs = _coinbase(height, reward_sat, rng)
    _credit(coins, coinbase, outputs, height + COINBASE_MATURITY)
    return Node(_block(parent, [coinbase, *payments], rng), parent, coins)


def _credit(
    coins: dict[tuple[bytes, int], Coin], tx: Json, outputs: list[tuple[int, int]], spendable_from: int
) -> None:
    txid = bytes.fromhex(tx["txid"])[::-1]
    for n, (value_sat, owner) in enumerate(outputs):
        coins[txid, n] = Coin(txid, n, value_sat, owner, spendable_from)


def _block(parent: Node, txs: list[Json], rng: random.Random) -> Json:
    before = [
        ancestor(parent, height).document["time"]
        for height in range(max(0, parent.height - 9), parent.height + 1)
    ]
    time = sorted(before)[len(before) // 2] + rng.randrange(1, 20_000)
    block: Json = parent.document | {
        "height": parent.height + 1,
        "version": 0x20000000,
        "merkleroot": _merkle_root([bytes.fromhex(tx["txid"])[::-1] for tx in txs])[::-1].hex(),
        "time": time,
        "mediantime": sorted([*before, time])[(len(before) + 1) // 2],
        "bits": "207fffff",
        "nonce": 0,
        "nTx": len(txs),
        "previousblockhash": parent.document["hash"],
        "tx": txs,
    }
    while int.from_bytes(_twice(block_header(block)), "little") > _TARGET:
        block["nonce"] += 1
    block["hash"] = _twice(block_header(block))[::-1].hex()
    return block


def _merkle_root(nodes: list[bytes]) -> bytes:
    while len(nodes) > 1:
        nodes += nodes[-1:] * (len(nodes) % 2)
        nodes = [_twice(a + b) for a, b in zip(nodes[::2], nodes[1::2], strict=True)]
    return nodes[0]


def serialised(node: Node) -> bytes:
    """The block's bytes."""
    return block_bytes(node.document)
