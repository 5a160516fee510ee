"""Transfers of a transaction between groups of addresses (methodology section 6).

Invariants: amounts are exact integers, floor(W_d * V_s / V) with products beyond 64 bits; the amounts of
one destination sum to at most what it received, so fees are in none. A row goes to `facts` if a hop takes
part on either side, else into the day's sums of quiet traffic.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.attributes import exchange_of, hop_of
from clustering.owners import en_root, with_room
from clustering.sorting import sort
from etl.jit import compiled, compiled_inner

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


@compiled
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


@compiled_inner
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
        is_own[p - o] = _contains(known, known.size, out_id[p])


@compiled_inner
def _mark_own_nested(in_id, i, i_end, out_id, o, o_end, is_own):  # type: ignore[no-untyped-def]
    for p in range(o, o_end):
        own = False
        for q in range(i, i_end):
            if in_id[q] == out_id[p]:
                own = True
                break
        is_own[p - o] = own


@compiled_inner
def _add_to_group(groups, sums, count, group, value):  # type: ignore[no-untyped-def]
    for g in range(count):
        if groups[g] == group:
            sums[g] += value
            return count
    groups[count] = group
    sums[count] = value
    return count + 1


@compiled_inner
def _mining_roots(in_index, in_code, i, i_end, records, layout, roots):  # type: ignore[no-untyped-def]
    count = 0
    for q in range(i, i_end):
        if in_code[q] == 0 or hop_of(in_code[q], layout) != 0:
            continue
        root = en_root(records, in_index[q])
        known = False
        for k in range(count):
            if roots[k] == root:
                known = True
                break
        if not known:
            roots[count] = root
            count += 1
    return count


@compiled_inner
def _is_change(index, group, sources, source, roots, root_count, records, layout):  # type: ignore[no-untyped-def]
    """Whether an output stays with an input's exchange or mining cluster."""
    exchange = exchange_of(group, layout)
    if exchange != 0:
        for g in range(sources):
            if exchange_of(source[g], layout) == exchange:
                return True
    if root_count > 0 and hop_of(group, layout) == 0:
        root = en_root(records, index)
        for k in range(root_count):
            if roots[k] == root:
                return True
    return False


@compiled_inner
def _emit(  # type: ignore[no-untyped-def]
    sources, source, source_sat, total, destinations, destination, destination_sat, layout,
    quiet_sat, quiet_txs, height, tx, position, facts, used,
):  # fmt: skip
    for s in range(max(1, sources)):
        group = source[s] if sources > 0 else np.int64(NO_SOURCE)
        for d in range(destinations):
            amount = destination_sat[d]
            if sources > 0:
                amount = share(amount, source_sat[s], total)
            if amount == 0:
                continue
            target = destination[d]
            if (group >= 0 and hop_of(group, layout) >= 0) or hop_of(target, layout) >= 0:
                facts[used, 0] = height
                facts[used, 1] = position
                facts[used, 2] = tx
                facts[used, 3] = group
                facts[used, 4] = target
                facts[used, 5] = amount
                used += 1
            else:
                row = exchange_of(group, layout) if group >= 0 else quiet_sat.shape[0] - 1
                column = exchange_of(target, layout)
                quiet_sat[row, column] += amount
                quiet_txs[row, column] += 1
    return used


@compiled
def transfer_block(  # type: ignore[no-untyped-def]
    tx, last_tx, in_count, out_count, i, o, in_id, in_sat, in_index, in_code, out_id, out_sat,
    out_index, out_code, clusters, records, layout, scratch, quiet, height, facts, used,
):  # fmt: skip
    """All transfers of a block's transactions [tx, last_tx) in one profile.

    `in_code` and `out_code` are the codes of every input and output after the block; inputs start at `i`,
    outputs at `o`. `clusters` says whether mining clusters are one owner. Appends (height, position in
    block, tx in batch, source, destination, satoshis) to `facts`; returns it and its length.
    """
    source = scratch.source
    source_sat = scratch.source_sat
    miner_root = scratch.miner_root
    destination = scratch.destination
    destination_sat = scratch.destination_sat
    is_own = scratch.is_own
    quiet_sat = quiet.value_sat
    quiet_txs = quiet.tx_count
    for t in range(tx, last_tx):
        i_end = i + in_count[t]
        o_end = o + out_count[t]
        total = np.int64(0)
        sources = 0
        for q in range(i, i_end):
            total += in_sat[q]
            sources = _add_to_group(source, source_sat, sources, in_code[q], in_sat[q])
        roots = 0
        if clusters:
            roots = _mining_roots(in_index, in_code, i, i_end, records, layout, miner_root)
        if (i_end - i) * (o_end - o) <= _NESTED_LOOP_LIMIT:
            _mark_own_nested(in_id, i, i_end, out_id, o, o_end, is_own)
        else:
            _mark_own_sorted(in_id, i, i_end, out_id, o, o_end, is_own)
        destinations = 0
        for p in range(o, o_end):
            group = np.int64(out_code[p])
            if out_sat[p] == 0 or is_own[p - o]:
                continue
            if group != 0 and _is_change(
                out_index[p], group, sources, source, miner_root, roots, records, layout
            ):
                continue
            destinations = _add_to_group(destination, destination_sat, destinations, group, out_sat[p])
        if total > 0 or sources == 0:
            facts = with_room(facts, used, max(1, sources) * destinations)
            used = _emit(
                sources, source, source_sat, total, destinations, destination, destination_sat,
                layout, quiet_sat, quiet_txs, height, t, t - tx, facts, used,
            )  # fmt: skip
        i = i_end
        o = o_end
    return facts, used
