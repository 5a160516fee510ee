"""The outputs that blocks spend, from Core's undo data or from REST's spenttxouts, to columns.

Invariants, each checked for every block: one group per transaction (undo data leaves out the
coinbase, spenttxouts gives it an empty one), one entry per input, no byte left over, amounts within
0 and 21 million bitcoin. P2PK keys, which undo data holds as x and parity, come back in full.
Formats: Bitcoin Core's undo.h and compressor.cpp (release 31); rest.cpp's /rest/spenttxouts (release 30).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from etl.chain.networks import MAX_MONEY_SAT
from etl.chain.secp256k1 import y_coordinate
from etl.chain.varints import compact_size, decompress_amount, little_endian, varint
from etl.compiled import compiled, compiled_inner
from etl.compiled.arrays import Bytes, Ints
from etl.compiled.copying import copy_bytes
from etl.errors import BlockDataError

SpentFormat = Literal["undo", "txouts"]

_OK, _CUT_OFF, _TRANSACTIONS, _INPUTS, _BAD_VALUE, _LEFT_OVER, _BAD_KEY = range(7)
_REASONS = (
    "",
    "the bytes end too early, or a length is impossible",
    "the number of transactions is not the block's",
    "a transaction spends another number of outputs than it has inputs",
    "an amount is negative or above 21 million bitcoin",
    "bytes are left over",
    "a public key is no point of the curve",
)
_RAW_SCRIPT_CODE = 6
_SCRIPT_GROWTH = 2
"""No script is more than so many times as long as what stands for it: at most 67 bytes for 35."""


@dataclass(frozen=True)
class SpentColumns:
    """`i` outputs spent by `t` transactions, in the order of the inputs that spend them."""

    taken_sat: Ints
    """(t,) sum of what a transaction spends"""
    value_sat: Ints
    """(i,)"""
    script: Bytes
    """scripts, one after the other"""
    script_offset: Ints
    """(i + 1,) into script"""


@compiled_inner
def _script_size(code):  # type: ignore[no-untyped-def]
    """Bytes of the script that a compressed script stands for."""
    if code == 0:
        return 25
    if code == 1:
        return 23
    if code < 4:
        return 35
    return 67 if code < _RAW_SCRIPT_CODE else code - _RAW_SCRIPT_CODE


@compiled_inner
def _stored_size(code):  # type: ignore[no-untyped-def]
    """Bytes that follow the code of a compressed script."""
    if code < 2:
        return 20
    return 32 if code < _RAW_SCRIPT_CODE else code - _RAW_SCRIPT_CODE


@compiled_inner
def _undo_entry(data, p, end):  # type: ignore[no-untyped-def]
    """(value, script code, position of the stored script or -1)"""
    code, p = varint(data, p, end)
    if p >= 0 and code > 1:
        _, p = varint(data, p, end)
    amount, p = varint(data, p, end)
    script_code, p = varint(data, p, end)
    if p < 0 or p + _stored_size(script_code) > end:
        return 0, 0, -1
    return decompress_amount(amount), script_code, p


@compiled_inner
def _txout_entry(data, p, end):  # type: ignore[no-untyped-def]
    """(value, script code, position of the script or -1)"""
    if p + 9 > end:
        return 0, 0, -1
    value = little_endian(data, p, 8)
    length, p = compact_size(data, p + 8, end)
    if p < 0 or p + length > end:
        return 0, 0, -1
    return value, length + _RAW_SCRIPT_CODE, p


@compiled_inner
def _write_script(data, p, code, script, at):  # type: ignore[no-untyped-def]
    """Write the script at `at`; an uncompressed key gets its y later (see _complete_keys)."""
    if code == 0:
        script[at], script[at + 1], script[at + 2] = 0x76, 0xA9, 20
        script[at + 23], script[at + 24] = 0x88, 0xAC
        copy_bytes(data, p, 20, script, at + 3)
    elif code == 1:
        script[at], script[at + 1], script[at + 22] = 0xA9, 20, 0x87
        copy_bytes(data, p, 20, script, at + 2)
    elif code < 4:
        script[at], script[at + 1], script[at + 34] = 33, code, 0xAC
        copy_bytes(data, p, 32, script, at + 2)
    elif code < _RAW_SCRIPT_CODE:
        script[at], script[at + 1], script[at + 66] = 65, 4, 0xAC
        copy_bytes(data, p, 32, script, at + 2)
    else:
        copy_bytes(data, p, code - _RAW_SCRIPT_CODE, script, at)
    return at + _script_size(code)


@compiled
def _read_spent(  # type: ignore[no-untyped-def]
    data, offset, is_undo, tx_count, input_count, taken_sat, value_sat, script, script_offset,
    halved,
):  # fmt: skip
    """(reason, block, keys that lack their y: `halved` holds their index * 2 + parity)

    Before a script is written it has been found in `data`, which is what bounds the size of `script`.
    """
    at = i = tx = keys = 0
    for block in range(tx_count.size):
        p = offset[block]
        end = offset[block + 1]
        first_tx = tx
        tx += tx_count[block]
        if is_undo and p == end and tx - first_tx == 1:
            continue  # the genesis block, for which no undo data is written
        groups, p = compact_size(data, p, end)
        if p < 0:
            return _CUT_OFF, block, keys
        if is_undo:
            first_tx += 1
        if groups != tx - first_tx:
            return _TRANSACTIONS, block, keys
        for t in range(first_tx, tx):
            entries, p = compact_size(data, p, end)
            if p < 0:
                return _CUT_OFF, block, keys
            if entries != input_count[t]:
                return _INPUTS, block, keys
            for _ in range(entries):
                value, code, p = _undo_entry(data, p, end) if is_undo else _txout_entry(data, p, end)
                if p < 0:
                    return _CUT_OFF, block, keys
                if value < 0 or value > MAX_MONEY_SAT:
                    return _BAD_VALUE, block, keys
                taken_sat[t] += value
                value_sat[i] = value
                script_offset[i] = at
                at = _write_script(data, p, code, script, at)
                if code == 4 or code == 5:
                    halved[keys] = i * 2 + (code & 1)
                    keys += 1
                p += _stored_size(code)
                i += 1
        if p != end:
            return _LEFT_OVER, block, keys
    script_offset[i] = at
    return _OK, 0, keys


@compiled
def is_block_undo(data):  # type: ignore[no-untyped-def]
    """Whether bytes are, from the first to the last one, undo data of some block."""
    groups, p = compact_size(data, 0, data.size)
    for _ in range(groups):
        entries, p = compact_size(data, p, data.size)
        for _ in range(entries):
            if p < 0:
                return False
            _, code, p = _undo_entry(data, p, data.size)
            if p >= 0:
                p += _stored_size(code)
        if p < 0:
            return False
    return p == data.size


def _complete_keys(script: Bytes, script_offset: Ints, halved: Ints) -> int:
    """Write the y coordinates that undo data leaves out; returns the first row whose key has none, or -1."""
    for entry in halved.tolist():
        at = int(script_offset[entry >> 1])
        y = y_coordinate(script[at + 2 : at + 34].tobytes(), bool(entry & 1))
        if y is None:
            return int(entry >> 1)
        script[at + 34 : at + 66] = np.frombuffer(y, dtype=np.uint8)
    return -1


def _block_of_row(row: int, tx_count: Ints, input_count: Ints) -> int:
    """Which of the blocks the spent output `row` belongs to."""
    inputs_so_far = np.cumsum(input_count)[np.cumsum(tx_count) - 1]
    return int(np.searchsorted(inputs_so_far, row, side="right"))


def decode_spent(
    data: Bytes,
    offset: Ints,
    spent_format: SpentFormat,
    tx_count: Ints,
    input_count: Ints,
    first_height: int,
    origin: str,
) -> SpentColumns:
    """Columns of the spent outputs `data[offset[b] : offset[b + 1]]` of consecutive blocks.

    `tx_count` (n,) and `input_count` (t,) are the blocks' own (see BlockColumns); `origin` says in
    errors where the bytes came from. Raises BlockDataError.
    """
    inputs = int(input_count.sum())
    taken_sat = np.zeros(len(input_count), dtype=np.int64)
    value_sat = np.empty(inputs, dtype=np.int64)
    script = np.empty(_SCRIPT_GROWTH * len(data), dtype=np.uint8)
    script_offset = np.empty(inputs + 1, dtype=np.int64)
    halved = np.empty(inputs, dtype=np.int64)
    reason, block, keys = _read_spent(
        data, offset, spent_format == "undo", tx_count, input_count, taken_sat, value_sat, script,
        script_offset, halved,
    )  # fmt: skip
    if not reason:
        keyless = _complete_keys(script, script_offset, halved[:keys])
        if keyless >= 0:
            reason, block = _BAD_KEY, _block_of_row(keyless, tx_count, input_count)
    if reason:
        raise BlockDataError(
            f"{origin}: spent outputs of the block at height {first_height + block}: {_REASONS[reason]}",
            BlockDataError.REPAIR,
        )
    return SpentColumns(taken_sat, value_sat, script[: script_offset[-1]], script_offset)
