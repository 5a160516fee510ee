"""CoinJoin rules (methodology section 4), on whole batches of transactions.

Invariant: rules are tried in the order whirlpool, wasabi1, wasabi2, joinmarket, and the first that fits
names the transaction. "Distinct" counts identities, ownable or not.
Sources: Goldfeder et al. 2017 (arXiv 1708.04748) and BlockSci's isCoinjoin for the JoinMarket rule;
Schnoering & Vazirgiannis 2023 (arXiv 2311.12491) for Whirlpool and Wasabi.
"""

from __future__ import annotations

import numpy as np

from etl.compiled import compiled, compiled_inner
from etl.compiled.sorting import sort

RULES = ("", "whirlpool", "wasabi1", "wasabi2", "joinmarket")
"""Names by number; 0 is no CoinJoin."""

_WHIRLPOOL, _WASABI1, _WASABI2, _JOINMARKET = 1, 2, 3, 4
_WHIRLPOOL_EXTRA_SAT = 110_000
_DUST_546, _DUST_2730 = 546, 2730


@compiled
def _sorted(values):  # type: ignore[no-untyped-def]
    copy = values.copy()
    sort(copy, copy.size)
    return copy


@compiled
def _distinct(sorted_values):  # type: ignore[no-untyped-def]
    count = 0
    for i in range(sorted_values.size):
        if i == 0 or sorted_values[i] != sorted_values[i - 1]:
            count += 1
    return count


@compiled
def _longest_run(sorted_values):  # type: ignore[no-untyped-def]
    longest = 0
    run = 0
    for i in range(sorted_values.size):
        run = run + 1 if i > 0 and sorted_values[i] == sorted_values[i - 1] else 1
        longest = max(longest, run)
    return longest


@compiled
def _top(sorted_values):  # type: ignore[no-untyped-def]
    """(highest multiplicity, lowest value having it)"""
    best = 0
    denomination = np.int64(0)
    run = 0
    for i in range(sorted_values.size):
        run = run + 1 if i > 0 and sorted_values[i] == sorted_values[i - 1] else 1
        if run > best:
            best = run
            denomination = sorted_values[i]
    return best, denomination


@compiled
def _repeats(sorted_values):  # type: ignore[no-untyped-def]
    """(values that repeat, entries that bear one of them)"""
    values = 0
    entries = 0
    run = 0
    for i in range(sorted_values.size):
        if i > 0 and sorted_values[i] == sorted_values[i - 1]:
            run += 1
            if run == 2:
                values += 1
                entries += 2
            else:
                entries += 1
        else:
            run = 1
    return values, entries


@compiled
def _is_whirlpool(in_sat, out_sat, inputs_distinct, outputs_distinct):  # type: ignore[no-untyped-def]
    n = in_sat.size
    if n < 5 or n > 10 or out_sat.size != n or inputs_distinct != n or outputs_distinct != n:
        return False
    pool = out_sat[0]
    if not (pool == 100_000 or pool == 1_000_000 or pool == 5_000_000 or pool == 50_000_000):
        return False
    for i in range(n):
        if out_sat[i] != pool:
            return False
        if in_sat[i] < pool or in_sat[i] > pool + _WHIRLPOOL_EXTRA_SAT:
            return False
    return True


@compiled_inner
def _is_wasabi1_base(denomination):  # type: ignore[no-untyped-def]
    """About 0.1 BTC, or 0.05 BTC as in the first months (methodology section 4)."""
    return 4_500_000 <= denomination <= 5_500_000 or 8_000_000 <= denomination <= 12_000_000


@compiled
def _is_wasabi2(out_sorted, in_ids_sorted, outputs_distinct):  # type: ignore[no-untyped-def]
    inputs = in_ids_sorted.size
    outputs = out_sorted.size
    if inputs < 20 or outputs_distinct != outputs or out_sorted[0] < 5000:
        return False
    values, entries = _repeats(out_sorted)
    return values >= 3 and 2 * entries >= outputs - 1 and 10 * _longest_run(in_ids_sorted) <= inputs


@compiled
def coinjoin_rule(in_id, in_sat, out_id, out_sat):  # type: ignore[no-untyped-def]
    """Number of the rule that a transaction fits, 0 for none."""
    inputs = in_id.size
    outputs = out_id.size
    participants = (outputs + 1) // 2
    if inputs < 3 or participants < 3:
        return 0
    in_ids = _sorted(in_id)
    inputs_distinct = _distinct(in_ids)
    out_sorted = _sorted(out_sat)
    top, denomination = _top(out_sorted)
    outputs_distinct = _distinct(_sorted(out_id))
    if _is_whirlpool(in_sat, out_sat, inputs_distinct, outputs_distinct):
        return _WHIRLPOOL
    all_distinct = outputs_distinct == outputs
    if inputs >= 10 and 10 <= top <= inputs_distinct and _is_wasabi1_base(denomination) and all_distinct:
        return _WASABI1
    if _is_wasabi2(out_sorted, in_ids, outputs_distinct):
        return _WASABI2
    if (
        participants <= inputs_distinct
        and top == participants
        and denomination != _DUST_546
        and denomination != _DUST_2730
        and all_distinct
    ):
        return _JOINMARKET
    return 0


@compiled
def coinjoin_rules(in_count, out_count, in_id, in_sat, out_id, out_sat):  # type: ignore[no-untyped-def]
    """Rule number of each transaction of a batch: uint8 (t,)."""
    rules = np.zeros(in_count.size, np.uint8)
    i = 0
    o = 0
    for tx in range(in_count.size):
        j = i + in_count[tx]
        p = o + out_count[tx]
        if j - i >= 3 and p - o >= 5:
            rules[tx] = coinjoin_rule(in_id[i:j], in_sat[i:j], out_id[o:p], out_sat[o:p])
        i = j
        o = p
    return rules
