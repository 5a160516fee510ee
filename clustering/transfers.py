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
from clustering.exchangeflows import net_transaction
from clustering.owners import en_root, with_room
from etl.chain.scripts import OP_RETURN
from etl.compiled import compiled, compiled_inner
from etl.compiled.sorting import sort

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


@compiled_inner
def _group_sources(in_sat, in_code, i, i_end, scratch):  # type: ignore[no-untyped-def]
    sources = 0
    for q in range(i, i_end):
        sources = _add_to_group(scratch.source, scratch.source_sat, sources, in_code[q], in_sat[q])
    return sources


@compiled_inner
def _group_destinations(  # type: ignore[no-untyped-def]
    out_sat, out_index, out_code, o, o_end, sources, roots, scratch, records, layout
):
    destinations = 0
    for p in range(o, o_end):
        group = np.int64(out_code[p])
        if out_sat[p] == 0 or scratch.is_own[p - o]:
            continue
        if group != 0 and _is_change(
            out_index[p], group, sources, scratch.source, scratch.miner_root, roots, records, layout
        ):
            continue
        destinations = _add_to_group(
            scratch.destination, scratch.destination_sat, destinations, group, out_sat[p]
        )
    return destinations


@compiled_inner
def _spent(in_sat, cm_in, en_in, i, i_end):  # type: ignore[no-untyped-def]
    """(all codes of both profiles together, satoshis) of a transaction's inputs."""
    codes = np.int64(0)
    total = np.int64(0)
    for q in range(i, i_end):
        codes |= cm_in[q] | en_in[q]
        total += in_sat[q]
    return codes, total


@compiled_inner
def _received(out_sat, out_kind, cm_out, en_out, o, o_end, is_own):  # type: ignore[no-untyped-def]
    """(all codes, satoshis to others, outputs to others with value, their satoshis), the last two without
    OP_RETURN."""
    codes = np.int64(0)
    received = np.int64(0)
    count = np.int64(0)
    value = np.int64(0)
    for p in range(o, o_end):
        codes |= cm_out[p] | en_out[p]
        if is_own[p - o] or out_sat[p] == 0:
            continue
        received += out_sat[p]
        if out_kind[p] != OP_RETURN:
            count += 1
            value += out_sat[p]
    return codes, received, count, value


@compiled_inner
def _add_unmarked(quiet_sat, quiet_txs, row, received):  # type: ignore[no-untyped-def]
    quiet_sat[row, 0] += received
    quiet_txs[row, 0] += 1


@compiled
def transfer_block(  # type: ignore[no-untyped-def]
    tx, last_tx, b, i, o, in_index, cm_in, en_in, out_index, cm_out, en_out, records, layout, scratch,
    cm_quiet, en_quiet, cm_netted, en_netted, counted, height, cm_facts, cm_used, en_facts, en_used,
):  # fmt: skip
    """All transfers of a block's transactions [tx, last_tx) of the batch `b` in both profiles.

    `cm_in`, `en_in`, `cm_out` and `en_out` are the codes of every input and output after the block;
    inputs start at `i`, outputs at `o`. Appends (height, position in block, tx in batch, source,
    destination, satoshis) to the facts of each profile; returns these and their lengths. Adds to `counted`
    (2,) the outputs to others and their satoshis, whoever they are (Coin Metrics' TxTfr metrics: of no
    coinbase, with value, no OP_RETURN, to none of the transaction's input addresses).
    """
    in_count, out_count = b.in_count, b.out_count
    in_id, in_sat, out_id, out_sat, out_kind = b.in_id, b.in_sat, b.out_id, b.out_sat, b.out_kind
    source, source_sat, is_own = scratch.source, scratch.source_sat, scratch.is_own
    destination, destination_sat = scratch.destination, scratch.destination_sat
    cm_sat, cm_txs = cm_quiet.value_sat, cm_quiet.tx_count
    en_sat, en_txs = en_quiet.value_sat, en_quiet.tx_count
    for t in range(tx, last_tx):
        i_end = i + in_count[t]
        o_end = o + out_count[t]
        if (i_end - i) * (o_end - o) <= _NESTED_LOOP_LIMIT:
            _mark_own_nested(in_id, i, i_end, out_id, o, o_end, is_own)
        else:
            _mark_own_sorted(in_id, i, i_end, out_id, o, o_end, is_own)
        spent_codes, total = _spent(in_sat, cm_in, en_in, i, i_end)
        paid_codes, received, count, value = _received(out_sat, out_kind, cm_out, en_out, o, o_end, is_own)
        codes = spent_codes | paid_codes
        if i_end > i:
            counted[0] += count
            counted[1] += value
        if codes != 0:
            net_transaction(cm_in, in_sat, i, i_end, cm_out, out_sat, o, o_end, layout, cm_netted)
            net_transaction(en_in, in_sat, i, i_end, en_out, out_sat, o, o_end, layout, en_netted)
        if received > 0 and (total > 0 or i_end == i):
            if codes == 0:
                row = 0 if i_end > i else cm_sat.shape[0] - 1
                _add_unmarked(cm_sat, cm_txs, row, received)
                _add_unmarked(en_sat, en_txs, row, received)
            else:
                sources = _group_sources(in_sat, cm_in, i, i_end, scratch)
                destinations = _group_destinations(
                    out_sat, out_index, cm_out, o, o_end, sources, 0, scratch, records, layout
                )
                if cm_used + max(1, sources) * destinations > cm_facts.shape[0]:
                    cm_facts = with_room(cm_facts, cm_used, max(1, sources) * destinations)
                cm_used = _emit(
                    sources, source, source_sat, total, destinations, destination, destination_sat,
                    layout, cm_sat, cm_txs, height, t, t - tx, cm_facts, cm_used,
                )  # fmt: skip
                roots = _mining_roots(in_index, en_in, i, i_end, records, layout, scratch.miner_root)
                sources = _group_sources(in_sat, en_in, i, i_end, scratch)
                destinations = _group_destinations(
                    out_sat, out_index, en_out, o, o_end, sources, roots, scratch, records, layout
                )
                if en_used + max(1, sources) * destinations > en_facts.shape[0]:
                    en_facts = with_room(en_facts, en_used, max(1, sources) * destinations)
                en_used = _emit(
                    sources, source, source_sat, total, destinations, destination, destination_sat,
                    layout, en_sat, en_txs, height, t, t - tx, en_facts, en_used,
                )  # fmt: skip
        i = i_end
        o = o_end
    return cm_facts, cm_used, en_facts, en_used
