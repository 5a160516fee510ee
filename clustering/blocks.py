"""A batch of blocks, and one block of it, as compiled code sees them; what is the same in every profile."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.registry import NOT_OWNABLE
from clustering.transfers import Scratch, make_scratch
from etl.chain.scripts import OP_RETURN
from etl.compiled import compiled, compiled_inner
from etl.compiled.sorting import sort

Ints = npt.NDArray[np.int64]

_NESTED_LOOP_LIMIT = 4096


class Batch(NamedTuple):
    """Consecutive blocks as columns; see etl.lake.columns for how they hang together."""

    height: Ints
    """(n,) per block, as are the next four"""
    day: Ints
    """days since 1970-01-01"""
    pool: Ints
    """index into CodeBook.pools"""
    credits_balance: npt.NDArray[np.bool_]
    """False for coinbases that were overwritten"""
    tx_count: Ints
    in_count: Ints
    """(t,) per transaction, as are the next two; 0 for a coinbase"""
    out_count: Ints
    rule: npt.NDArray[np.uint8]
    """CoinJoin rule number"""
    in_id: npt.NDArray[np.uint64]
    in_kind: npt.NDArray[np.uint8]
    in_sat: Ints
    out_id: npt.NDArray[np.uint64]
    out_kind: npt.NDArray[np.uint8]
    out_sat: Ints


class Block(NamedTuple):
    """One block: where its transactions, inputs and outputs stand in the batch."""

    height: int
    pool: int
    tx: int
    last_tx: int
    """one after the last, as are the next two ends"""
    i: int
    i_end: int
    o: int
    o_end: int
    coinbase_end: int
    """of the coinbase's outputs"""
    credited: int
    """the first output that credits a balance"""


class Work(NamedTuple):
    """What is found out of a batch on the way, by input, output and transaction."""

    in_index: Ints
    """index of the address or NOT_OWNABLE, as is the next"""
    out_index: Ints
    is_own: npt.NDArray[np.bool_]
    """whether an output pays one of its transaction's input addresses"""
    spent_sat: Ints
    """a transaction's inputs"""
    received_sat: Ints
    """its outputs to others"""
    in_code: npt.NDArray[np.unsignedinteger]
    """attributes in the profile at hand, as is the next"""
    out_code: npt.NDArray[np.unsignedinteger]
    scratch: Scratch


@compiled
def make_work(b, code):  # type: ignore[no-untyped-def]
    """Room for the batch `b`; `code` is any array of codes."""
    inputs, outputs, txs = b.in_id.size, b.out_id.size, b.in_count.size
    return Work(
        np.empty(inputs, np.int64),
        np.empty(outputs, np.int64),
        np.empty(outputs, np.bool_),
        np.empty(txs, np.int64),
        np.empty(txs, np.int64),
        np.empty(inputs, code.dtype),
        np.empty(outputs, code.dtype),
        make_scratch(b.in_count.max(), b.out_count.max()),
    )


@compiled_inner
def _total(counts, start, end):  # type: ignore[no-untyped-def]
    total = np.int64(0)
    for i in range(start, end):
        total += counts[i]
    return total


@compiled_inner
def block_at(b, number, tx, i, o):  # type: ignore[no-untyped-def]
    """The block of that number in the batch, whose transactions, inputs and outputs start there."""
    last_tx = tx + b.tx_count[number]
    coinbase_end = o + b.out_count[tx]
    return Block(
        b.height[number],
        b.pool[number],
        tx,
        last_tx,
        i,
        i + _total(b.in_count, tx, last_tx),
        o,
        o + _total(b.out_count, tx, last_tx),
        coinbase_end,
        o if b.credits_balance[number] else coinbase_end,
    )


@compiled_inner
def _contains(sorted_ids, size, wanted):  # type: ignore[no-untyped-def]
    low = 0
    high = size
    while low < high:
        middle = (low + high) >> 1
        if sorted_ids[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low < size and sorted_ids[low] == wanted


@compiled
def _mark_own_sorted(in_id, i, i_end, out_id, o, o_end, is_own):  # type: ignore[no-untyped-def]
    known = in_id[i:i_end].copy()
    sort(known, known.size)
    for p in range(o, o_end):
        is_own[p] = _contains(known, known.size, out_id[p])


@compiled_inner
def _mark_own_nested(in_id, i, i_end, out_id, o, o_end, is_own):  # type: ignore[no-untyped-def]
    for p in range(o, o_end):
        own = False
        for q in range(i, i_end):
            if in_id[q] == out_id[p]:
                own = True
                break
        is_own[p] = own


@compiled_inner
def _received(out_sat, out_kind, o, o_end, is_own):  # type: ignore[no-untyped-def]
    """(satoshis to others, outputs to others with value, their satoshis), the last two without OP_RETURN."""
    received = np.int64(0)
    count = np.int64(0)
    value = np.int64(0)
    for p in range(o, o_end):
        if is_own[p] or out_sat[p] == 0:
            continue
        received += out_sat[p]
        if out_kind[p] != OP_RETURN:
            count += 1
            value += out_sat[p]
    return received, count, value


@compiled
def see_transactions(b, block, work, counted):  # type: ignore[no-untyped-def]
    """Fill `is_own`, `spent_sat` and `received_sat` of a block's transactions.

    Adds to `counted` (2,) the outputs to others and their satoshis, whoever they are (Coin Metrics' TxTfr
    metrics: of no coinbase, with value, no OP_RETURN, to none of the transaction's input addresses).
    """
    in_count, out_count, in_id, out_id = b.in_count, b.out_count, b.in_id, b.out_id
    in_sat, out_sat, out_kind = b.in_sat, b.out_sat, b.out_kind
    is_own, spent_sat, received_sat = work.is_own, work.spent_sat, work.received_sat
    i, o = block.i, block.o
    for t in range(block.tx, block.last_tx):
        i_end = i + in_count[t]
        o_end = o + out_count[t]
        if (i_end - i) * (o_end - o) <= _NESTED_LOOP_LIMIT:
            _mark_own_nested(in_id, i, i_end, out_id, o, o_end, is_own)
        else:
            _mark_own_sorted(in_id, i, i_end, out_id, o, o_end, is_own)
        spent_sat[t] = _total(in_sat, i, i_end)
        received, count, value = _received(out_sat, out_kind, o, o_end, is_own)
        received_sat[t] = received
        if i_end > i:
            counted[0] += count
            counted[1] += value
        i = i_end
        o = o_end


@compiled_inner
def move_balances(b, block, work, records):  # type: ignore[no-untyped-def]
    """What a block spends leaves its addresses, what it pays reaches them."""
    for i in range(block.i, block.i_end):
        if work.in_index[i] != NOT_OWNABLE:
            records[work.in_index[i]].balance_sat -= b.in_sat[i]
    for o in range(block.credited, block.o_end):
        if work.out_index[o] != NOT_OWNABLE:
            records[work.out_index[o]].balance_sat += b.out_sat[o]
