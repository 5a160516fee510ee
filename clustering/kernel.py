"""The tracker's loop over blocks: attributes, then transfers, then balances, for both profiles at once.

Invariant: results depend on the blocks alone, not on how they are cut into batches, save that sums of
quiet traffic come out per batch and day.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.activity import gather
from clustering.exchangeflows import flush_flows
from clustering.holdings import add_balance, note_holdings
from clustering.hops import credit, first_sights, join_inputs, pay_hop_one, settle
from clustering.owners import with_room
from clustering.registry import NOT_OWNABLE
from clustering.transfers import make_scratch, transfer_block
from etl.compiled import compiled, compiled_inner

Ints = npt.NDArray[np.int64]

COINMETRICS, ENTITY = 0, 1
"""Numbers of the profiles in rows of quiet traffic."""


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
    exchange_flows: Ints
    """see exchangeflows.flush_flows"""
    holdings: Ints
    """see holdings.note_holdings; after the last block of each day, and of the batch"""
    active: npt.NDArray[np.uint32]
    """indices of addresses in inputs and outputs, genesis left out"""
    active_end: Ints
    """(n,) where each block's part of `active` ends"""
    transfers: Ints
    """(n, 2): how many transfers each block has in Coin Metrics' sense, and their satoshis"""


@compiled
def _flush_quiet(profile, first_height, day, quiet, rows, used):  # type: ignore[no-untyped-def]
    value_sat = quiet.value_sat
    tx_count = quiet.tx_count
    for row in range(value_sat.shape[0]):
        for column in range(value_sat.shape[1]):
            if tx_count[row, column] == 0:
                continue
            rows = with_room(rows, used, 1)
            rows[used, 0] = profile
            rows[used, 1] = first_height
            rows[used, 2] = day
            rows[used, 3] = row
            rows[used, 4] = column
            rows[used, 5] = value_sat[row, column]
            rows[used, 6] = tx_count[row, column]
            used += 1
            value_sat[row, column] = 0
            tx_count[row, column] = 0
    return rows, used


@compiled
def _end_run(  # type: ignore[no-untyped-def]
    first_height, last_height, day, layout, cm_quiet, en_quiet, cm_netted, en_netted, cm_supply, en_supply,
    quiet_rows, quiet_n, flow_rows, flow_n, held_rows, held_n,
):  # fmt: skip
    """Sums of the blocks of a batch that belong to one day, for both profiles, to rows."""
    quiet_rows, quiet_n = _flush_quiet(COINMETRICS, first_height, day, cm_quiet, quiet_rows, quiet_n)
    quiet_rows, quiet_n = _flush_quiet(ENTITY, first_height, day, en_quiet, quiet_rows, quiet_n)
    flow_rows, flow_n = flush_flows(COINMETRICS, first_height, day, cm_netted, flow_rows, flow_n)
    flow_rows, flow_n = flush_flows(ENTITY, first_height, day, en_netted, flow_rows, flow_n)
    held_rows, held_n = note_holdings(COINMETRICS, last_height, cm_supply, layout, held_rows, held_n)
    held_rows, held_n = note_holdings(ENTITY, last_height, en_supply, layout, held_rows, held_n)
    return quiet_rows, quiet_n, flow_rows, flow_n, held_rows, held_n


@compiled_inner
def _read_codes(  # type: ignore[no-untyped-def]
    index, value_sat, start, end, credited, sign, records, layout, cm_code, en_code, cm_supply,
    en_supply,
):  # fmt: skip
    """Codes of the inputs or outputs [start, end); those from `credited` on move balances."""
    for i in range(start, end):
        at = index[i]
        if at == NOT_OWNABLE:
            cm_code[i] = 0
            en_code[i] = 0
            continue
        cm_code[i] = records[at].cm_code
        en_code[i] = records[at].en_code
        if i >= credited:
            amount = sign * value_sat[i]
            records[at].balance_sat += amount
            add_balance(cm_supply, amount, cm_code[i], layout)
            add_balance(en_supply, amount, en_code[i], layout)


@compiled_inner
def _total(counts, start, end):  # type: ignore[no-untyped-def]
    total = np.int64(0)
    for i in range(start, end):
        total += counts[i]
    return total


@compiled
def track_batch(  # type: ignore[no-untyped-def]
    b, table, miners, label, layout, cm_coinjoins, en_coinjoins, cm_quiet, en_quiet, cm_supply, en_supply,
    cm_netted, en_netted,
):  # fmt: skip
    """Track the blocks of a batch; returns the fields of Rows.

    `cm_coinjoins` and `en_coinjoins` say whether outputs of CoinJoins become hop 1.
    """
    # Arrays become locals: a look into a tuple counts references, which costs more than the work.
    records, slot, count = table.records, table.slot, table.used
    in_count, out_count, rule = b.in_count, b.out_count, b.rule
    in_id, in_kind, in_sat = b.in_id, b.in_kind, b.in_sat
    out_id, out_kind, out_sat = b.out_id, b.out_kind, b.out_sat
    cm_facts, en_facts = np.empty((1024, 6), np.int64), np.empty((1024, 6), np.int64)
    cm_rows, en_rows = np.empty((1024, 3), np.int64), np.empty((1024, 3), np.int64)
    cm, en = np.empty((1024, 2), np.int64), np.empty((1024, 2), np.int64)
    conflicts = np.empty((64, 4), np.int64)
    quiet_rows = np.empty((256, 7), np.int64)
    supply = np.empty((b.height.size, 4), np.int64)
    counted = np.zeros((b.height.size, 2), np.int64)
    flow_rows, flow_n = np.empty((256, 6), np.int64), 0
    held_rows, held_n = np.empty((256, 6), np.int64), 0
    active, active_n = np.empty(in_id.size + out_id.size, np.uint32), 0
    active_end = np.empty(b.height.size, np.int64)
    scratch = make_scratch(in_count.max(), out_count.max())
    in_index, out_index = np.empty(in_id.size, np.int64), np.empty(out_id.size, np.int64)
    cm_in, en_in = np.empty(in_id.size, np.int64), np.empty(in_id.size, np.int64)
    cm_out, en_out = np.empty(out_id.size, np.int64), np.empty(out_id.size, np.int64)
    cm_n = en_n = cm_rows_n = en_rows_n = conflicts_n = quiet_n = 0
    tx = i = o = 0
    day_start = b.height[0]
    for block in range(b.height.size):
        height = b.height[block]
        if block > 0 and b.day[block] != b.day[block - 1]:
            day = b.day[block - 1]
            quiet_rows, quiet_n, flow_rows, flow_n, held_rows, held_n = _end_run(
                day_start, height - 1, day, layout, cm_quiet, en_quiet, cm_netted, en_netted, cm_supply,
                en_supply, quiet_rows, quiet_n, flow_rows, flow_n, held_rows, held_n,
            )  # fmt: skip
            day_start = height
        last_tx = tx + b.tx_count[block]
        i_end = i + _total(in_count, tx, last_tx)
        o_end = o + _total(out_count, tx, last_tx)
        rows_at_hand = i_end - i + o_end - o
        cm, en = with_room(cm, 0, 3 * rows_at_hand), with_room(en, 0, rows_at_hand)
        cm_used, en_used = first_sights(
            in_id, in_kind, i, i_end, in_index, records, slot, count, label, layout, cm, 0, en, 0
        )
        cm_used, en_used = first_sights(
            out_id, out_kind, o, o_end, out_index, records, slot, count, label, layout, cm, cm_used, en,
            en_used,
        )  # fmt: skip
        if height > 0:
            active_n = gather(in_index, i, i_end, active, active_n)
            active_n = gather(out_index, o, o_end, active, active_n)
        active_end[block] = active_n
        coinbase_end = o + out_count[tx]
        en, cm_used, en_used = credit(
            out_index, out_sat, o, coinbase_end, b.pool[block], height, records, miners, layout,
            cm, cm_used, en, en_used,
        )  # fmt: skip
        conflicts = with_room(conflicts, conflicts_n, i_end - i)
        en, en_used, conflicts_n = join_inputs(
            tx, last_tx, in_count, rule, in_index, i, height, records, miners, layout, en, en_used,
            conflicts, conflicts_n,
        )  # fmt: skip
        en = with_room(en, en_used, o_end - o)
        cm_used, en_used = pay_hop_one(
            tx, last_tx, in_count, out_count, rule, in_index, i, out_index, o, out_sat, records,
            layout, cm_coinjoins, en_coinjoins, cm, cm_used, en, en_used,
        )  # fmt: skip
        cm_rows, cm_rows_n = settle(
            cm, cm_used, records.cm_code, records, height, layout, cm_supply, cm_rows, cm_rows_n
        )
        en_rows, en_rows_n = settle(
            en, en_used, records.en_code, records, height, layout, en_supply, en_rows, en_rows_n
        )
        _read_codes(in_index, in_sat, i, i_end, i, -1, records, layout, cm_in, en_in, cm_supply, en_supply)
        credited = o if b.credits_balance[block] else coinbase_end
        _read_codes(
            out_index, out_sat, o, o_end, credited, 1, records, layout, cm_out, en_out, cm_supply,
            en_supply,
        )  # fmt: skip
        cm_facts, cm_n, en_facts, en_n = transfer_block(
            tx, last_tx, b, i, o, in_index, cm_in, en_in, out_index, cm_out, en_out, records, layout,
            scratch, cm_quiet, en_quiet, cm_netted, en_netted, counted[block], height, cm_facts, cm_n,
            en_facts, en_n,
        )  # fmt: skip
        supply[block, 0] = cm_supply[0]
        supply[block, 1] = cm_supply[1]
        supply[block, 2] = en_supply[0]
        supply[block, 3] = en_supply[1]
        tx = last_tx
        i = i_end
        o = o_end
    quiet_rows, quiet_n, flow_rows, flow_n, held_rows, held_n = _end_run(
        day_start, b.height[b.height.size - 1], b.day[b.height.size - 1], layout, cm_quiet, en_quiet,
        cm_netted, en_netted, cm_supply, en_supply, quiet_rows, quiet_n, flow_rows, flow_n, held_rows, held_n,
    )  # fmt: skip
    return (
        cm_facts[:cm_n], en_facts[:en_n], cm_rows[:cm_rows_n], en_rows[:en_rows_n],
        conflicts[:conflicts_n], quiet_rows[:quiet_n], supply, flow_rows[:flow_n], held_rows[:held_n],
        active[:active_n], active_end, counted,
    )  # fmt: skip
