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
from clustering.noted import Noted, with_room
from clustering.owners import root_of
from etl.compiled import compiled, compiled_inner

NO_SOURCE = -1
"""Source code of a coinbase's transfers."""


class Scratch(NamedTuple):
    """Room for one transaction's groups."""

    source: npt.NDArray[np.int64]
    source_sat: npt.NDArray[np.int64]
    miner_root: npt.NDArray[np.int64]
    destination: npt.NDArray[np.int64]
    destination_sat: npt.NDArray[np.int64]


class Quiet(NamedTuple):
    """Sums of the traffic without hops: [source exchange, destination exchange]; the last source row
    is the coinbase."""

    value_sat: npt.NDArray[np.int64]
    tx_count: npt.NDArray[np.int64]


def no_traffic(exchanges: int) -> Quiet:
    """Sums of nothing between so many exchanges, number 0 included."""
    shape = (exchanges + 1, exchanges)
    return Quiet(np.zeros(shape, np.int64), np.zeros(shape, np.int64))


@compiled
def flush_quiet(ledger, first_height, day, noted):  # type: ignore[no-untyped-def]
    """Turn the sums of a run of blocks into rows and begin anew; returns `noted` with the rows.

    A row: (profile, first height of the run, day, source exchange, destination exchange, satoshis,
    transactions).
    """
    value_sat, tx_count = ledger.quiet
    rows, used = with_room(noted, value_sat.size)
    for row in range(value_sat.shape[0]):
        for column in range(value_sat.shape[1]):
            if tx_count[row, column] == 0:
                continue
            rows[used, 0] = ledger.number
            rows[used, 1] = first_height
            rows[used, 2] = day
            rows[used, 3] = row
            rows[used, 4] = column
            rows[used, 5] = value_sat[row, column]
            rows[used, 6] = tx_count[row, column]
            used += 1
            value_sat[row, column] = 0
            tx_count[row, column] = 0
    return Noted(rows, used)


@compiled
def make_scratch(inputs, outputs):  # type: ignore[no-untyped-def]
    """Room for transactions of at most so many inputs and outputs."""
    return Scratch(
        np.empty(inputs + 1, np.int64),
        np.empty(inputs + 1, np.int64),
        np.empty(inputs + 1, np.int64),
        np.empty(outputs + 1, np.int64),
        np.empty(outputs + 1, np.int64),
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
def _add_to_group(groups, sums, count, group, value):  # type: ignore[no-untyped-def]
    for g in range(count):
        if groups[g] == group:
            sums[g] += value
            return count
    groups[count] = group
    sums[count] = value
    return count + 1


@compiled_inner
def _mining_roots(ledger, index, code, start, end, layout, scratch):  # type: ignore[no-untyped-def]
    """Roots of the mining clusters among the inputs [start, end) into `scratch`; returns how many."""
    roots = scratch.miner_root
    count = 0
    for i in range(start, end):
        if code[i] == 0 or hop_of(code[i], layout) != 0:
            continue
        root = root_of(ledger.parent, index[i])
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
def _is_change(ledger, index, group, sources, roots, layout, scratch):  # type: ignore[no-untyped-def]
    """Whether an output stays with an input's exchange or mining cluster."""
    exchange = exchange_of(group, layout)
    if exchange != 0:
        for g in range(sources):
            if exchange_of(scratch.source[g], layout) == exchange:
                return True
    if roots > 0 and hop_of(group, layout) == 0:
        root = root_of(ledger.parent, index)
        for k in range(roots):
            if scratch.miner_root[k] == root:
                return True
    return False


@compiled_inner
def _group_sources(in_sat, in_code, i, i_end, scratch):  # type: ignore[no-untyped-def]
    sources = 0
    for q in range(i, i_end):
        group = np.int64(in_code[q])
        sources = _add_to_group(scratch.source, scratch.source_sat, sources, group, in_sat[q])
    return sources


@compiled_inner
def _group_destinations(ledger, out_sat, work, o, o_end, sources, roots, layout):  # type: ignore[no-untyped-def]
    scratch = work.scratch
    destinations = 0
    for p in range(o, o_end):
        group = np.int64(work.out_code[p])
        if out_sat[p] == 0 or work.is_own[p]:
            continue
        if group != 0 and _is_change(ledger, work.out_index[p], group, sources, roots, layout, scratch):
            continue
        destinations = _add_to_group(
            scratch.destination, scratch.destination_sat, destinations, group, out_sat[p]
        )
    return destinations


@compiled_inner
def _emit(ledger, block, t, sources, destinations, total, layout, scratch, facts):  # type: ignore[no-untyped-def]
    """The amounts between the groups of transaction `t`; returns how many rows `facts` has now."""
    rows, used = facts
    quiet_sat, quiet_txs = ledger.quiet
    for s in range(max(1, sources)):
        group = scratch.source[s] if sources > 0 else np.int64(NO_SOURCE)
        for d in range(destinations):
            amount = scratch.destination_sat[d]
            if sources > 0:
                amount = share(amount, scratch.source_sat[s], total)
            if amount == 0:
                continue
            target = scratch.destination[d]
            if (group >= 0 and hop_of(group, layout) >= 0) or hop_of(target, layout) >= 0:
                rows[used, 0] = ledger.number
                rows[used, 1] = block.height
                rows[used, 2] = t - block.tx
                rows[used, 3] = t
                rows[used, 4] = group
                rows[used, 5] = target
                rows[used, 6] = amount
                used += 1
            else:
                row = exchange_of(group, layout) if group >= 0 else quiet_sat.shape[0] - 1
                column = exchange_of(target, layout)
                quiet_sat[row, column] += amount
                quiet_txs[row, column] += 1
    return used


@compiled_inner
def _add_unmarked(quiet, is_coinbase, received):  # type: ignore[no-untyped-def]
    row = quiet.value_sat.shape[0] - 1 if is_coinbase else 0
    quiet.value_sat[row, 0] += received
    quiet.tx_count[row, 0] += 1


@compiled_inner
def _all_codes(code, start, end):  # type: ignore[no-untyped-def]
    """All codes together: 0 where nobody bears anything."""
    codes = np.int64(0)
    for k in range(start, end):
        codes |= np.int64(code[k])
    return codes


@compiled
def transfer_block(ledger, b, block, work, layout, facts):  # type: ignore[no-untyped-def]
    """All transfers of a block in the profile whose codes after the block `work` holds.

    Appends rows (profile, height, position in block, tx in batch, source, destination, satoshis) to `facts`,
    which are returned.
    """
    in_count, out_count, in_sat, out_sat = b.in_count, b.out_count, b.in_sat, b.out_sat
    in_code, out_code, in_index, scratch = work.in_code, work.out_code, work.in_index, work.scratch
    spent_sat, received_sat = work.spent_sat, work.received_sat
    quiet, netted = ledger.quiet, ledger.netted
    i, o = block.i, block.o
    for t in range(block.tx, block.last_tx):
        i_end = i + in_count[t]
        o_end = o + out_count[t]
        is_coinbase = i_end == i
        moves = received_sat[t] > 0 and (spent_sat[t] > 0 or is_coinbase)
        if _all_codes(in_code, i, i_end) | _all_codes(out_code, o, o_end) == 0:
            if moves:
                _add_unmarked(quiet, is_coinbase, received_sat[t])
        else:
            net_transaction(in_code, in_sat, i, i_end, out_code, out_sat, o, o_end, layout, netted)
            if moves:
                roots = 0
                if ledger.cluster_miners:
                    roots = _mining_roots(ledger, in_index, in_code, i, i_end, layout, scratch)
                sources = _group_sources(in_sat, in_code, i, i_end, scratch)
                destinations = _group_destinations(ledger, out_sat, work, o, o_end, sources, roots, layout)
                facts = with_room(facts, max(1, sources) * destinations)
                used = _emit(ledger, block, t, sources, destinations, spent_sat[t], layout, scratch, facts)
                facts = Noted(facts.rows, used)
        i = i_end
        o = o_end
    return facts
