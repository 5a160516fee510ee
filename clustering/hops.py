"""Attributes after each block: first sights, coinbase credits, joins, hop 1 (methodology section 5).

Invariants: the order within a block is first sights, coinbase credits, joins, payments by hop 0; transfers
are judged only after all of them. Every change of a code is noted, so that the block's net changes come
out once per address (see `settle`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from clustering.attributes import exchange_of, hop_of, pool_of, with_exchange, with_hop
from clustering.miners import credit_miner, join, may_join, note_change
from clustering.owners import exchange_of_root, grown, root_of
from clustering.registry import NOT_OWNABLE


@njit(cache=True)
def first_sights(index, a, label, radix, cm, cm_used, en, en_used):  # type: ignore[no-untyped-def]
    """Give addresses of a block the exchange that they have without doing anything.

    In coinmetrics that of the cluster by all joins, in entity that of the label. Returns the two lists of
    changes and their lengths.
    """
    for i in range(index.size):
        at = index[i]
        if at == NOT_OWNABLE:
            continue
        code = np.int64(a.cm_code[at])
        if exchange_of(code, radix) == 0:
            exchange = exchange_of_root(root_of(a.cm_parent, at), label)
            if exchange != 0:
                cm, cm_used = note_change(cm, cm_used, at, code)
                a.cm_code[at] = with_exchange(code, exchange, radix)
        if at < label.size and a.en_code[at] == 0:
            en, en_used = note_change(en, en_used, at, 0)
            a.en_code[at] = with_exchange(0, np.int64(label[at]), radix)
    return cm, cm_used, en, en_used


@njit(cache=True)
def credit(  # type: ignore[no-untyped-def]
    index, value_sat, pool, height, a, miners, radix, cm, cm_used, en, en_used
):
    """The outputs of a block's coinbase make hop 0."""
    for i in range(index.size):
        at = index[i]
        if at == NOT_OWNABLE or value_sat[i] == 0:
            continue
        code = np.int64(a.cm_code[at])
        newly = hop_of(code, radix) != 0
        if newly or (pool != 0 and pool_of(code, radix) == 0):
            cm, cm_used = note_change(cm, cm_used, at, code)
            a.cm_code[at] = with_hop(code, 0, pool, radix)
        en, en_used = credit_miner(a, miners, at, pool, height, radix, en, en_used)
    return cm, cm_used, en, en_used


@njit(cache=True)
def _refused_before(index, start, at):  # type: ignore[no-untyped-def]
    for i in range(start, at):
        if index[i] == index[at]:
            return True
    return False


@njit(cache=True)
def join_inputs(  # type: ignore[no-untyped-def]
    index, tx, height, a, miners, radix, en, en_used, conflicts, conflicts_used
):
    """Join the owners of one transaction's inputs in the entity profile."""
    first = 0
    while first < index.size and index[first] == NOT_OWNABLE:
        first += 1
    for i in range(first + 1, index.size):
        at = index[i]
        if at == NOT_OWNABLE:
            continue
        if root_of(a.en_parent, index[first]) == root_of(a.en_parent, at):
            continue
        if may_join(a.en_code[index[first]], a.en_code[at], radix):
            en, en_used = join(a, miners, index[first], at, radix, en, en_used)
        elif not _refused_before(index, first, i):
            conflicts = grown(conflicts, conflicts_used)
            conflicts[conflicts_used, 0] = height
            conflicts[conflicts_used, 1] = tx
            conflicts[conflicts_used, 2] = index[first]
            conflicts[conflicts_used, 3] = at
            conflicts_used += 1
    return en, en_used, conflicts, conflicts_used


@njit(cache=True, inline="always")
def _paying_pool(in_index, code, radix):  # type: ignore[no-untyped-def]
    """Pool of the first input of hop 0, -1 where there is none."""
    for i in range(in_index.size):
        at = in_index[i]
        if at != NOT_OWNABLE and hop_of(code[at], radix) == 0:
            return pool_of(code[at], radix)
    return -1


@njit(cache=True)
def pay_hop_one(  # type: ignore[no-untyped-def]
    in_index, out_index, value_sat, is_coinjoin, a, radix, cm, cm_used, en, en_used
):
    """What hop 0 pays becomes hop 1; in entity not by a CoinJoin and not what an exchange owns."""
    cm_pool = _paying_pool(in_index, a.cm_code, radix)
    en_pool = -1 if is_coinjoin else _paying_pool(in_index, a.en_code, radix)
    if cm_pool < 0 and en_pool < 0:
        return cm, cm_used, en, en_used
    for o in range(out_index.size):
        at = out_index[o]
        if at == NOT_OWNABLE or value_sat[o] == 0:
            continue
        code = np.int64(a.cm_code[at])
        if cm_pool >= 0 and code % radix == 0:
            cm, cm_used = note_change(cm, cm_used, at, code)
            a.cm_code[at] = with_hop(code, 1, cm_pool, radix)
        if en_pool >= 0 and a.en_code[at] == 0:
            en, en_used = note_change(en, en_used, at, 0)
            a.en_code[at] = with_hop(0, 1, en_pool, radix)
    return cm, cm_used, en, en_used


@njit(cache=True)
def settle(changes, used, code, a, height, radix, supply, rows, rows_used):  # type: ignore[no-untyped-def]
    """Turn a block's notes into one row (height, index, code) per address that really changed.

    `supply` (2,) are the balances of hop 0 and of hop 0 and 1; an address brings or takes its whole
    balance. Returns the rows and their number.
    """
    if used == 0:
        return rows, rows_used
    order = np.argsort(changes[:used, 0], kind="mergesort")
    for k in range(used):
        row = order[k]
        index = changes[row, 0]
        if k > 0 and changes[order[k - 1], 0] == index:
            continue
        before = changes[row, 1]
        after = np.int64(code[index])
        if before == after:
            continue
        move_balance(supply, a.balance_sat[index], before, after, radix)
        rows = grown(rows, rows_used)
        rows[rows_used, 0] = height
        rows[rows_used, 1] = index
        rows[rows_used, 2] = after
        rows_used += 1
    return rows, rows_used


@njit(cache=True)
def move_balance(supply, balance_sat, before, after, radix):  # type: ignore[no-untyped-def]
    """Move an address's balance between the sums as its code changes."""
    hop = hop_of(before, radix)
    if hop == 0:
        supply[0] -= balance_sat
    if hop >= 0:
        supply[1] -= balance_sat
    add_balance(supply, balance_sat, after, radix)


@njit(cache=True, inline="always")
def add_balance(supply, amount_sat, code, radix):  # type: ignore[no-untyped-def]
    """Add an amount to the sums that an address with this code belongs to."""
    hop = hop_of(code, radix)
    if hop == 0:
        supply[0] += amount_sat
    if hop >= 0:
        supply[1] += amount_sat
