"""The transfers that a block's transactions make, whoever they are between: Coin Metrics' TxTfr metrics.

Invariant: a transfer is an output of a transaction that is no coinbase, with value > 0, no OP_RETURN, to
none of the transaction's input addresses. Neither profiles nor labels have a say in it.
"""

from __future__ import annotations

import numpy as np

from clustering.sorting import sort
from etl.chain.identity import OP_RETURN
from etl.jit import compiled, compiled_inner

_NESTED_LOOP_LIMIT = 4096


@compiled_inner
def _is_among(ids, start, end, wanted):  # type: ignore[no-untyped-def]
    for q in range(start, end):
        if ids[q] == wanted:
            return True
    return False


@compiled_inner
def _is_among_sorted(ids, wanted):  # type: ignore[no-untyped-def]
    low = 0
    high = ids.size
    while low < high:
        middle = (low + high) >> 1
        if ids[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low < ids.size and ids[low] == wanted


@compiled
def _count_wide(in_id, i, i_end, out_id, out_kind, out_sat, o, o_end):  # type: ignore[no-untyped-def]
    """(transfers, satoshis) of a transaction with many inputs and outputs."""
    known = in_id[i:i_end].copy()
    sort(known, known.size)
    count = 0
    value = 0
    for p in range(o, o_end):
        if out_sat[p] > 0 and out_kind[p] != OP_RETURN and not _is_among_sorted(known, out_id[p]):
            count += 1
            value += out_sat[p]
    return count, value


@compiled
def block_transfers(tx_count, in_count, out_count, in_id, out_id, out_kind, out_sat):  # type: ignore[no-untyped-def]
    """(n, 2): how many transfers each of n blocks has, and their satoshis; columns as in kernel.Batch."""
    found = np.zeros((tx_count.size, 2), np.int64)
    tx = i = o = 0
    for block in range(tx_count.size):
        count = 0
        value = 0
        for t in range(tx, tx + tx_count[block]):
            i_end = i + in_count[t]
            o_end = o + out_count[t]
            if (i_end - i) * (o_end - o) > _NESTED_LOOP_LIMIT:
                more, sats = _count_wide(in_id, i, i_end, out_id, out_kind, out_sat, o, o_end)
                count += more
                value += sats
            elif i_end > i:
                for p in range(o, o_end):
                    if out_sat[p] == 0 or out_kind[p] == OP_RETURN or _is_among(in_id, i, i_end, out_id[p]):
                        continue
                    count += 1
                    value += out_sat[p]
            i = i_end
            o = o_end
        tx += tx_count[block]
        found[block, 0] = count
        found[block, 1] = value
    return found
