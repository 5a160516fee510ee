"""What the addresses of each pool and of each exchange hold at the end of a day.

Invariant: a profile's balances are one array: [0] is what hop 0 holds, [1] what hop 0 and 1 hold together,
[2 + code] what the addresses with that code hold; code 0, which nobody is asked about, is left out.
"""

from __future__ import annotations

import numpy as np

from clustering.attributes import exchange_of, hop_of, pool_of
from clustering.noted import Noted, with_room
from etl.compiled import compiled, compiled_inner

HOP_0, HOP_0_AND_1, BY_CODE = 0, 1, 2
"""Places in an array of balances."""

POOL, EXCHANGE = 0, 1
"""What a row is about."""


@compiled_inner
def add_balance(balances, amount_sat, code, layout):  # type: ignore[no-untyped-def]
    """Add an amount to the sums that an address with this code belongs to."""
    if code == 0:
        return
    balances[BY_CODE + code] += amount_sat
    hop = hop_of(code, layout)
    if hop == 0:
        balances[HOP_0] += amount_sat
    if hop >= 0:
        balances[HOP_0_AND_1] += amount_sat


@compiled
def note_holdings(ledger, height, layout, noted):  # type: ignore[no-untyped-def]
    """Append a row for each pool and exchange that holds something after the block at `height`.

    A row: (profile, height, POOL or EXCHANGE, number, satoshis, satoshis); of pools the second and third
    amount are those of hop 0 and of hop 0 and 1, of exchanges both are the balance. Returns `noted` with
    the rows.
    """
    balances, profile = ledger.supply, ledger.number
    codes = balances.size - BY_CODE
    exchanges = np.zeros(codes // layout.radix + 1, np.int64)
    pools = np.zeros((layout.pools, 2), np.int64)
    for code in range(1, codes):
        held = balances[BY_CODE + code]
        if held == 0:
            continue
        exchanges[exchange_of(code, layout)] += held
        hop = hop_of(code, layout)
        if hop >= 0:
            pool = pool_of(code, layout)
            pools[pool, 1] += held
            if hop == 0:
                pools[pool, 0] += held
    rows, used = with_room(noted, pools.shape[0] + exchanges.size)
    for pool in range(pools.shape[0]):
        if pools[pool, 0] != 0 or pools[pool, 1] != 0:
            used = _append(rows, used, profile, height, POOL, pool, pools[pool, 0], pools[pool, 1])
    for exchange in range(1, exchanges.size):
        held = exchanges[exchange]
        if held != 0:
            used = _append(rows, used, profile, height, EXCHANGE, exchange, held, held)
    return Noted(rows, used)


@compiled_inner
def _append(rows, used, profile, height, what, number, first_sat, second_sat):  # type: ignore[no-untyped-def]
    rows[used, 0] = profile
    rows[used, 1] = height
    rows[used, 2] = what
    rows[used, 3] = number
    rows[used, 4] = first_sat
    rows[used, 5] = second_sat
    return used + 1
