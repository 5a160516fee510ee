"""Attributes after each block: first sights, coinbase credits, joins, hop 1 (methodology section 5).

Invariants: the order within a block is first sights, coinbase credits, joins, payments by hop 0; transfers
are judged only after all of them. Every change of a code is noted as (index, code before), so that the
block's net changes come out once per address (see `settle`). Functions that only note changes of the rows
at hand expect room for them.
"""

from __future__ import annotations

import numpy as np

from clustering.attributes import (
    exchange_of,
    hop_of,
    membership_of,
    pool_of,
    with_exchange,
    with_hop,
)
from clustering.holdings import add_balance
from clustering.miners import (
    AS_IT_IS,
    cluster_size,
    code_of_credited,
    code_of_joined,
    may_join,
    set_cluster,
    unite,
    winner_and_loser,
)
from clustering.owners import en_root, exchange_of_root, is_ownable, note_conflict, with_room
from clustering.registry import NOT_OWNABLE, index_of, look_ahead
from etl.compiled import compiled, compiled_inner
from etl.compiled.prefetch import prefetch
from etl.compiled.sorting import sort


@compiled_inner
def first_sights(  # type: ignore[no-untyped-def]
    ids, kinds, start, end, index, records, slot, count, label, layout, cm, cm_used, en, en_used
):
    """Find the addresses of the inputs or outputs [start, end) of a block, and give each its exchange.

    That is, the one that it has without doing anything: in coinmetrics that of its cluster by all joins,
    each being below its root (see `flatten`), in entity that of the label. Fills `index`; returns how
    many changes are noted now.
    """
    for i in range(start, end):
        look_ahead(ids, i, records, slot)
        if not is_ownable(kinds[i]):
            index[i] = NOT_OWNABLE
            continue
        at = index_of(ids[i], records, slot, count)
        index[i] = at
        prefetch(records, records[at].en_parent)
        exchange = exchange_of_root(np.int64(records[at].cm_parent), label)
        if exchange != 0 and exchange_of(records[at].cm_code, layout) == 0:
            cm[cm_used, 0] = at
            cm[cm_used, 1] = records[at].cm_code
            cm_used += 1
            records[at].cm_code = with_exchange(records[at].cm_code, exchange, layout)
        if at < label.size and records[at].en_code == 0:
            en[en_used, 0] = at
            en[en_used, 1] = 0
            en_used += 1
            records[at].en_code = with_exchange(0, np.int64(label[at]), layout)
    return cm_used, en_used


@compiled
def credit(  # type: ignore[no-untyped-def]
    index, value_sat, start, end, pool, height, records, miners, layout, cm, cm_used, en, en_used
):
    """The outputs [start, end) of a block's coinbase make hop 0; returns en and the two lengths."""
    for i in range(start, end):
        at = index[i]
        if at == NOT_OWNABLE or value_sat[i] == 0:
            continue
        code = np.int64(records[at].cm_code)
        newly = hop_of(code, layout) != 0
        if newly or (pool != 0 and pool_of(code, layout) == 0):
            cm[cm_used, 0] = at
            cm[cm_used, 1] = code
            cm_used += 1
            records[at].cm_code = with_hop(code, 0, pool, layout)
        code = code_of_credited(records, miners, at, pool, height, layout)
        if code != AS_IT_IS:
            en = with_room(en, en_used, cluster_size(records, at))
            en_used = set_cluster(records, at, code, en, en_used)
    return en, cm_used, en_used


@compiled
def join_inputs(  # type: ignore[no-untyped-def]
    tx, last_tx, in_count, rule, index, start, height, records, miners, layout, en, en_used,
    conflicts, conflicts_used,
):  # fmt: skip
    """Join the owners of the inputs of each of the transactions [tx, last_tx) in the entity profile.

    Inputs begin at `start`; `conflicts` has room for one each. Returns en and the two lengths.
    """
    for t in range(tx, last_tx):
        end = start + in_count[t]
        first = start
        while first < end and index[first] == NOT_OWNABLE:
            first += 1
        for i in range(first + 1, end if rule[t] == 0 else 0):
            if index[i] == NOT_OWNABLE:
                continue
            one, two = en_root(records, index[first]), en_root(records, index[i])
            if one == two:
                continue
            if may_join(records[one].en_code, records[two].en_code, layout):
                winner, loser = winner_and_loser(records, one, two, layout)
                changed, code = code_of_joined(records, miners, winner, loser, layout)
                if code != AS_IT_IS:
                    size = cluster_size(records, changed)
                    if en_used + size > en.shape[0]:  # asked here, since a call would count references
                        en = with_room(en, en_used, size)
                    en_used = set_cluster(records, changed, code, en, en_used)
                unite(records, winner, loser)
            else:
                conflicts_used = note_conflict(index, first, i, height, t, conflicts, conflicts_used)
        start = end
    return en, en_used, conflicts_used


@compiled_inner
def _paying_pools(index, start, end, records, layout):  # type: ignore[no-untyped-def]
    """Pools of the first input of hop 0 in coinmetrics and in entity, -1 where there is none."""
    cm_pool = -1
    en_pool = -1
    for i in range(start, end):
        at = index[i]
        if at == NOT_OWNABLE:
            continue
        cm_code, en_code = records[at].cm_code, records[at].en_code
        if cm_pool < 0 and cm_code != 0 and hop_of(cm_code, layout) == 0:
            cm_pool = pool_of(cm_code, layout)
        if en_pool < 0 and en_code != 0 and hop_of(en_code, layout) == 0:
            en_pool = pool_of(en_code, layout)
    return cm_pool, en_pool


@compiled_inner
def pay_hop_one(  # type: ignore[no-untyped-def]
    tx, last_tx, in_count, out_count, rule, in_index, i, out_index, o, out_sat, records, layout,
    cm_coinjoins, en_coinjoins, cm, cm_used, en, en_used,
):  # fmt: skip
    """What hop 0 pays in the transactions [tx, last_tx) becomes hop 1.

    Not by a CoinJoin, unless the profile's flag says so, and in entity not what an exchange owns. Inputs
    start at `i`, outputs at `o`. Returns how many changes are noted now.
    """
    for t in range(tx, last_tx):
        i_end = i + in_count[t]
        o_end = o + out_count[t]
        cm_pool, en_pool = _paying_pools(in_index, i, i_end, records, layout)
        if rule[t] != 0:
            cm_pool = cm_pool if cm_coinjoins else -1
            en_pool = en_pool if en_coinjoins else -1
        if cm_pool >= 0 or en_pool >= 0:
            for p in range(o, o_end):
                at = out_index[p]
                if at == NOT_OWNABLE or out_sat[p] == 0:
                    continue
                code = np.int64(records[at].cm_code)
                if cm_pool >= 0 and membership_of(code, layout) == 0:
                    cm[cm_used, 0] = at
                    cm[cm_used, 1] = code
                    cm_used += 1
                    records[at].cm_code = with_hop(code, 1, cm_pool, layout)
                if en_pool >= 0 and records[at].en_code == 0:
                    en[en_used, 0] = at
                    en[en_used, 1] = 0
                    en_used += 1
                    records[at].en_code = with_hop(0, 1, en_pool, layout)
        i = i_end
        o = o_end
    return cm_used, en_used


@compiled
def settle(changes, used, code, records, height, layout, supply, rows, rows_used):  # type: ignore[no-untyped-def]
    """Turn a block's notes into one row (height, index, code) per address that really changed.

    `code` is the column of the profile; `supply` are its balances (see clustering.holdings), to which an
    address brings, or from which it takes, its whole balance. Returns the rows and their number.
    """
    if used == 0:
        return rows, rows_used
    order = np.empty(used, np.int64)
    for k in range(used):
        order[k] = changes[k, 0] << 31 | k  # an index has 32 bits at most
    sort(order, used)
    rows = with_room(rows, rows_used, used)
    for k in range(used):
        index = order[k] >> 31
        if k > 0 and order[k - 1] >> 31 == index:
            continue
        row = order[k] & 0x7FFFFFFF
        before = changes[row, 1]
        after = np.int64(code[index])
        if before == after:
            continue
        _move_balance(supply, records[index].balance_sat, before, after, layout)
        rows[rows_used, 0] = height
        rows[rows_used, 1] = index
        rows[rows_used, 2] = after
        rows_used += 1
    return rows, rows_used


@compiled_inner
def _move_balance(supply, balance_sat, before, after, layout):  # type: ignore[no-untyped-def]
    """Move an address's balance between the sums as its code changes."""
    add_balance(supply, -balance_sat, before, layout)
    add_balance(supply, balance_sat, after, layout)
