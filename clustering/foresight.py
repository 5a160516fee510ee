"""Which clusters will get other attributes within a range: their members must be awake before.

Invariant: joins and credits depend on what clusters share alone (exchange, whether they mine, the height of
their first known pool), not on hop 1 nor on who of their members is awake; so which clusters change comes
out right while members still rest.
"""

from __future__ import annotations

import numpy as np

from clustering.blocks import block_at
from clustering.hops import credit, first_sights, join_inputs
from clustering.noted import Noted, all_noted, none_noted, with_room
from clustering.owners import find_addresses
from etl.compiled import compiled


@compiled
def _append(found, number, changed):  # type: ignore[no-untyped-def]
    rows, used = with_room(found, changed.used)
    for k in range(changed.used):
        rows[used, 0] = number
        rows[used, 1] = changed.rows[k, 0]
        used += 1
    return Noted(rows, used)


@compiled
def foresee_batch(b, table, ledgers, label, layout):  # type: ignore[no-untyped-def]
    """Make the joins and credits of a Batch in the point-in-time profiles of a tuple of Ledgers.

    Returns rows (profile, index) of addresses that are awake and whose cluster gives them another code.
    """
    in_index, out_index = np.empty(b.in_id.size, np.int64), np.empty(b.out_id.size, np.int64)
    found, changed, conflicts = none_noted(2), none_noted(2), none_noted(5)
    tx = i = o = 0
    for number in range(b.height.size):
        block = block_at(b, number, tx, i, o)
        find_addresses(b.in_id, b.in_kind, i, block.i_end, table, in_index, i)
        find_addresses(b.out_id, b.out_kind, o, block.coinbase_end, table, out_index, o)
        room = block.i_end - i + block.coinbase_end - o
        for ledger in ledgers:
            if ledger.retroactive_exchanges:
                continue
            changed = with_room(Noted(changed.rows, 0), room)
            first_sights(ledger, table.records, in_index, i, block.i_end, label, layout, changed)
            first_sights(ledger, table.records, out_index, o, block.coinbase_end, label, layout, changed)
            if ledger.cluster_miners:
                changed = credit(ledger, b, block, out_index, layout, changed)
            changed, conflicts = join_inputs(
                ledger, b, block, in_index, label, layout, changed, Noted(conflicts.rows, 0)
            )
            found = _append(found, ledger.number, changed)
        tx, i, o = block.last_tx, block.i_end, block.o_end
    return all_noted(found)
