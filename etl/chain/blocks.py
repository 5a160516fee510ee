"""Serialised blocks to columns, in one pass.

Invariants, each checked for every block and reported with height and byte position:
- the block ends exactly where its last transaction ends;
- the first transaction is the coinbase and no other one is;
- every output value lies within 0 and 21 million bitcoin;
- the merkle root of the recomputed transaction ids is the header's.
Format: Bitcoin Core's primitives/transaction.h and block.h, with BIP 144's witness form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import uint64

from etl.chain.merkle import merkle_roots
from etl.chain.networks import MAX_MONEY_SAT
from etl.chain.varints import compact_size, little_endian
from etl.compiled import compiled, compiled_inner
from etl.compiled.arrays import Bytes, Ids, Ints
from etl.compiled.copying import copy_bytes
from etl.compiled.sha256 import sha256_padded, sha256_spans
from etl.compiled.sha256.parts import PADDING_ROOM, pad
from etl.errors import BlockDataError

HEADER_SIZE = 80
_SMALLEST_INPUT, _SMALLEST_OUTPUT = 41, 9
_SMALLEST_TX = 4 + 1 + _SMALLEST_INPUT + 1 + 4
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
    paid_sat: Ints
    """(t,) sum of a transaction's outputs"""
    value_sat: Ints
    """(o,)"""
    script: Bytes
    """output scripts, one after the other"""
    script_offset: Ints
    """(o + 1,) into script"""
    spent_txid: Ids
    """(i,) first eight bytes of the id of the transaction whose output is spent, as a little-endian number"""


class _Unfilled(NamedTuple):
    """Columns as in BlockColumns, as large as the blocks' bytes can need."""

    tx_count: Ints
    input_count: Ints
    output_count: Ints
    paid_sat: Ints
    value_sat: Ints
    script: Bytes
    script_offset: Ints
    coinbase_script: Bytes
    coinbase_offset: Ints
    spent_txid: Ids
    bare: Bytes
    """transactions without witnesses, padded to be hashed"""
    bare_start: Ints
    """(t + 1,) into bare"""


@compiled_inner
def _is_null_outpoint(data, p):  # type: ignore[no-untyped-def]
    for k in range(32):
        if data[p + k] != 0:
            return False
    return little_endian(data, p + 32, 4) == 0xFFFFFFFF


@compiled_inner
def _read_inputs(data, p, end, count, spent_txid, at):  # type: ignore[no-untyped-def]
    """Next position or -1; the ids of the transactions spent go to `spent_txid` from `at` on."""
    for k in range(count):
        if p + 41 > end:
            return -1
        spent_txid[at + k] = uint64(little_endian(data, p, 8))
        length, p = compact_size(data, p + 36, end)
        if p < 0:
            return -1
        p += length + 4
    return p if p <= end else -1


@compiled_inner
def _read_coinbase(data, p, end, script, at):  # type: ignore[no-untyped-def]
    """(next position or -1, end of the script that has been copied to `script` from `at` on)"""
    length, p = compact_size(data, p + 36, end)
    if p < 0 or p + length + 4 > end:
        return -1, at
    return p + length + 4, copy_bytes(data, p, length, script, at)


@compiled_inner
def _read_outputs(  # type: ignore[no-untyped-def]
    data, p, end, count, value_sat, script, script_offset, out, script_at
):
    """(next position or minus a reason, end of the scripts, satoshis)"""
    total = np.int64(0)
    for k in range(out, out + count):
        if p + 9 > end:
            return -_CUT_OFF, script_at, total
        value = little_endian(data, p, 8)
        if value < 0 or value > MAX_MONEY_SAT:
            return -_BAD_VALUE, script_at, total
        length, p = compact_size(data, p + 8, end)
        if p < 0 or p + length > end:
            return -_CUT_OFF, script_at, total
        value_sat[k] = value
        script_offset[k] = script_at
        script_at = copy_bytes(data, p, length, script, script_at)
        p += length
        total += value
    return p, script_at, total


@compiled_inner
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


@compiled_inner
def _read_bare(data, start, body, body_end, p, bare, at):  # type: ignore[no-untyped-def]
    """Copy a transaction without its witnesses and pad it: the version, `data[body:body_end]` and the lock
    time at `p`. Returns where it ends."""
    end = copy_bytes(data, start, 4, bare, at)
    end = copy_bytes(data, body, body_end - body, bare, end)
    return pad(bare, at, copy_bytes(data, p, 4, bare, end))


@compiled
def _read_blocks(data, offset, columns):  # type: ignore[no-untyped-def]
    """(reason, block, position) of the first fault; fills `columns`.

    Before anything is written it has been found in `data`, which is what bounds the arrays' sizes.
    """
    # Locals: to hand all columns on for each transaction would double the time.
    tx_count, input_count, output_count, bare, bare_start = (
        columns.tx_count, columns.input_count, columns.output_count, columns.bare, columns.bare_start,
    )  # fmt: skip
    paid_sat, value_sat, spent_txid = columns.paid_sat, columns.value_sat, columns.spent_txid
    script, script_offset = columns.script, columns.script_offset
    coinbase_script, coinbase_offset = columns.coinbase_script, columns.coinbase_offset
    tx = spent = out = bare_at = script_at = coinbase_at = 0
    for block in range(tx_count.size):
        end = offset[block + 1]
        count, p = compact_size(data, offset[block] + HEADER_SIZE, end)
        if p < 0 or count == 0:
            return _CUT_OFF, block, offset[block]
        tx_count[block] = count
        coinbase_offset[block] = coinbase_at
        for i in range(count):
            start = p
            if p + 10 > end:
                return _CUT_OFF, block, start
            has_witness = data[p + 4] == 0 and data[p + 5] == 1
            body = p + 6 if has_witness else p + 4
            inputs, p = compact_size(data, body, end)
            if p < 0 or inputs == 0 or p + 41 * inputs > end:
                return _CUT_OFF, block, start
            if i == 0:
                if not _is_null_outpoint(data, p) or inputs != 1:
                    return _NO_COINBASE, block, start
                p, coinbase_at = _read_coinbase(data, p, end, coinbase_script, coinbase_at)
                input_count[tx] = 0
            else:
                if _is_null_outpoint(data, p):
                    return _EXTRA_COINBASE, block, start
                p = _read_inputs(data, p, end, inputs, spent_txid, spent)
                input_count[tx] = inputs
                spent += inputs
            outputs, p = compact_size(data, p, end)
            if p < 0:
                return _CUT_OFF, block, start
            p, script_at, paid_sat[tx] = _read_outputs(
                data, p, end, outputs, value_sat, script, script_offset, out, script_at
            )
            if p < 0:
                return -p, block, start
            output_count[tx] = outputs
            out += outputs
            body_end = p
            if has_witness:
                p = _skip_witnesses(data, p, end, inputs)
            if p < 0 or p + 4 > end:
                return _CUT_OFF, block, start
            bare_start[tx] = bare_at
            bare_at = _read_bare(data, start, body, body_end, p, bare, bare_at)
            p += 4
            tx += 1
        if p != end:
            return _LEFT_OVER, block, p
    bare_start[tx] = bare_at
    script_offset[out] = script_at
    coinbase_offset[tx_count.size] = coinbase_at
    return _OK, 0, 0


def block_hashes(headers: Bytes) -> Bytes:
    """Hashes (n, 32) of the headers (n, 80), in internal byte order."""
    n = len(headers)
    flat = np.ascontiguousarray(headers).reshape(-1)
    start = np.arange(n, dtype=np.int64) * HEADER_SIZE
    return sha256_spans(flat, start, np.full(n, HEADER_SIZE, dtype=np.int64), double=True)


def _raise_fault(fault: tuple[int, int, int], offset: Ints, first_height: int, origin: str) -> None:
    reason, block, position = fault
    if reason:
        raise BlockDataError(
            f"{origin}: block at height {first_height + block}: {_REASONS[reason]} "
            f"(byte {position - offset[block]} of the block)",
            BlockDataError.REPAIR,
        )


def _check_merkle_roots(headers: Bytes, txid: Bytes, tx_count: Ints, first_height: int, origin: str) -> None:
    roots, mutated = merkle_roots(txid, tx_count)
    wrong = np.flatnonzero((roots != headers[:, 36:68]).any(axis=1) | mutated)
    if len(wrong):
        raise BlockDataError(
            f"{origin}: block at height {first_height + int(wrong[0])}: the merkle root of its "
            "transactions is not the one in its header: bytes of it have changed",
            BlockDataError.REPAIR,
        )


def _unfilled(blocks: int, size: int) -> _Unfilled:
    """Room for what so many blocks of `size` bytes together can hold."""
    most_txs, most_outputs = size // _SMALLEST_TX + 1, size // _SMALLEST_OUTPUT + 1
    return _Unfilled(
        tx_count=np.empty(blocks, np.int64),
        input_count=np.empty(most_txs, np.int64),
        output_count=np.empty(most_txs, np.int64),
        paid_sat=np.empty(most_txs, np.int64),
        value_sat=np.empty(most_outputs, np.int64),
        script=np.empty(size, np.uint8),
        script_offset=np.empty(most_outputs + 1, np.int64),
        coinbase_script=np.empty(size, np.uint8),
        coinbase_offset=np.empty(blocks + 1, np.int64),
        spent_txid=np.empty(size // _SMALLEST_INPUT + 1, np.uint64),
        bare=np.empty(size + most_txs * PADDING_ROOM, np.uint8),
        bare_start=np.empty(most_txs + 1, np.int64),
    )


def decode_blocks(data: Bytes, offset: Ints, first_height: int, origin: str) -> BlockColumns:
    """Columns of the blocks `data[offset[i] : offset[i + 1]]`, heights from `first_height` on.

    `origin` says in errors where the bytes came from. Raises BlockDataError.
    """
    n = len(offset) - 1
    if n and int(np.diff(offset).min()) <= HEADER_SIZE:
        raise BlockDataError(
            f"{origin}: a block after height {first_height - 1} is shorter than its header",
            BlockDataError.REPAIR,
        )
    columns = _unfilled(n, len(data))
    _raise_fault(_read_blocks(data, offset, columns), offset, first_height, origin)
    transactions = int(columns.tx_count.sum())
    input_count = columns.input_count[:transactions]
    output_count = columns.output_count[:transactions]
    outputs = int(output_count.sum())
    txid = sha256_padded(columns.bare, columns.bare_start[: transactions + 1], double=True)
    headers = data[offset[:-1, None] + np.arange(HEADER_SIZE)]
    _check_merkle_roots(headers, txid, columns.tx_count, first_height, origin)
    return BlockColumns(
        header=headers,
        block_hash=block_hashes(headers),
        tx_count=columns.tx_count,
        size=np.diff(offset),
        coinbase_script=columns.coinbase_script[: columns.coinbase_offset[-1]],
        coinbase_offset=columns.coinbase_offset,
        txid=txid,
        input_count=input_count,
        output_count=output_count,
        paid_sat=columns.paid_sat[:transactions],
        value_sat=columns.value_sat[:outputs],
        script=columns.script[: columns.script_offset[outputs]],
        script_offset=columns.script_offset[: outputs + 1],
        spent_txid=columns.spent_txid[: int(input_count.sum())],
    )
