"""The tracker's loop over blocks: attributes, then transfers, then balances, once per profile.

Invariant: results depend on the blocks alone, not on how they are cut into batches, save that sums of
quiet traffic come out per batch and day.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.activity import gather
from clustering.blocks import block_at, make_work, move_balances, see_transactions
from clustering.exchangeflows import flush_flows
from clustering.holdings import HOP_0, HOP_0_AND_1, note_holdings
from clustering.hops import credit, first_sights, join_inputs, pay_hop_one, read_codes, settle
from clustering.noted import Noted, all_noted, none_noted, with_room
from clustering.owners import find_addresses
from clustering.transfers import flush_quiet, transfer_block
from etl.compiled import compiled

Ints = npt.NDArray[np.int64]


class Rows(NamedTuple):
    """What a batch yields, as rows of integers."""

    facts: Ints
    """(profile, height, position in block, tx in batch, source code or NO_SOURCE, destination code,
    satoshis)"""
    changes: Ints
    """(profile, height, index, code)"""
    conflicts: Ints
    """(profile, height, tx in batch, index a, index b) where ownership is point in time"""
    quiet: Ints
    """see transfers.flush_quiet"""
    exchange_flows: Ints
    """see exchangeflows.flush_flows"""
    holdings: Ints
    """see holdings.note_holdings; after the last block of each day, and of the batch"""
    supply: Ints
    """(n, profiles, 2): what hop 0 holds, hop 0 and 1"""
    active: npt.NDArray[np.uint32]
    """indices of addresses in inputs and outputs, genesis left out"""
    active_end: Ints
    """(n,) where each block's part of `active` ends"""
    transfers: Ints
    """(n, 2): how many transfers each block has in Coin Metrics' sense, and their satoshis"""


class _Notes(NamedTuple):
    """The rows of all profiles so far, by the names of Rows, and the changes of a block in one profile."""

    facts: Noted
    changes: Noted
    conflicts: Noted
    quiet: Noted
    exchange_flows: Noted
    holdings: Noted
    changed: Noted


@compiled
def _nothing_noted():  # type: ignore[no-untyped-def]
    return _Notes(
        none_noted(7),
        none_noted(4),
        none_noted(5),
        none_noted(7),
        none_noted(6),
        none_noted(6),
        none_noted(2),
    )


@compiled
def _end_run(ledger, first_height, last_height, day, layout, notes):  # type: ignore[no-untyped-def]
    """Sums of the blocks of a batch that belong to one day, to rows."""
    return _Notes(
        notes.facts,
        notes.changes,
        notes.conflicts,
        flush_quiet(ledger, first_height, day, notes.quiet),
        flush_flows(ledger, first_height, day, notes.exchange_flows),
        note_holdings(ledger, last_height, layout, notes.holdings),
        notes.changed,
    )


@compiled
def _follow(ledger, b, block, work, records, label, layout, notes):  # type: ignore[no-untyped-def]
    """A block in one profile: attributes, then sums and transfers by these."""
    inputs, outputs = block.i_end - block.i, block.o_end - block.o
    in_index, out_index = work.in_index, work.out_index
    changed = with_room(Noted(notes.changed.rows, 0), inputs + outputs)
    used = first_sights(ledger, records, in_index, block.i, block.i_end, label, layout, changed)
    changed = Noted(changed.rows, used)
    used = first_sights(ledger, records, out_index, block.o, block.o_end, label, layout, changed)
    changed = Noted(changed.rows, used)
    changed = credit(ledger, b, block, out_index, layout, changed)
    conflicts = notes.conflicts
    if not ledger.retroactive_exchanges:
        changed, conflicts = join_inputs(ledger, b, block, in_index, label, layout, changed, conflicts)
    changed = with_room(changed, outputs)
    changed = Noted(changed.rows, pay_hop_one(ledger, b, block, work, layout, changed))
    changes = settle(ledger, records, block.height, layout, changed, notes.changes)
    read_codes(ledger, in_index, b.in_sat, block.i, block.i_end, -1, layout, work.in_code)
    read_codes(ledger, out_index, b.out_sat, block.o, block.credited, 0, layout, work.out_code)
    read_codes(ledger, out_index, b.out_sat, block.credited, block.o_end, 1, layout, work.out_code)
    facts = transfer_block(ledger, b, block, work, layout, notes.facts)
    return _Notes(facts, changes, conflicts, notes.quiet, notes.exchange_flows, notes.holdings, changed)


@compiled
def track_batch(b, table, ledgers, label, layout):  # type: ignore[no-untyped-def]
    """Track the blocks of a Batch in the profiles of a tuple of Ledgers; returns the fields of Rows."""
    blocks = b.height.size
    work, notes = make_work(b, table.code), _nothing_noted()
    supply = np.empty((blocks, len(ledgers), 2), np.int64)
    counted = np.zeros((blocks, 2), np.int64)
    active, active_n = np.empty(b.in_id.size + b.out_id.size, np.uint32), 0
    active_end = np.empty(blocks, np.int64)
    tx = i = o = run_start = 0
    for number in range(blocks):
        block = block_at(b, number, tx, i, o)
        find_addresses(b.in_id, b.in_kind, i, block.i_end, table, work.in_index, i)
        find_addresses(b.out_id, b.out_kind, o, block.o_end, table, work.out_index, o)
        if block.height > 0:
            active_n = gather(work.in_index, i, block.i_end, active, active_n)
            active_n = gather(work.out_index, o, block.o_end, active, active_n)
        active_end[number] = active_n
        see_transactions(b, block, work, counted[number])
        ends_run = number + 1 == blocks or b.day[number + 1] != b.day[number]
        for ledger in ledgers:
            notes = _follow(ledger, b, block, work, table.records, label, layout, notes)
            supply[number, ledger.number, 0] = ledger.supply[HOP_0]
            supply[number, ledger.number, 1] = ledger.supply[HOP_0_AND_1]
            if ends_run:
                notes = _end_run(ledger, b.height[run_start], block.height, b.day[number], layout, notes)
        move_balances(b, block, work, table.records)
        if ends_run:
            run_start = number + 1
        tx, i, o = block.last_tx, block.i_end, block.o_end
    return (
        all_noted(notes.facts), all_noted(notes.changes), all_noted(notes.conflicts), all_noted(notes.quiet),
        all_noted(notes.exchange_flows), all_noted(notes.holdings), supply, active[:active_n], active_end,
        counted,
    )  # fmt: skip
