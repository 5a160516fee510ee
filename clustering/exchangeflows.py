"""What flows into and out of exchanges, miners or not, netted per transaction and exchange.

Invariants: a transaction that pays an exchange more than it takes from it is an inflow of the difference,
one that takes more an outflow, fees included. Number 0 stands for all exchanges taken as one: what moves
between exchanges is in the sums of both, and not in those. Coinbases pay in without taking.
So the sum of all flows of an exchange is what its addresses hold, as long as none of them changes hands.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.attributes import exchange_of
from clustering.noted import Noted, with_room
from etl.compiled import compiled, compiled_inner

Ints = npt.NDArray[np.int64]


class Netted(NamedTuple):
    """Sums of a run of blocks and room for one transaction, all by exchange."""

    in_sat: Ints
    out_sat: Ints
    net_sat: Ints
    """of the transaction at hand, else 0"""
    touched: Ints
    """the exchanges of the transaction at hand"""


def no_flows(exchanges: int) -> Netted:
    """Sums of nothing for so many exchanges, number 0 included."""
    return Netted(*(np.zeros(exchanges, np.int64) for _ in range(4)))


@compiled_inner
def _add(code, start, end, value_sat, sign, layout, net_sat, touched, count):  # type: ignore[no-untyped-def]
    """Add inputs or outputs [start, end) of a transaction; returns how many exchanges it touches."""
    for k in range(start, end):
        if code[k] < layout.radix:  # no exchange, as with most
            continue
        exchange = exchange_of(code[k], layout)
        known = False
        for c in range(count):
            known = known or touched[c] == exchange
        if not known:
            touched[count] = exchange
            count += 1
        net_sat[exchange] += sign * value_sat[k]
    return count


@compiled_inner
def _settle(exchange, net, in_sat, out_sat):  # type: ignore[no-untyped-def]
    if net > 0:
        in_sat[exchange] += net
    else:
        out_sat[exchange] -= net


@compiled_inner
def net_transaction(  # type: ignore[no-untyped-def]
    in_code, in_value, i, i_end, out_code, out_value, o, o_end, layout, netted
):
    """Add a transaction with inputs [i, i_end) and outputs [o, o_end) to a Netted."""
    in_sat, out_sat, net_sat, touched = netted
    count = _add(in_code, i, i_end, in_value, -1, layout, net_sat, touched, 0)
    count = _add(out_code, o, o_end, out_value, 1, layout, net_sat, touched, count)
    total = np.int64(0)
    for c in range(count):
        exchange = touched[c]
        _settle(exchange, net_sat[exchange], in_sat, out_sat)
        total += net_sat[exchange]
        net_sat[exchange] = 0
    _settle(0, total, in_sat, out_sat)


@compiled
def flush_flows(ledger, first_height, day, noted):  # type: ignore[no-untyped-def]
    """Turn the sums of a run of blocks into rows and begin anew; returns `noted` with the rows.

    A row: (profile, first height of the run, day, exchange, satoshis in, satoshis out).
    """
    in_sat, out_sat = ledger.netted.in_sat, ledger.netted.out_sat
    rows, used = with_room(noted, in_sat.size)
    for exchange in range(in_sat.size):
        if in_sat[exchange] == 0 and out_sat[exchange] == 0:
            continue
        rows[used, 0] = ledger.number
        rows[used, 1] = first_height
        rows[used, 2] = day
        rows[used, 3] = exchange
        rows[used, 4] = in_sat[exchange]
        rows[used, 5] = out_sat[exchange]
        in_sat[exchange] = 0
        out_sat[exchange] = 0
        used += 1
    return Noted(rows, used)
