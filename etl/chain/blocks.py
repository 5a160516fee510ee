"""Serialised blocks to columns: one pass that counts, one that fills arrays of the exact size.

Invariants, each checked for every block and reported with height and byte position:
- the block ends exactly where its last transaction ends;
- the first transaction is the coinbase and no other one is;
- every output value lies within 0 and 21 million bitcoin;
- the merkle root of the recomputed transaction ids is the header's.
Format: Bitcoin Core's primitives/transaction.h and block.h, with BIP 144's witness form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import uint64

from etl.chain.merkle import merkle_roots
from etl.chain.networks import MAX_MONEY_SAT
from etl.chain.sha256 import sha256_padded, sha256_spans
from etl.chain.sha256_parts import PADDING_ROOM, pad
from etl.chain.varints import compact_size, little_endian
from etl.errors import BlockDataError
from etl.jit import compiled, compiled_inner

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

HEADER_SIZE = 80
_OK, _CUT_OFF, _NO_COINBASE, _EXTRA_COINBASE, _BAD_VALUE, _LEFT_OVER = range(6)
_REASONS = (
    "",
    "the bytes end inside a transaction, or a length in it is impossible",
    "the first transaction is no coinbase",
    "a transaction after the first spends nothing, as only a coinbase may",
    "an output value is negative or above 21 million bitcoin",
    "bytes are left over after the last transaction",
)


@dataclass(frozen=True)
class BlockColumns:
    """`n` consecutive blocks of `t` transactions, `i` inputs without the coinbases' and `o` outputs, all
    hashes in internal byte order."""

    header: Bytes
    """(n, 80)"""
    block_hash: Bytes
    """(n, 32)"""
    tx_count: Ints
    """(n,) with the coinbase"""
    size: Ints
    """(n,) bytes as serialised"""
    coinbase_script: Bytes
    """scriptSigs of the coinbases, one after the other"""
    coinbase_offset: Ints
    """(n + 1,) into coinbase_script"""
    txid: Bytes
    """(t, 32)"""
    input_count: Ints
    """(t,) 0 for a coinbase"""
    output_count: Ints
    """(t,)"""
    value_sat: Ints
    """(o,)"""
    script: Bytes
    """output scripts, one after the other"""
    script_offset: Ints
    """(o + 1,) into script"""
    spent_txid: npt.NDArray[np.uint64]
    """(i,) first eight bytes of the id of the transaction whose output is spent, as a little-endian number"""


@compiled
def _is_null_outpoint(data, p):  # type: ignore[no-untyped-def]
    for k in range(32):
        if data[p + k] != 0:
            return False
    return little_endian(data, p + 32, 4) == 0xFFFFFFFF


@compiled
def _skip_inputs(data, p, end, count):  # type: ignore[no-untyped-def]
    for _ in range(count):
        length, p = compact_size(data, p + 36, end)
        if p < 0:
            return -1
        p += length + 4
        if p > end:
            return -1
    return p


@compiled
def _skip_witnesses(data, p, end, count):  # type: ignore[no-untyped-def]
    for _ in range(count):
        items, p = compact_size(data, p, end)
        if p < 0:
            return -1
        for _ in range(items):
            length, p = compact_size(data, p, end)
            if p < 0 or p + length > end:
                return -1
            p += length
    return p


@compiled
def _measure_outputs(data, p, end, count):  # type: ignore[no-untyped-def]
    """(script bytes, next position or minus a reason)"""
    script_bytes = 0
    for _ in range(count):
        if p + 9 > end:
            return 0, -_CUT_OFF
        value = little_endian(data, p, 8)
        if value < 0 or value > MAX_MONEY_SAT:
            return 0, -_BAD_VALUE
        length, p = compact_size(data, p + 8, end)
        if p < 0 or p + length > end:
            return 0, -_CUT_OFF
        script_bytes += length
        p += length
    return script_bytes, p


@compiled
def _measure_transaction(data, p, end, is_first, sums):  # type: ignore[no-untyped-def]
    """Next position or minus a reason; adds to `sums` what a transaction holds."""
    start = p
    if p + 10 > end:
        return -_CUT_OFF
    has_witness = data[p + 4] == 0 and data[p + 5] == 1
    p += 6 if has_witness else 4
    inputs, p = compact_size(data, p, end)
    if p < 0 or inputs == 0 or p + 41 * inputs > end:
        return -_CUT_OFF
    if _is_null_outpoint(data, p) != is_first:
        return -_NO_COINBASE if is_first else -_EXTRA_COINBASE
    if is_first and inputs != 1:
        return -_NO_COINBASE
    inputs_start = p
    p = _skip_inputs(data, p, end, inputs)
    if p < 0:
        return -_CUT_OFF
    if is_first:
        sums[3] += compact_size(data, inputs_start + 36, end)[0]
    outputs, p = compact_size(data, p, end)
    if p < 0:
        return -_CUT_OFF
    script_bytes, p = _measure_outputs(data, p, end, outputs)
    if p < 0:
        return p
    outputs_end = p
    if has_witness:
        p = _skip_witnesses(data, p, end, inputs)
        if p < 0:
            return -_CUT_OFF
    if p + 4 > end:
        return -_CUT_OFF
    sums[0] += outputs
    sums[1] += script_bytes
    sums[2] += outputs_end - start + 4 - (2 if has_witness else 0)
    sums[4] += 0 if is_first else inputs
    return p + 4


@compiled
def _measure(data, offset, tx_count, sums):  # type: ignore[no-untyped-def]
    """(reason, block, position) of the first fault; fills tx_count and sums.

    sums: outputs, output script bytes, bytes without witnesses, coinbase script bytes, inputs of others.
    """
    for block in range(tx_count.size):
        end = offset[block + 1]
        p = offset[block] + HEADER_SIZE
        count, p = compact_size(data, p, end)
        if p < 0 or count == 0:
            return _CUT_OFF, block, offset[block]
        tx_count[block] = count
        for i in range(count):
            at = p
            p = _measure_transaction(data, p, end, i == 0, sums)
            if p < 0:
                return -p, block, at
        if p != end:
            return _LEFT_OVER, block, p
    return _OK, 0, 0


@compiled_inner
def _copy(source, start, length, target, at):  # type: ignore[no-untyped-def]
    # Unsigned indices: no check for negative ones, so that the loop becomes a block copy.
    p = uint64(start)
    q = uint64(at)
    for k in range(uint64(length)):
        target[q + k] = source[p + k]
    return at + length


@compiled
def _fill(  # type: ignore[no-untyped-def]
    data, offset, tx_count, bare, bare_start, input_count, output_count, value_sat, script,
    script_offset, coinbase_script, coinbase_offset, spent_txid,
):  # fmt: skip
    tx = 0
    spent = 0
    out = 0
    bare_at = 0
    script_at = 0
    coinbase_at = 0
    for block in range(tx_count.size):
        end = offset[block + 1]
        _, p = compact_size(data, offset[block] + HEADER_SIZE, end)
        for i in range(tx_count[block]):
            bare_start[tx] = bare_at
            has_witness = data[p + 4] == 0 and data[p + 5] == 1
            bare_at = _copy(data, p, 4, bare, bare_at)
            p += 6 if has_witness else 4
            body = p
            inputs, p = compact_size(data, p, end)
            if i == 0:
                coinbase_offset[block] = coinbase_at
                length, at = compact_size(data, p + 36, end)
                coinbase_at = _copy(data, at, length, coinbase_script, coinbase_at)
                p = _skip_inputs(data, p, end, inputs)
            else:
                for _ in range(inputs):
                    spent_txid[spent] = uint64(little_endian(data, p, 8))
                    length, p = compact_size(data, p + 36, end)
                    p += length + 4
                    spent += 1
            outputs, p = compact_size(data, p, end)
            for _ in range(outputs):
                value_sat[out] = little_endian(data, p, 8)
                length, p = compact_size(data, p + 8, end)
                script_offset[out] = script_at
                script_at = _copy(data, p, length, script, script_at)
                p += length
                out += 1
            bare_at = _copy(data, body, p - body, bare, bare_at)
            if has_witness:
                p = _skip_witnesses(data, p, end, inputs)
            bare_at = pad(bare, bare_start[tx], _copy(data, p, 4, bare, bare_at))
            p += 4
            input_count[tx] = 0 if i == 0 else inputs
            output_count[tx] = outputs
            tx += 1
    bare_start[tx] = bare_at
    script_offset[out] = script_at
    coinbase_offset[tx_count.size] = coinbase_at


def block_hashes(headers: Bytes) -> Bytes:
    """Hashes (n, 32) of the headers (n, 80), in internal byte order."""
    n = len(headers)
    flat = np.ascontiguousarray(headers).reshape(-1)
    start = np.arange(n, dtype=np.int64) * HEADER_SIZE
    return sha256_spans(flat, start, np.full(n, HEADER_SIZE, dtype=np.int64), double=True)


def _measured(data: Bytes, offset: Ints, first_height: int, origin: str) -> tuple[Ints, Ints]:
    n = len(offset) - 1
    tx_count = np.zeros(n, dtype=np.int64)
    sums = np.zeros(5, dtype=np.int64)
    if n and int(np.diff(offset).min()) <= HEADER_SIZE:
        raise BlockDataError(
            f"{origin}: a block after height {first_height - 1} is shorter than its header",
            "check the disk, then let the node rebuild its block files (-reindex)",
        )
    reason, block, position = _measure(data, offset, tx_count, sums)
    if reason:
        raise BlockDataError(
            f"{origin}: block at height {first_height + block}: {_REASONS[reason]} "
            f"(byte {position - offset[block]} of the block)",
            "check the disk, then let the node rebuild its block files (-reindex)",
        )
    return tx_count, sums


def _check_merkle_roots(headers: Bytes, txid: Bytes, tx_count: Ints, first_height: int, origin: str) -> None:
    roots, mutated = merkle_roots(txid, tx_count)
    wrong = np.flatnonzero((roots != headers[:, 36:68]).any(axis=1) | mutated)
    if len(wrong):
        raise BlockDataError(
            f"{origin}: block at height {first_height + int(wrong[0])}: the merkle root of its "
            "transactions is not the one in its header: bytes of it have changed",
            "check the disk, then let the node rebuild its block files (-reindex)",
        )


def decode_blocks(data: Bytes, offset: Ints, first_height: int, origin: str) -> BlockColumns:
    """Columns of the blocks `data[offset[i] : offset[i + 1]]`, heights from `first_height` on.

    `origin` says in errors where the bytes came from. Raises BlockDataError.
    """
    n = len(offset) - 1
    tx_count, sums = _measured(data, offset, first_height, origin)
    outputs, script_bytes, bare_bytes, coinbase_bytes, inputs = (int(x) for x in sums)
    transactions = int(tx_count.sum())
    bare = np.empty(bare_bytes + transactions * PADDING_ROOM, dtype=np.uint8)
    bare_start = np.empty(transactions + 1, dtype=np.int64)
    columns: dict[str, npt.NDArray[Any]] = {
        "input_count": np.empty(transactions, dtype=np.int64),
        "output_count": np.empty(transactions, dtype=np.int64),
        "value_sat": np.empty(outputs, dtype=np.int64),
        "script": np.empty(script_bytes, dtype=np.uint8),
        "script_offset": np.empty(outputs + 1, dtype=np.int64),
        "coinbase_script": np.empty(coinbase_bytes, dtype=np.uint8),
        "coinbase_offset": np.empty(n + 1, dtype=np.int64),
        "spent_txid": np.empty(inputs, dtype=np.uint64),
    }
    _fill(data, offset, tx_count, bare, bare_start, *columns.values())
    txid = sha256_padded(bare, bare_start, double=True)
    headers = data[offset[:-1, None] + np.arange(HEADER_SIZE)]
    _check_merkle_roots(headers, txid, tx_count, first_height, origin)
    return BlockColumns(
        header=headers,
        block_hash=block_hashes(headers),
        tx_count=tx_count,
        size=np.diff(offset),
        txid=txid,
        **columns,
    )
