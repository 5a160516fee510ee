"""The tracker's loop over blocks: attributes, then transfers, then balances, for both profiles at once.

Invariant: results depend on the blocks alone, not on how they are cut into batches, save that sums of
quiet traffic come out per batch and day.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from clustering.hops import add_balance, credit, first_sights, join_inputs, pay_hop_one, settle
from clustering.owners import grown, resolve
from clustering.registry import NOT_OWNABLE
from clustering.transfers import make_scratch, mark_own, transfer

Ints = npt.NDArray[np.int64]

COINMETRICS, ENTITY = 0, 1
"""Numbers of the profiles in rows of quiet traffic."""


class Batch(NamedTuple):
    """Consecutive blocks as columns; see etl.chain.schema for how they hang together."""

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


class Rows(NamedTuple):
    """What a batch yields, as rows of integers."""

    cm_facts: Ints
    """(height, position in block, tx in batch, source code or NO_SOURCE, destination code, satoshis)"""
    en_facts: Ints
    cm_changes: Ints
    """(height, index, code)"""
    en_changes: Ints
    conflicts: Ints
    """(height, tx in batch, index a, index b) in the entity profile"""
    quiet: Ints
    """(profile, first height, day, source exchange, destination exchange, satoshis, transactions)"""
    supply: Ints
    """(n, 4): coinmetrics hop 0, hop 0 and 1, entity hop 0, hop 0 and 1"""


@njit(cache=True)
def _flush_quiet(profile, first_height, day, quiet, rows, used):  # type: ignore[no-untyped-def]
    for row in range(quiet.value_sat.shape[0]):
        for column in range(quiet.value_sat.shape[1]):
            if quiet.tx_count[row, column] == 0:
                continue
            rows = grown(rows, used)
            rows[used, 0] = profile
            rows[used, 1] = first_height
            rows[used, 2] = day
            rows[used, 3] = row
            rows[used, 4] = column
            rows[used, 5] = quiet.value_sat[row, column]
            rows[used, 6] = quiet.tx_count[row, column]
            used += 1
            quiet.value_sat[row, column] = 0
            quiet.tx_count[row, column] = 0
    return rows, used


@njit(cache=True)
def _move_balances(index, value_sat, sign, a, radix, cm_supply, en_supply):  # type: ignore[no-untyped-def]
    for i in range(index.size):
        at = index[i]
        if at == NOT_OWNABLE:
            continue
        amount = sign * value_sat[i]
        a.balance_sat[at] += amount
        add_balance(cm_supply, amount, a.cm_code[at], radix)
        add_balance(en_supply, amount, a.en_code[at], radix)


@njit(cache=True)
def _longest(counts):  # type: ignore[no-untyped-def]
    longest = 0
    for i in range(counts.size):
        longest = max(longest, counts[i])
    return longest


@njit(cache=True)
def track_batch(b, a, miners, label, radix, cm_quiet, en_quiet, cm_supply, en_supply):  # type: ignore[no-untyped-def]
    """Track the blocks of a batch; returns the fields of Rows."""
    cm_facts = np.empty((1024, 6), np.int64)
    en_facts = np.empty((1024, 6), np.int64)
    cm_rows = np.empty((1024, 3), np.int64)
    en_rows = np.empty((1024, 3), np.int64)
    conflicts = np.empty((64, 4), np.int64)
    quiet_rows = np.empty((256, 7), np.int64)
    supply = np.empty((b.height.size, 4), np.int64)
    cm = np.empty((1024, 2), np.int64)
    en = np.empty((1024, 2), np.int64)
    cm_n = en_n = cm_rows_n = en_rows_n = conflicts_n = quiet_n = 0
    scratch = make_scratch(_longest(b.in_count), _longest(b.out_count))
    in_index = np.empty(b.in_id.size, np.int64)
    out_index = np.empty(b.out_id.size, np.int64)
    tx = i = o = 0
    day_start = b.height[0]
    for block in range(b.height.size):
        height = b.height[block]
        if block > 0 and b.day[block] != b.day[block - 1]:
            day = b.day[block - 1]
            quiet_rows, quiet_n = _flush_quiet(
                COINMETRICS, day_start, day, cm_quiet, quiet_rows, quiet_n
            )
            quiet_rows, quiet_n = _flush_quiet(ENTITY, day_start, day, en_quiet, quiet_rows, quiet_n)
            day_start = height
        last_tx = tx + b.tx_count[block]
        i_end = i + b.in_count[tx:last_tx].sum()
        o_end = o + b.out_count[tx:last_tx].sum()
        block_in = in_index[i:i_end]
        block_out = out_index[o:o_end]
        resolve(b.in_id[i:i_end], b.in_kind[i:i_end], a, block_in)
        resolve(b.out_id[o:o_end], b.out_kind[o:o_end], a, block_out)
        cm_used = en_used = 0
        cm, cm_used, en, en_used = first_sights(block_in, a, label, radix, cm, cm_used, en, en_used)
        cm, cm_used, en, en_used = first_sights(
            block_out, a, label, radix, cm, cm_used, en, en_used
        )
        coinbase_end = o + b.out_count[tx]
        cm, cm_used, en, en_used = credit(
            out_index[o:coinbase_end], b.out_sat[o:coinbase_end], b.pool[block], height, a, miners,
            radix, cm, cm_used, en, en_used,
        )  # fmt: skip
        p = i
        for t in range(tx, last_tx):
            q = p + b.in_count[t]
            if q - p > 1 and b.rule[t] == 0:
                en, en_used, conflicts, conflicts_n = join_inputs(
                    in_index[p:q], t, height, a, miners, radix, en, en_used, conflicts, conflicts_n
                )
            p = q
        p = i
        r = o
        for t in range(tx, last_tx):
            q = p + b.in_count[t]
            s = r + b.out_count[t]
            if q > p:
                cm, cm_used, en, en_used = pay_hop_one(
                    in_index[p:q], out_index[r:s], b.out_sat[r:s], b.rule[t] != 0, a, radix,
                    cm, cm_used, en, en_used,
                )  # fmt: skip
            p = q
            r = s
        cm_rows, cm_rows_n = settle(
            cm, cm_used, a.cm_code, a, height, radix, cm_supply, cm_rows, cm_rows_n
        )
        en_rows, en_rows_n = settle(
            en, en_used, a.en_code, a, height, radix, en_supply, en_rows, en_rows_n
        )
        first_tx = tx
        p = i
        r = o
        for t in range(tx, last_tx):
            q = p + b.in_count[t]
            s = r + b.out_count[t]
            mark_own(b.in_id[p:q], b.out_id[r:s], scratch.is_own)
            cm_facts, cm_n = transfer(
                in_index[p:q], b.in_sat[p:q], out_index[r:s], b.out_sat[r:s], a.cm_code,
                a.en_parent, False, radix, scratch, cm_quiet, height, t, t - first_tx, cm_facts, cm_n,
            )  # fmt: skip
            en_facts, en_n = transfer(
                in_index[p:q], b.in_sat[p:q], out_index[r:s], b.out_sat[r:s], a.en_code,
                a.en_parent, True, radix, scratch, en_quiet, height, t, t - first_tx, en_facts, en_n,
            )  # fmt: skip
            p = q
            r = s
        _move_balances(block_in, b.in_sat[i:i_end], -1, a, radix, cm_supply, en_supply)
        credited = o if b.credits_balance[block] else coinbase_end
        _move_balances(
            out_index[credited:o_end], b.out_sat[credited:o_end], 1, a, radix, cm_supply, en_supply
        )
        supply[block, 0] = cm_supply[0]
        supply[block, 1] = cm_supply[1]
        supply[block, 2] = en_supply[0]
        supply[block, 3] = en_supply[1]
        tx = last_tx
        i = i_end
        o = o_end
    day = b.day[b.height.size - 1]
    quiet_rows, quiet_n = _flush_quiet(COINMETRICS, day_start, day, cm_quiet, quiet_rows, quiet_n)
    quiet_rows, quiet_n = _flush_quiet(ENTITY, day_start, day, en_quiet, quiet_rows, quiet_n)
    return (
        cm_facts[:cm_n], en_facts[:en_n], cm_rows[:cm_rows_n], en_rows[:en_rows_n],
        conflicts[:conflicts_n], quiet_rows[:quiet_n], supply,
    )  # fmt: skip
