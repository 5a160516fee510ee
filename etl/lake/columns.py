"""Columns of the lake's four tables; position, not keys, joins them.

Invariant: transactions follow each other in chain order, and so do inputs and outputs, so the rows of a
block are a slice: `blocks.tx_count` counts into `txs`, `txs.input_count` and `txs.output_count` into
`inputs` and `outputs`. Hashes are 32 bytes in display order; amounts are satoshis. `spent_txid` is the
first eight bytes, in internal order, of the id of the transaction whose output an input spends.
"""

from __future__ import annotations

import pyarrow as pa

HASH = pa.binary(32)

BLOCKS = pa.schema(
    [
        pa.field("height", pa.int32(), nullable=False),
        pa.field("hash", HASH, nullable=False),
        pa.field("prev_hash", HASH, nullable=False),
        pa.field("time", pa.int64(), nullable=False),
        pa.field("mediantime", pa.int64(), nullable=False),
        pa.field("bits", pa.int64(), nullable=False),
        pa.field("size", pa.int32(), nullable=False),
        pa.field("tx_count", pa.int32(), nullable=False),
        pa.field("input_count", pa.int32(), nullable=False),
        pa.field("output_count", pa.int32(), nullable=False),
        pa.field("spent_sat", pa.int64(), nullable=False),
        pa.field("created_sat", pa.int64(), nullable=False),
        pa.field("coinbase_sat", pa.int64(), nullable=False),
        pa.field("overspending_txs", pa.int32(), nullable=False),
        pa.field("coinbase_script", pa.binary(), nullable=False),
    ]
)
TXS = pa.schema(
    [
        pa.field("txid", HASH, nullable=False),
        pa.field("input_count", pa.int32(), nullable=False),
        pa.field("output_count", pa.int32(), nullable=False),
    ]
)
INPUTS = pa.schema(
    [
        pa.field("value_sat", pa.int64(), nullable=False),
        pa.field("address_id", pa.uint64(), nullable=False),
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("spent_txid", pa.uint64(), nullable=False),
        pa.field("script", pa.binary()),
    ]
)
OUTPUTS = pa.schema(
    [
        pa.field("value_sat", pa.int64(), nullable=False),
        pa.field("address_id", pa.uint64(), nullable=False),
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("script", pa.binary(), nullable=False),
    ]
)
TABLES = {"blocks": BLOCKS, "txs": TXS, "inputs": INPUTS, "outputs": OUTPUTS}
