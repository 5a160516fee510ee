"""Blocks to columns: what is written is read, and no damage goes unnoticed."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.chain.blocks import BlockColumns, block_hashes, decode_blocks
from etl.errors import BlockDataError
from tests.chain.random_blocks import BLOCKS, MAX_MONEY_SAT, NO_OUTPOINT, Block, Input, Tx
from tests.support.encoding import double_sha256
from tests.support.properties import examples

ORIGIN = "blk00007.dat"
COINBASE = Tx((Input(NO_OUTPOINT, b"\1\1", b"\xff" * 4, ()),), ((50 * 10**8, b"\x51"),))
PAYMENT = Tx((Input(sha256(b"one").digest() + bytes(4), b"\0", bytes(4), ()),), ((7, b"\x52"),))
WITNESSED = replace(
    PAYMENT,
    inputs=(replace(PAYMENT.inputs[0], outpoint=sha256(b"two").digest() + bytes(4), witness=(b"ab",)),),
)


def _decoded(blocks: list[bytes], first_height: int = 0) -> BlockColumns:
    offset = np.cumsum([0, *map(len, blocks)]).astype(np.int64)
    data = np.frombuffer(bytearray(b"".join(blocks)), dtype=np.uint8)
    return decode_blocks(data, offset, first_height, ORIGIN)


def _parts(data: np.ndarray, offset: np.ndarray) -> list[bytes]:
    return [data[a:b].tobytes() for a, b in zip(offset[:-1], offset[1:], strict=True)]


@examples(200)
@given(st.lists(BLOCKS, min_size=1, max_size=3))
def test_what_is_written_is_read(blocks: list[Block]) -> None:
    raw = [block.serialised() for block in blocks]
    found = _decoded(raw)
    txs = [tx for block in blocks for tx in block.txs]
    outputs = [output for tx in txs for output in tx.outputs]
    assert [row.tobytes() for row in found.header] == [block[:80] for block in raw]
    assert [row.tobytes() for row in found.block_hash] == [double_sha256(b[:80]) for b in raw]
    assert found.tx_count.tolist() == [len(block.txs) for block in blocks]
    assert found.size.tolist() == [len(block) for block in raw]
    assert [row.tobytes() for row in found.txid] == [tx.txid for tx in txs]
    assert found.input_count.tolist() == [
        len(tx.inputs) if i else 0 for block in blocks for i, tx in enumerate(block.txs)
    ]
    spends = [each for block in blocks for tx in block.txs[1:] for each in tx.inputs]
    assert found.spent_txid.tolist() == [int.from_bytes(each.outpoint[:8], "little") for each in spends]
    assert found.output_count.tolist() == [len(tx.outputs) for tx in txs]
    assert found.value_sat.tolist() == [value_sat for value_sat, _ in outputs]
    assert _parts(found.script, found.script_offset) == [script for _, script in outputs]
    coinbases = _parts(found.coinbase_script, found.coinbase_offset)
    assert coinbases == [block.txs[0].inputs[0].script for block in blocks]


@examples(300)
@given(BLOCKS, st.data())
def test_a_flipped_bit_is_told_or_changes_nothing_that_is_read(block: Block, data: st.DataObject) -> None:
    """Ids cover all but witnesses; the header's other fields are the header tree's business."""
    raw = block.serialised()
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    damaged = bytearray(raw)
    damaged[bit // 8] ^= 1 << bit % 8
    try:
        found = _decoded([bytes(damaged)])
    except BlockDataError as error:
        assert str(error).startswith(f"{ORIGIN}: block at height 0: ")
        return
    assert not 36 <= bit // 8 < 68, "the merkle root was changed"
    assert [row.tobytes() for row in found.txid] == [tx.txid for tx in block.txs]
    outputs = [output for tx in block.txs for output in tx.outputs]
    assert found.value_sat.tolist() == [value_sat for value_sat, _ in outputs]
    assert _parts(found.script, found.script_offset) == [script for _, script in outputs]
    assert found.input_count.tolist()[1:] == [len(tx.inputs) for tx in block.txs[1:]]


@examples(200)
@given(BLOCKS, st.data())
def test_a_cut_block_is_told(block: Block, data: st.DataObject) -> None:
    raw = block.serialised()
    length = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(BlockDataError, match=r"blk00007\.dat"):
        _decoded([raw[:length]])


def _raw(*txs: Tx) -> bytes:
    return Block(txs).serialised()


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (_raw(PAYMENT, COINBASE), "the first transaction is no coinbase"),
        (_raw(COINBASE, COINBASE), "spends nothing"),
        (_raw(replace(COINBASE, inputs=COINBASE.inputs * 2)), "the first transaction is no coinbase"),
        (_raw(replace(COINBASE, outputs=((MAX_MONEY_SAT + 1, b""),))), "above 21 million"),
        (_raw(replace(COINBASE, outputs=((-1, b""),))), "negative"),
        (_raw(COINBASE, PAYMENT) + b"\0", "left over"),
        (_raw(COINBASE, PAYMENT)[:-1], "end inside a transaction"),
        (_raw(COINBASE)[:80] + b"\0", "end inside a transaction"),
        (_raw(COINBASE)[:80] + b"\xff" * 9, "impossible"),
        (_raw(COINBASE, PAYMENT, WITNESSED, WITNESSED), "merkle root"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_reasons(damaged: bytes, reason: str) -> None:
    good = _raw(COINBASE, PAYMENT, WITNESSED)
    assert len(_decoded([good, good]).txid) == 6
    with pytest.raises(BlockDataError) as error:
        _decoded([good, damaged, good], first_height=100)
    assert reason in error.value.what
    assert error.value.what.startswith(f"{ORIGIN}: block at height 101")
    assert "reindex" in error.value.action


def test_a_repeated_transaction_is_told_though_the_merkle_root_fits() -> None:
    """CVE-2012-2459: three transactions have the root of four of which the last two are equal."""
    three = _raw(COINBASE, PAYMENT, WITNESSED)
    four = _raw(COINBASE, PAYMENT, WITNESSED, WITNESSED)
    assert three[36:68] == four[36:68]
    with pytest.raises(BlockDataError, match="merkle root"):
        _decoded([four])


def test_block_hashes() -> None:
    """Mainnet's genesis block."""
    header = bytes.fromhex(
        "01000000" + "00" * 32 + "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"
        "29ab5f49ffff001d1dac2b7c"
    )
    rows = np.frombuffer(bytearray(header), dtype=np.uint8).reshape(1, 80)
    assert block_hashes(rows)[0][::-1].tobytes().hex() == (
        "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
    )
