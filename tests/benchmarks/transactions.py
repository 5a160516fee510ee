"""The transactions of one block, built in compiled code straight into the block's bytes.

Invariants: an input spends a coin that `Wallets` holds, and only once; the outputs of a transaction
are worth what its inputs are less a fee of at least 0; every output but OP_RETURN is worth at
least 1 satoshi; a transaction may spend outputs of an earlier one of the same block; the undo data
of transaction i are written in the order of its inputs.
Numba's cache does not notice that a compiled function of another file has changed: after an edit of
`encoding`, `wallets`, `sha256` or `shape`, delete `__pycache__`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tests.benchmarks.encoding import (
    OP_RETURN,
    P2PKH,
    P2SH,
    put_compact,
    put_eight,
    put_number,
    put_random,
    put_script,
    put_script_sig,
    put_undo_coin,
    put_witness,
)
from tests.benchmarks.sha256 import SPARE_BYTES, WORK_SIZE, sha256d
from tests.benchmarks.shape import MAX_OUTPUTS, WEIGHT_LIMIT, Dial, Tables
from tests.benchmarks.wallets import (
    CO_SPENDS,
    COUNT,
    FEES,
    IN_BLOCK,
    INPUTS,
    LIVE,
    OP_RETURNS,
    OUTPUTS,
    Wallets,
    add_coin,
    any_holder,
    any_service,
    draw,
    draw_from,
    free_slot,
    kind_of,
    known_user,
    last_address,
    main_address,
    new_address,
    new_holder,
    pop_coin,
    spender,
)

# Columns of `Buffers.planned`.
TO_HOLDER, TO_ADDRESS, TO_KIND, TO_VALUE = 0, 1, 2, 3
# Results of `fill_block`.
TX_COUNT, TX_BYTES, UNDO_BYTES, BLOCK_FEES, BLOCK_WEIGHT = 0, 1, 2, 3, 4

COINBASE_WEIGHT = 2_000
LARGE_TX_WEIGHT = 440_000
SMALL_POOL = 25_000
MAX_TXS = 12_000
_DIAL_POOLS, _DIAL_SERVICES = int(Dial.POOLS), int(Dial.SERVICES)
_DIAL_MINERS, _DIAL_OP_RETURN = int(Dial.MINERS), int(Dial.OP_RETURN_PER_1024)
_DIAL_NEWCOMERS, _DIAL_FRESH = int(Dial.NEWCOMERS), int(Dial.FRESH)
_DIAL_CHANGE, _DIAL_DEPOSITS = int(Dial.FRESH_CHANGE), int(Dial.FRESH_DEPOSITS)
_DIAL_PAYOUTS = int(Dial.FRESH_PAYOUTS)


class Buffers(NamedTuple):
    """Memory that every block uses again.

    Row 0 of `txids` and `ends` is the coinbase's; transaction i is block[ends[i - 1] : ends[i]].
    """

    body: NDArray[np.uint8]
    witness: NDArray[np.uint8]
    block: NDArray[np.uint8]
    undo: NDArray[np.uint8]
    txids: NDArray[np.uint8]
    txid_words: NDArray[np.int64]
    ends: NDArray[np.int64]
    planned: NDArray[np.int64]
    work: NDArray[np.uint32]
    scratch: NDArray[np.uint8]


def new_buffers() -> Buffers:
    """Buffers that hold any block that `fill_block` can make."""
    txids = np.zeros((MAX_TXS + 2, 32), np.uint8)
    return Buffers(
        body=np.zeros(500_000, np.uint8),
        witness=np.zeros(500_000, np.uint8),
        block=np.zeros(WEIGHT_LIMIT + 1_000_000, np.uint8),
        undo=np.zeros(3_000_000, np.uint8),
        txids=txids,
        txid_words=txids.view(np.int64),
        ends=np.zeros(MAX_TXS + 1, np.int64),
        planned=np.zeros((MAX_OUTPUTS + 1, 4), np.int64),
        work=np.zeros(WORK_SIZE, np.uint32),
        scratch=np.zeros(32 + 2 * SPARE_BYTES, np.uint8),
    )


@njit(cache=True, forceinline=True)
def _plan(b: Buffers, k: int, holder: int, address: int, kind: int) -> None:
    b.planned[k, TO_HOLDER] = holder
    b.planned[k, TO_ADDRESS] = address
    b.planned[k, TO_KIND] = kind


@njit(cache=True, forceinline=True)
def _plan_user(w: Wallets, t: Tables, b: Buffers, k: int) -> None:
    """Pay a known holder, rich or not, at the usual or at a fresh address."""
    holder = any_holder(w) if draw(w.rng, 100) < 55 else known_user(w, t)
    fresh = draw(w.rng, 100) < t.dials[_DIAL_FRESH]
    address = new_address(w) if fresh else main_address(w, holder)
    _plan(b, k, holder, address, kind_of(w, t, holder))


@njit(cache=True, forceinline=True)
def _plan_newcomer(w: Wallets, t: Tables, b: Buffers, k: int) -> None:
    holder = new_holder(w)
    _plan(b, k, holder, main_address(w, holder), kind_of(w, t, holder))


@njit(cache=True, forceinline=True)
def _plan_service(w: Wallets, t: Tables, b: Buffers, k: int) -> None:
    """Pay an exchange-like holder at a fresh or known deposit address or at its hot wallet."""
    holder = any_service(w, t)
    dice = draw(w.rng, 100)
    address = last_address(w, holder)
    deposits = t.dials[_DIAL_DEPOSITS]
    if dice < deposits:
        address = new_address(w)
    elif dice < deposits + 30 or address < 0:
        address = main_address(w, holder)
    _plan(b, k, holder, address, kind_of(w, t, holder))


@njit(cache=True, forceinline=True)
def _plan_miner(w: Wallets, t: Tables, b: Buffers, k: int, pool: int) -> None:
    """Pay one of a pool's own miners, large ones more often."""
    each = max(t.dials[_DIAL_MINERS] // t.dials[_DIAL_POOLS], 1)
    rank = min(draw(w.rng, each), draw(w.rng, each))
    first = t.dials[_DIAL_POOLS] + t.dials[_DIAL_SERVICES]
    holder = first + (pool * each + rank) % t.dials[_DIAL_MINERS]
    fresh = t.dials[_DIAL_PAYOUTS] > 0 and draw(w.rng, 100) < t.dials[_DIAL_PAYOUTS]
    _plan(b, k, holder, new_address(w) if fresh else main_address(w, holder), kind_of(w, t, holder))


@njit(cache=True)
def _plan_payment(w: Wallets, t: Tables, b: Buffers, k: int, to_service_percent: int) -> None:
    """Pay a service, a newcomer or somebody who holds coins."""
    dice = draw(w.rng, 100)
    if dice < to_service_percent:
        _plan_service(w, t, b, k)
    elif dice < to_service_percent + t.dials[_DIAL_NEWCOMERS]:
        _plan_newcomer(w, t, b, k)
    else:
        _plan_user(w, t, b, k)


@njit(cache=True, forceinline=True)
def _plan_change(w: Wallets, t: Tables, b: Buffers, k: int, holder: int) -> None:
    reserved = t.dials[_DIAL_POOLS] + t.dials[_DIAL_SERVICES] + t.dials[_DIAL_MINERS]
    fresh = holder >= reserved and draw(w.rng, 100) < t.dials[_DIAL_CHANGE]
    address = new_address(w) if fresh else main_address(w, holder)
    _plan(b, k, holder, address, kind_of(w, t, holder))


@njit(cache=True)
def _plan_outputs(w: Wallets, t: Tables, b: Buffers, holder: int, n_in: int, n_out: int) -> None:
    """Decide who gets the outputs; one of several is change."""
    pools, services = t.dials[_DIAL_POOLS], t.dials[_DIAL_SERVICES]
    is_miner = pools + services <= holder < pools + services + t.dials[_DIAL_MINERS]
    to_service = 55 if is_miner else (25 if holder < pools + services else 60)
    change = draw(w.rng, n_out) if n_out > 1 or n_in >= 8 else -1
    for k in range(n_out):
        if k == change:
            _plan_change(w, t, b, k, holder)
        elif holder < pools:
            _plan_miner(w, t, b, k, holder)
        else:
            _plan_payment(w, t, b, k, to_service)


@njit(cache=True, forceinline=True)
def _share_out(w: Wallets, b: Buffers, n_out: int, total_sat: int) -> None:
    """Divide `total_sat` into `n_out` parts of at least 1 satoshi, many of them round."""
    weights = 0
    for k in range(n_out):
        b.planned[k, TO_VALUE] = 16_000 + (draw(w.rng, 65_536) * draw(w.rng, 65_536) >> 16)
        weights += b.planned[k, TO_VALUE]
    left = total_sat
    for k in range(n_out):
        part = 1 + (total_sat - n_out) * b.planned[k, TO_VALUE] // weights
        if k < n_out - 1 and part > 20_000 and draw(w.rng, 10) < 4:
            part -= part % (10_000 if part > 200_000 else 1_000)
        b.planned[k, TO_VALUE] = part
        left -= part
    b.planned[n_out - 1, TO_VALUE] += left


@njit(cache=True, forceinline=True)
def _fee_sat(w: Wallets, n_in: int, n_out: int, total_sat: int) -> int:
    """A skewed fee rate of 1 to 17 sat/vB, never more than a twentieth of what is spent."""
    rate = 1 + (draw(w.rng, 64) * draw(w.rng, 64) >> 8)
    return min((11 + 75 * n_in + 33 * n_out) * rate, total_sat // 20)


@njit(cache=True, forceinline=True)
def _write_input(w: Wallets, b: Buffers, at: int, wit: int, undo: int, slot: int) -> tuple[int, int, int]:
    coin = w.coins[slot]
    kind = (coin[5] >> 1) & 7
    nested = kind == P2SH and (coin[6] & 3) != 0
    for i in range(4):
        at = put_eight(b.body, at, np.uint64(coin[i]))
    at = put_number(b.body, at, coin[7] & 0xFFFFFFFF, 4)
    at = put_script_sig(b.body, at, kind, nested, w.rng)
    at = put_number(b.body, at, 0xFFFFFFFD if draw(w.rng, 2) else 0xFFFFFFFF, 4)
    wit = put_witness(b.witness, wit, kind, nested, w.rng)
    undo = put_undo_coin(b.undo, undo, coin, w.rng)
    return at, wit, undo


@njit(cache=True, forceinline=True)
def _write_inputs(
    w: Wallets, b: Buffers, holder: int, n_in: int, undo: int, height: int
) -> tuple[int, int, int, int, bool]:
    """Spend the holder's `n_in` oldest coins; version and inputs are left in `body`."""
    at = put_compact(b.body, put_number(b.body, 0, 2, 4), n_in)
    undo = put_compact(b.undo, undo, n_in)
    wit, total, segwit, first = 0, 0, False, -1
    for _ in range(n_in):
        slot = pop_coin(w, holder)
        coin = w.coins[slot]
        kind = (coin[5] >> 1) & 7
        segwit |= kind != P2PKH and (kind != P2SH or (coin[6] & 3) != 0)
        total += coin[4]
        w.tally[IN_BLOCK] += coin[5] >> 4 == height
        w.tally[CO_SPENDS] += first >= 0 and coin[6] != first
        first = coin[6]
        at, wit, undo = _write_input(w, b, at, wit, undo, slot)
        free_slot(w, slot)
    w.tally[INPUTS] += n_in
    return at, wit, undo, total, segwit


@njit(cache=True, forceinline=True)
def _write_op_return(w: Wallets, b: Buffers, at: int) -> int:
    size = 20 + draw(w.rng, 56)
    at = put_number(b.body, at, 0, 8)
    b.body[at], b.body[at + 1], b.body[at + 2] = size + 2, OP_RETURN, size
    w.tally[OP_RETURNS] += 1
    return put_random(b.body, at + 3, size, w.rng)


@njit(cache=True, forceinline=True)
def _write_outputs(w: Wallets, b: Buffers, at: int, n_out: int, op_return: bool) -> int:
    at = put_compact(b.body, at, n_out + op_return)
    for k in range(n_out):
        at = put_number(b.body, at, b.planned[k, TO_VALUE], 8)
        address = b.planned[k, TO_ADDRESS]
        at = put_script(b.body, at, b.planned[k, TO_KIND], address, w.rng)
        w.uses[address] = min(w.uses[address] + 1, 255)
    if op_return:
        at = _write_op_return(w, b, at)
    w.tally[OUTPUTS] += n_out + op_return
    return at


@njit(cache=True, forceinline=True)
def _assemble(b: Buffers, at: int, body: int, wit: int, segwit: bool) -> int:
    """Copy a transaction into the block, with marker and witness where it has one."""
    if not segwit:
        b.block[at : at + body] = b.body[:body]
        return at + body
    b.block[at : at + 4] = b.body[:4]
    b.block[at + 4], b.block[at + 5] = 0, 1
    at += 6
    b.block[at : at + body - 8] = b.body[4 : body - 4]
    at += body - 8
    b.block[at : at + wit] = b.witness[:wit]
    at += wit
    b.block[at : at + 4] = b.body[body - 4 : body]
    return at + 4


@njit(cache=True, forceinline=True)
def _credit(w: Wallets, b: Buffers, i: int, n_out: int, height: int) -> None:
    """Hand out the new coins of transaction `i`."""
    for k in range(n_out):
        row = b.planned[k]
        origin = height * 16 + row[TO_KIND] * 2
        add_coin(w, b.txid_words[i], k, row[TO_VALUE], origin, row[TO_HOLDER], row[TO_ADDRESS])


@njit(cache=True)
def _add_transaction(
    w: Wallets,
    t: Tables,
    b: Buffers,
    result: NDArray[np.int64],
    holder: int,
    n_in: int,
    n_out: int,
    height: int,
) -> None:
    """Append a transaction to block and undo buffers and take its coins over."""
    at, wit, undo, total, segwit = _write_inputs(w, b, holder, n_in, result[UNDO_BYTES], height)
    n_out = max(1, min(n_out, total // 250))
    fee = _fee_sat(w, n_in, n_out, total)
    _plan_outputs(w, t, b, holder, n_in, n_out)
    _share_out(w, b, n_out, total - fee)
    op_return = draw(w.rng, 1024) < t.dials[_DIAL_OP_RETURN]
    at = _write_outputs(w, b, at, n_out, op_return)
    at = put_number(b.body, at, height - 1 if draw(w.rng, 5) == 0 else 0, 4)
    start, i = result[TX_BYTES], result[TX_COUNT]
    end = _assemble(b, start, at, wit, segwit)
    b.ends[i] = end
    sha256d(b.body, 0, at, b.txids[i], b.work, b.scratch)
    _credit(w, b, i, n_out, height)
    w.tally[FEES] += fee
    result[TX_COUNT] += 1
    result[TX_BYTES] = end
    result[UNDO_BYTES] = undo
    result[BLOCK_FEES] += fee
    result[BLOCK_WEIGHT] += 3 * at + end - start


@njit(cache=True, forceinline=True)
def _add_payout(w: Wallets, t: Tables, b: Buffers, result: NDArray[np.int64], pool: int, height: int) -> None:
    """A pool divides its matured coins among 40 to 300 of its miners."""
    n_in = min(w.holders[pool, COUNT], 25)
    _add_transaction(w, t, b, result, pool, n_in, 40 + draw(w.rng, 260), height)


@njit(cache=True, forceinline=True)
def _add_spend(w: Wallets, t: Tables, b: Buffers, result: NDArray[np.int64], height: int) -> None:
    """Anybody spends; small numbers only where the block is nearly full."""
    n_in = draw_from(t.inputs, w.rng)
    n_out = draw_from(t.outputs, w.rng)
    if result[BLOCK_WEIGHT] > WEIGHT_LIMIT - LARGE_TX_WEIGHT:
        n_in, n_out = min(n_in, 3), min(n_out, 3)
    if w.tally[LIVE] < SMALL_POOL:
        n_in, n_out = 1, n_out + 6
    holder = spender(w, t, n_in)
    services = t.dials[_DIAL_POOLS] + t.dials[_DIAL_SERVICES]
    if t.dials[_DIAL_POOLS] <= holder < services and n_in < 4 and draw(w.rng, 100) < 8:
        n_out = max(n_out, draw_from(t.batch, w.rng))
    _add_transaction(w, t, b, result, holder, min(n_in, w.holders[holder, COUNT]), n_out, height)


@njit(cache=True)
def fill_block(
    w: Wallets, t: Tables, b: Buffers, height: int, transactions: int, payout_pool: int
) -> NDArray[np.int64]:
    """Write up to `transactions` transactions after the coinbase's place.

    `payout_pool` is the pool whose coinbase just matured, or -1. Fewer are written where the
    weight limit is reached or nobody has anything to spend.
    """
    result = np.zeros(5, np.int64)
    result[TX_COUNT] = 1
    result[BLOCK_WEIGHT] = COINBASE_WEIGHT
    if payout_pool >= 0 and transactions > 0:
        _add_payout(w, t, b, result, payout_pool, height)
    while result[TX_COUNT] <= transactions and w.tally[LIVE] > 0:
        if result[BLOCK_WEIGHT] > WEIGHT_LIMIT - 25_000:
            break
        _add_spend(w, t, b, result, height)
    return result
