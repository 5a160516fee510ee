"""Attributes after each block: first sights, coinbase credits, joins, hop 1 (methodology section 5).

Invariants: the order within a block is first sights, coinbase credits, joins, payments by hop 0; transfers
are judged only after all of them. Every change of a code is noted as (index, code before), so that the
block's net changes come out once per address (see `settle`). Functions that only return how many changes
are noted expect room for them.
"""

from __future__ import annotations

import numpy as np

from clustering.attributes import exchange_of, hop_of, membership_of, pool_of, with_exchange, with_hop
from clustering.clusters import cluster_size, code_of_joined, may_join, set_cluster, unite, winner_and_loser
from clustering.holdings import add_balance
from clustering.miners import AS_IT_IS, code_of_credited
from clustering.noted import Noted, with_room
from clustering.owners import exchange_of_root, note_conflict, root_of
from clustering.registry import NOT_OWNABLE
from etl.compiled import compiled, compiled_inner
from etl.compiled.prefetch import prefetch
from etl.compiled.sorting import sort


@compiled_inner
def first_sights(ledger, records, index, start, end, label, layout, changed):  # type: ignore[no-untyped-def]
    """Give each address of `index[start:end]` the exchange that it has without doing anything.

    Where exchanges own retroactively, that of its cluster by all joins, each being below its root (see
    `flatten`); else that of its label. Returns how many changes are noted now.
    """
    rows, used = changed
    for i in range(start, end):
        at = index[i]
        if at == NOT_OWNABLE:
            continue
        before = np.int64(ledger.code[at])
        if ledger.retroactive_exchanges:
            exchange = exchange_of_root(np.int64(ledger.parent[at]), label)
            if exchange == 0 or exchange_of(before, layout) != 0:
                continue
        else:
            prefetch(records, ledger.parent[at])  # for the joins
            if at >= label.size or before != 0:
                continue
            exchange = np.int64(label[at])
        rows[used, 0] = at
        rows[used, 1] = before
        used += 1
        ledger.code[at] = with_exchange(0 if ledger.exchange_excludes_hop else before, exchange, layout)
    return used


@compiled_inner
def _credit_single(ledger, at, pool, layout, changed):  # type: ignore[no-untyped-def]
    """A coinbase pays an address that stands alone; returns how many changes are noted now."""
    rows, used = changed
    before = np.int64(ledger.code[at])
    if ledger.exchange_excludes_hop and exchange_of(before, layout) != 0:
        return used
    if hop_of(before, layout) == 0 and (pool == 0 or pool_of(before, layout) != 0):
        return used
    rows[used, 0] = at
    rows[used, 1] = before
    ledger.code[at] = with_hop(before, 0, pool, layout)
    return used + 1


@compiled
def credit(ledger, b, block, index, layout, changed):  # type: ignore[no-untyped-def]
    """The outputs of the coinbase make hop 0."""
    for o in range(block.o, block.coinbase_end):
        at = index[o]
        if at == NOT_OWNABLE or b.out_sat[o] == 0:
            continue
        if ledger.cluster_miners:
            code = code_of_credited(ledger, at, block.pool, block.height, layout)
            if code == AS_IT_IS:
                continue
            changed = with_room(changed, cluster_size(ledger.ring, at))
            used = set_cluster(ledger, at, code, layout, changed)
        else:
            changed = with_room(changed, 1)
            used = _credit_single(ledger, at, block.pool, layout, changed)
        changed = Noted(changed.rows, used)
    return changed


@compiled
def join_inputs(ledger, b, block, index, label, layout, changed, conflicts):  # type: ignore[no-untyped-def]
    """Join the owners of the inputs of each transaction, point in time; returns changes and conflicts."""
    in_count, rule, parent, ring = b.in_count, b.rule, ledger.parent, ledger.ring
    conflicts = with_room(conflicts, block.i_end - block.i)
    start = block.i
    for t in range(block.tx, block.last_tx):
        end = start + in_count[t]
        first = start
        while first < end and index[first] == NOT_OWNABLE:
            first += 1
        for i in range(first + 1, end if rule[t] == 0 else 0):
            if index[i] == NOT_OWNABLE:
                continue
            one, two = root_of(parent, index[first]), root_of(parent, index[i])
            if one == two:
                continue
            if may_join(ledger, one, two, label, layout):
                winner, loser = winner_and_loser(ledger, one, two, layout)
                changing, code = code_of_joined(ledger, winner, loser, label, layout)
                if code != AS_IT_IS:
                    changed = with_room(changed, cluster_size(ring, changing))
                    changed = Noted(changed.rows, set_cluster(ledger, changing, code, layout, changed))
                unite(ledger, winner, loser)
            else:
                used = note_conflict(index, first, i, ledger.number, block.height, t, conflicts)
                conflicts = Noted(conflicts.rows, used)
        start = end
    return changed, conflicts


@compiled_inner
def _paying_pool(ledger, index, start, end, layout):  # type: ignore[no-untyped-def]
    """Pool of the first input of hop 0, -1 where there is none."""
    for i in range(start, end):
        if index[i] != NOT_OWNABLE:
            code = np.int64(ledger.code[index[i]])
            if code != 0 and hop_of(code, layout) == 0:
                return pool_of(code, layout)
    return -1


@compiled_inner
def pay_hop_one(ledger, b, block, work, layout, changed):  # type: ignore[no-untyped-def]
    """What hop 0 pays becomes hop 1, unless it is an exchange's that excludes hops.

    Not by a CoinJoin, unless the profile says so. Returns how many changes are noted now.
    """
    rows, used = changed
    i, o = block.i, block.o
    for t in range(block.tx, block.last_tx):
        i_end = i + b.in_count[t]
        o_end = o + b.out_count[t]
        pool = -1
        if b.rule[t] == 0 or ledger.coinjoins_pay_hop_1:
            pool = _paying_pool(ledger, work.in_index, i, i_end, layout)
        for p in range(o, o_end if pool >= 0 else o):
            at = work.out_index[p]
            if at == NOT_OWNABLE or b.out_sat[p] == 0:
                continue
            before = np.int64(ledger.code[at])
            if membership_of(before, layout) != 0 or (ledger.exchange_excludes_hop and before != 0):
                continue
            rows[used, 0] = at
            rows[used, 1] = before
            used += 1
            ledger.code[at] = with_hop(before, 1, pool, layout)
        i = i_end
        o = o_end
    return used


@compiled
def settle(ledger, records, height, layout, changed, changes):  # type: ignore[no-untyped-def]
    """Turn a block's notes into one row (profile, height, index, code) per address that really changed.

    An address brings its whole balance to the sums that it joins and takes it from those that it leaves.
    Returns `changes` with the rows.
    """
    noted, count = changed
    if count == 0:
        return changes
    code, supply = ledger.code, ledger.supply
    order = np.empty(count, np.int64)
    for k in range(count):
        order[k] = noted[k, 0] << 31 | k  # an index has 32 bits at most
    sort(order, count)
    rows, used = with_room(changes, count)
    for k in range(count):
        index = order[k] >> 31
        if k > 0 and order[k - 1] >> 31 == index:
            continue
        before = noted[order[k] & 0x7FFFFFFF, 1]
        after = np.int64(code[index])
        if before == after:
            continue
        balance_sat = records[index].balance_sat
        add_balance(supply, -balance_sat, before, layout)
        add_balance(supply, balance_sat, after, layout)
        rows[used, 0] = ledger.number
        rows[used, 1] = height
        rows[used, 2] = index
        rows[used, 3] = after
        used += 1
    return Noted(rows, used)


@compiled_inner
def read_codes(ledger, index, value_sat, start, end, sign, layout, codes):  # type: ignore[no-untyped-def]
    """Codes of the inputs or outputs [start, end); `sign` of their values is added to the sums of these."""
    for i in range(start, end):
        code = np.int64(ledger.code[index[i]]) if index[i] != NOT_OWNABLE else np.int64(0)
        codes[i] = code
        if code != 0:
            add_balance(ledger.supply, sign * value_sat[i], code, layout)
