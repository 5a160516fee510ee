"""What the tests of the node's sources have in common."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from hashlib import sha256

import numpy as np

from etl.chain.blocks import decode_blocks
from etl.chain.spent import decode_spent
from etl.sources.source import RawBlocks, Source
from tests.support.wire import Json, block_bytes, block_header, spent_bytes


def joined(batches: Iterable[RawBlocks]) -> tuple[list[bytes], list[bytes]]:
    """Blocks and spent outputs, one by one; the batches must follow each other."""
    blocks: list[bytes] = []
    spent: list[bytes] = []
    height = -1
    for batch in batches:
        assert height in (-1, batch.first_height)
        height = batch.first_height + len(batch.block_offset) - 1
        blocks += _parts(batch.block, batch.block_offset)
        spent += _parts(batch.spent, batch.spent_offset)
    return blocks, spent


def _parts(data: np.ndarray, offset: np.ndarray) -> list[bytes]:
    return [data[a:b].tobytes() for a, b in zip(offset[:-1], offset[1:], strict=True)]


def check_golden_chain(source: Source, chain: list[Json]) -> None:
    """Assert that a source gives the chain's hashes, times, blocks and spent outputs."""
    tip = len(chain) - 1
    assert source.tip_height == tip
    hashes = [row[::-1].tobytes().hex() for row in source.hashes(0, tip)]
    assert hashes == [block["hash"] for block in chain]
    assert source.times(0, tip).tolist() == [block["time"] for block in chain]
    assert source.times(tip - 10, tip).tolist() == [block["time"] for block in chain[-11:]]
    batches = list(source.chunk(0, tip).batches(50_000))
    assert all(len(batch.block) >= 50_000 for batch in batches[:-1])
    blocks, spent = joined(batches)
    assert blocks == [block_bytes(block) for block in chain]
    assert spent == [spent_bytes(block) for block in chain]
    assert joined(source.chunk(7, 7).batches(1)) == ([blocks[7]], [spent[7]])
    _check_decodable(batches[-1])


def _check_decodable(raw: RawBlocks) -> None:
    columns = decode_blocks(raw.block, raw.block_offset, raw.first_height, raw.origin)
    decode_spent(
        raw.spent, raw.spent_offset, raw.spent_format, columns.tx_count, columns.input_count,
        raw.first_height, raw.origin,
    )  # fmt: skip


def rival_chain(chain: list[Json], fork_height: int, length: int) -> list[Json]:
    """`chain` up to the fork, then `length` blocks with its coinbases and other header times.

    The blocks prove no work, which no source looks at.
    """
    rival = chain[: fork_height + 1]
    for height in range(fork_height + 1, fork_height + 1 + length):
        block = copy.deepcopy(chain[min(height, len(chain) - 1)])
        block["tx"] = block["tx"][:1]
        block.update(
            height=height,
            time=rival[-1]["time"] + 1,
            previousblockhash=rival[-1]["hash"],
            merkleroot=block["tx"][0]["txid"],
            nTx=1,
        )
        digest = sha256(sha256(block_header(block)).digest()).digest()
        block["hash"] = digest[::-1].hex()
        rival.append(block)
    return rival
