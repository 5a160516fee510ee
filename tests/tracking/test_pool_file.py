"""The shipped list of pools on real coinbases: blocks of all eras, and cases that people reported."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from clustering.pools import PoolBook
from etl.chain.address_reading import address_id, is_ownable, script_kind, script_of
from etl.chain.blocks import decode_blocks
from etl.chain.networks import MAINNET
from etl.resources import config_dir
from etl.tracking.pool_file import load_pools

BLOCKS = Path(__file__).parent.parent / "data" / "mainnet_blocks"

POOLS = {
    210_000: "Braiins Pool",  # /slush/
    227_836: "Braiins Pool",  # /slush/
    255_018: "BTC Guild",  # Mined by BTC Guild
    277_647: "BTC Guild",  # Mined by BTC Guild
    300_025: "F2Pool",  # 七彩神仙鱼; pays 1KFHE7w8BhaENAswwryaoccDb6qcT6DbYY
    333_961: "F2Pool",
    363_703: "AntPool",  # /AntPool/
    370_661: "Braiins Pool",  # /slush/; pays 1CK6KHY6MHgYvmRQ4PAafKYDrg1ejbH1cE
    383_616: "GHash.IO",  # no tag; pays 1CjPR7Z5ZSyWk6WtXvSFgkptmpoi4UM9BC
    403_200: "F2Pool",
    413_567: "F2Pool",
    426_884: "Bixin",  # /HaoBTC/, as it was called
    481_815: "BitClub",  # /BitClub Network/; pays 155fzsEBHy9Ri2bMQ8uuuR3tv1YzcDywd4
    481_829: "Bixin",  # /Bixin/; pays 1KsFhYKLs8qb1GHqrPxHoywNQpet2CtP9t
    482_683: "AntPool",  # Mined by AntPool; pays 16MdTdqmXusauybtXTmFEW4GNFPPgGxQYE
    540_107: "BTC.com",  # /BTC.COM/
    574_200: "BTC.com",  # /BTC.COM/
    757_739: "F2Pool",  # the fish, /F2Pool/; pays 1KFHE7w8BhaENAswwryaoccDb6qcT6DbYY
}
"""By the tag that the coinbase shows and the address that it pays; the blocks not named show neither."""


@pytest.fixture(scope="module")
def book() -> PoolBook:
    return load_pools(config_dir() / "pools.json", MAINNET)


def _name(book: PoolBook, paid: list[int], script: bytes) -> str:
    number = book.pool_of(paid, script)
    return book.names[number - 1] if number else "Unknown"


def _coinbase(height: int) -> tuple[list[int], bytes]:
    """(ids of the recipients, scriptSig)"""
    raw = bytearray((BLOCKS / f"{height}.blk").read_bytes())
    block = decode_blocks(np.frombuffer(raw, np.uint8), np.array([0, len(raw)]), height, "test")
    outputs = int(block.output_count[0])
    bounds = block.script_offset[: outputs + 1].tolist()
    scripts = [block.script[start:end].tobytes() for start, end in zip(bounds, bounds[1:], strict=False)]
    paid = [
        address_id(script)
        for script, value_sat in zip(scripts, block.value_sat[:outputs].tolist(), strict=True)
        if value_sat > 0 and is_ownable(script_kind(script))
    ]
    return paid, block.coinbase_script.tobytes()


def _heights() -> list[int]:
    with (BLOCKS / "manifest.csv").open(newline="") as file:
        return [int(row["height"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("height", _heights())
def test_real_blocks(book: PoolBook, height: int) -> None:
    assert _name(book, *_coinbase(height)) == POOLS.get(height, "Unknown")


ELIGIUS_RECIPIENTS = (
    "1BX5YoLwvqzvVwSrdD4dC32vbouHQn2tuF", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "12c6DSiU4Rq3P4ZxziKxzrL5LmMBrzjrJX", "1HLoD9E4SDFFPDiYfNYnkBLQ85Y51J3Zb1",
    "1FvzCLoTPGANNjWoUo6jUGuAG3wg1w4YjR",
)  # fmt: skip


@pytest.mark.parametrize(
    ("script", "recipients", "pool"),
    [
        # mempool/mempool#1564, bitcoin-data/mining-pools#91: tags in other case
        (b"\3/Mara Pool/v", (), "MARA Pool"),
        # bitcoin-data/mining-pools#19, #20: pools that lists lacked
        (b"\3ckpool", ("3P8sR3K8wAk3bom7tqpr5VrzCz9TVYNTQd",), "CKPool"),
        (b"\3Ukrpool.com", ("125K2xfiBdae42gSKiCGwi85Frpy1vHmGj",), "UKRPool"),
        (b"/TMSPOOL/", (), "TMSPool"),
        # bitcoin-data/mining-pools#89: pools that pay miners, some of them pools, in the coinbase
        (b"\3Eligius", ELIGIUS_RECIPIENTS, "Eligius"),
        (b"/solo.ckpool.org/", ("16GsNC3q6KgVXkUX7j7aPxSUdHrt1sN2yN",), "Solo CK"),
        # bitcoin-data/mining-pools#36, block 683919
        (b"\3/one_more_mcd/", ("1EepjXgvWUoRyNvuLSAxjiqZ1QqKGDANLW",), "EMCDPool"),
        # a miner's own text beside the pool's tag
        (b"\3< OCEAN.XYZ >\x0f/AntPool/ fan", (), "OCEAN"),
    ],
)
def test_reported_blocks(book: PoolBook, script: bytes, recipients: tuple[str, ...], pool: str) -> None:
    paid = [address_id(script_of(address, MAINNET)) for address in recipients]
    assert _name(book, paid, script) == pool
