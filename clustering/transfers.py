"""Transfers of a transaction between groups of addresses (methodology section 6).

Invariants: amounts are exact integers, floor(W_d * V_s / V) with products beyond 64 bits; the amounts of
one destination sum to at most what it received, so fees are in none. A row goes to `facts` if a hop takes
part on either side, else into the day's sums of quiet traffic.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from clustering.attributes import exchange_of, hop_of
from clustering.owners import grown, root_of
from clustering.registry import NOT_OWNABLE

NO_SOURCE = -1
"""Source code of a coinbase's transfers."""

_NESTED_LOOP_LIMIT = 4096


class Scratch(NamedTuple):
    """Room for one transaction's groups."""

    source: npt.NDArray[np.int64]
    source_sat: npt.NDArray[np.int64]
    miner_root: npt.NDArray[np.int64]
    destination: npt.NDArray[np.int64]
    destination_sat: npt.NDArray[np.int64]
    is_own: npt.NDArray[np.bool_]


class Quiet(NamedTuple):
    """Sums of the traffic without hops: [source exchange, destination exchange]; the last source row
    is the coinbase."""

    value_sat: npt.NDArray[np.int64]
    tx_count: npt.NDArray[np.int64]


@njit(cache=True)
def make_scratch(inputs, outputs):  # type: ignore[no-untyped-def]
    """Room for transactions of at most so many inputs and outputs."""
    return Scratch(
        np.empty(inputs + 1, np.int64),
        np.empty(inputs + 1, np.int64),
        np.empty(inputs + 1, np.int64),
        np.empty(outputs + 1, np.int64),
        np.empty(outputs + 1, np.int64),
        np.empty(outputs + 1, np.bool_),
    )


@njit(cache=True)
def share(received, spent, total):  # type: ignore[no-untyped-def]
    """floor(received * spent / total), exact for 0 <= received, 0 <= spent <= total < 2**52.

    The quotient from binary floats is off by a few units at most, so the remainder, computed modulo
    2**64, is small and its true value: it says how to correct the quotient.
    """
    if spent == total:
        return received
    quotient = np.int64(np.float64(received) * np.float64(spent) / np.float64(total))
    remainder = received * spent - quotient * total
    while remainder < 0:
        quotient -= 1
        remainder += total
    while remainder >= total:
        quotient += 1
        remainder -= total
    return quotient


@njit(cache=True)
def mark_own(in_id, out_id, is_own):  # type: ignore[no-untyped-def]
    """Which outputs pay one of the inputs' addresses."""
    if in_id.size * out_id.size <= _NESTED_LOOP_LIMIT:
        for o in range(out_id.size):
            is_own[o] = False
            for i in range(in_id.size):
                if in_id[i] == out_id[o]:
                    is_own[o] = True
                    break
        return
    known = np.sort(in_id)
    for o in range(out_id.size):
        at = np.searchsorted(known, out_id[o])
        is_own[o] = at < known.size and known[at] == out_id[o]


@njit(cache=True, inline="always")
def _code_at(code, index):  # type: ignore[no-untyped-def]
    return np.int64(0) if index == NOT_OWNABLE else np.int64(code[index])


@njit(cache=True)
def _add_to_group(groups, sums, count, group, value):  # type: ignore[no-untyped-def]
    for g in range(count):
        if groups[g] == group:
            sums[g] += value
            return count
    groups[count] = group
    sums[count] = value
    return count + 1


@njit(cache=True)
def _sources(in_index, in_sat, code, scratch):  # type: ignore[no-untyped-def]
    count = 0
    for i in range(in_index.size):
        group = _code_at(code, in_index[i])
        count = _add_to_group(scratch.source, scratch.source_sat, count, group, in_sat[i])
    return count


@njit(cache=True)
def _mining_roots(in_index, code, parent, radix, roots):  # type: ignore[no-untyped-def]
    count = 0
    for i in range(in_index.size):
        at = in_index[i]
        if at == NOT_OWNABLE or hop_of(code[at], radix) != 0:
            continue
        root = root_of(parent, at)
        known = False
        for k in range(count):
            if roots[k] == root:
                known = True
                break
        if not known:
            roots[count] = root
            count += 1
    return count


@njit(cache=True)
def _is_change(index, group, sources, roots, parent, radix, scratch):  # type: ignore[no-untyped-def]
    """Whether an output stays with an input's exchange or mining cluster."""
    exchange = exchange_of(group, radix)
    if exchange != 0:
        for g in range(sources):
            if exchange_of(scratch.source[g], radix) == exchange:
                return True
    if roots > 0 and hop_of(group, radix) == 0:
        root = root_of(parent, index)
        for k in range(roots):
            if scratch.miner_root[k] == root:
                return True
    return False


@njit(cache=True)
def _destinations(  # type: ignore[no-untyped-def]
    out_index, out_sat, code, sources, roots, parent, radix, scratch
):
    count = 0
    for o in range(out_index.size):
        if out_sat[o] == 0 or (sources > 0 and scratch.is_own[o]):
            continue
        group = _code_at(code, out_index[o])
        if group != 0 and _is_change(out_index[o], group, sources, roots, parent, radix, scratch):
            continue
        count = _add_to_group(scratch.destination, scratch.destination_sat, count, group, out_sat[o])
    return count


@njit(cache=True)
def transfer(  # type: ignore[no-untyped-def]
    in_index, in_sat, out_index, out_sat, code, parent, clusters, radix, scratch, quiet,
    height, tx, position, facts, used,
):  # fmt: skip
    """All transfers of one transaction in one profile; no inputs means a coinbase.

    `scratch.is_own` is set for the transaction (see `mark_own`); `clusters` says whether mining clusters
    are one owner. Appends (height, position in block, tx in batch, source, destination, satoshis) to
    `facts`; returns it and its length.
    """
    total = np.int64(0)
    for i in range(in_sat.size):
        total += in_sat[i]
    sources = _sources(in_index, in_sat, code, scratch)
    if sources > 0 and total == 0:
        return facts, used
    roots = _mining_roots(in_index, code, parent, radix, scratch.miner_root) if clusters else 0
    destinations = _destinations(
        out_index, out_sat, code, sources, roots, parent, radix, scratch
    )
    for s in range(max(1, sources)):
        group = scratch.source[s] if sources > 0 else np.int64(NO_SOURCE)
        for d in range(destinations):
            amount = scratch.destination_sat[d]
            if sources > 0:
                amount = share(amount, scratch.source_sat[s], total)
            if amount == 0:
                continue
            target = scratch.destination[d]
            if (group >= 0 and hop_of(group, radix) >= 0) or hop_of(target, radix) >= 0:
                facts = grown(facts, used)
                facts[used, 0] = height
                facts[used, 1] = position
                facts[used, 2] = tx
                facts[used, 3] = group
                facts[used, 4] = target
                facts[used, 5] = amount
                used += 1
            else:
                row = exchange_of(group, radix) if group >= 0 else quiet.value_sat.shape[0] - 1
                column = exchange_of(target, radix)
                quiet.value_sat[row, column] += amount
                quiet.tx_count[row, column] += 1
    return facts, used
