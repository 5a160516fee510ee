"""Who owns which unspent output: the pool that every new transaction spends from.

All state is a handful of flat arrays, so that memory is 64 bytes per unspent output, 16 per holder
and 1 per address. Invariants: a slot with value 0 is free and linked in the free list; the coins
of a holder form one queue from HEAD to TAIL (links are slot + 1, so that 0 ends the queue);
coinbase outputs enter only when they are mature; an address id is given out with its first use.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tests.benchmarks.shape import TABLE_SIZE, Dial, Tables

# Columns of `coins`; the first four are the txid as little-endian words.
VALUE, ORIGIN, HOLDER, LINK = 4, 5, 6, 7
# Columns of `holders`.
HEAD, TAIL, COUNT, MAIN = 0, 1, 2, 3
# Columns of `tally`.
SLOTS, FREE, LIVE, HOLDERS, ADDRESSES, CREATED = 0, 1, 2, 3, 4, 5
INPUTS, OUTPUTS, OP_RETURNS, FEES, IN_BLOCK, CO_SPENDS = 6, 7, 8, 9, 10, 11
TALLIES = 12

RECENT = 16384
SERVICE_STOCK = 400
DUST_SAT = 1_200
MAX_OUTPUTS_PER_BLOCK = 40_000
_DIAL_POOLS, _DIAL_SERVICES = int(Dial.POOLS), int(Dial.SERVICES)
_DIAL_MINERS = int(Dial.MINERS)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1, _MIX2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S33 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(33)


class Wallets(NamedTuple):
    """Every holder's coins, and the generator that decides what they do."""

    coins: NDArray[np.int64]
    holders: NDArray[np.int32]
    uses: NDArray[np.uint8]
    recent: NDArray[np.int64]
    tally: NDArray[np.int64]
    rng: NDArray[np.uint64]


def new_wallets(transactions: int, seed: int, reserved_holders: int) -> Wallets:
    """Room for a chain; pages that are never reached cost no memory."""
    tally = np.zeros(TALLIES, np.int64)
    tally[HOLDERS] = reserved_holders
    holders = np.zeros((transactions + reserved_holders + 100_000, 4), np.int32)
    holders[:reserved_holders, MAIN] = -1
    return Wallets(
        coins=np.zeros((transactions + 1_000_000, 8), np.int64),
        holders=holders,
        uses=np.zeros(2 * transactions + 1_000_000, np.uint8),
        recent=np.zeros(RECENT, np.int64),
        tally=tally,
        rng=np.array([seed, mix64(np.uint64(seed ^ 0x5EED))], np.uint64),
    )


def check_room(wallets: Wallets) -> None:
    """Raise MemoryError where another block might not fit into the arrays."""
    sizes = (
        (SLOTS, len(wallets.coins)),
        (HOLDERS, len(wallets.holders)),
        (ADDRESSES, len(wallets.uses)),
    )
    for column, size in sizes:
        if wallets.tally[column] + MAX_OUTPUTS_PER_BLOCK > size:
            raise MemoryError(f"wallet array {column} is full at {size} rows")


@njit(cache=True, forceinline=True)
def mix64(z: np.uint64) -> np.uint64:
    """Finaliser of splitmix64."""
    z = (z ^ (z >> _S30)) * _MIX1
    z = (z ^ (z >> _S27)) * _MIX2
    return z ^ (z >> _S31)


@njit(cache=True, forceinline=True)
def next64(rng: NDArray[np.uint64]) -> np.uint64:
    """Next 64 random bits (splitmix64; rng[0] is the state, rng[1] the salt of the addresses)."""
    rng[0] += _GOLDEN
    return mix64(rng[0])


@njit(cache=True, forceinline=True)
def draw(rng: NDArray[np.uint64], bound: int) -> int:
    """A whole number in [0, bound), bound < 2**31."""
    return int((np.int64(next64(rng) >> _S33) * bound) >> 31)


@njit(cache=True, forceinline=True)
def draw_from(table: NDArray[np.int64], rng: NDArray[np.uint64]) -> int:
    """A number from a quantile table."""
    return int(table[draw(rng, TABLE_SIZE)])


@njit(cache=True, forceinline=True)
def keyed(rng: NDArray[np.uint64], number: int) -> np.uint64:
    """64 bits that depend only on the seed and a number."""
    return mix64(rng[1] + np.uint64(number) * _GOLDEN)


@njit(cache=True, forceinline=True)
def kind_of(w: Wallets, t: Tables, holder: int) -> int:
    """Script kind of all addresses of a holder."""
    return int(t.kinds[np.int64(mix64(~keyed(w.rng, holder)) >> _S33) % TABLE_SIZE])


@njit(cache=True, forceinline=True)
def new_address(w: Wallets) -> int:
    """A never used address."""
    address = w.tally[ADDRESSES]
    w.tally[ADDRESSES] += 1
    return int(address)


@njit(cache=True)
def main_address(w: Wallets, holder: int) -> int:
    """The address that a holder uses again and again."""
    if w.holders[holder, MAIN] < 0:
        w.holders[holder, MAIN] = new_address(w)
    return int(w.holders[holder, MAIN])


@njit(cache=True, forceinline=True)
def new_holder(w: Wallets) -> int:
    """A holder without coins or addresses."""
    holder = w.tally[HOLDERS]
    w.tally[HOLDERS] += 1
    w.holders[holder, MAIN] = -1
    return int(holder)


@njit(cache=True, forceinline=True)
def _take_slot(w: Wallets) -> int:
    w.tally[LIVE] += 1
    free = w.tally[FREE]
    if free > 0:
        w.tally[FREE] = w.coins[free - 1, LINK]
        return int(free - 1)
    w.tally[SLOTS] += 1
    return int(w.tally[SLOTS] - 1)


@njit(cache=True, forceinline=True)
def _enqueue(w: Wallets, holder: int, slot: int) -> None:
    if w.holders[holder, COUNT] == 0:
        w.holders[holder, HEAD] = slot + 1
    else:
        w.coins[w.holders[holder, TAIL] - 1, LINK] |= (slot + 1) << 32
    w.holders[holder, TAIL] = slot + 1
    w.holders[holder, COUNT] += 1


@njit(cache=True)
def add_coin(
    w: Wallets,
    txid_words: NDArray[np.int64],
    vout: int,
    value_sat: int,
    origin: int,
    holder: int,
    address: int,
) -> None:
    """Give `holder` an output; `origin` is height * 16 + kind * 2 + is_coinbase."""
    slot = _take_slot(w)
    coin = w.coins[slot]
    coin[:VALUE] = txid_words
    coin[VALUE] = value_sat
    coin[ORIGIN] = origin
    coin[HOLDER] = holder << 32 | address
    coin[LINK] = vout
    _enqueue(w, holder, slot)
    w.recent[w.tally[CREATED] % RECENT] = slot
    w.tally[CREATED] += 1


@njit(cache=True, forceinline=True)
def pop_coin(w: Wallets, holder: int) -> int:
    """Slot of a holder's oldest coin, taken out of the queue but not yet freed."""
    slot = np.int64(w.holders[holder, HEAD]) - 1
    w.holders[holder, HEAD] = w.coins[slot, LINK] >> 32
    w.holders[holder, COUNT] -= 1
    return int(slot)


@njit(cache=True, forceinline=True)
def free_slot(w: Wallets, slot: int) -> None:
    """Give back the slot of a spent coin."""
    w.coins[slot, VALUE] = 0
    w.coins[slot, LINK] = w.tally[FREE]
    w.tally[FREE] = slot + 1
    w.tally[LIVE] -= 1


@njit(cache=True, forceinline=True)
def any_holder(w: Wallets) -> int:
    """Holder of a random unspent output, so that large holders are met more often."""
    if w.tally[LIVE] == 0:
        return new_holder(w)
    slot = draw(w.rng, w.tally[SLOTS])
    while w.coins[slot, VALUE] == 0:
        slot = draw(w.rng, w.tally[SLOTS])
    return int(w.coins[slot, HOLDER] >> 32)


@njit(cache=True, forceinline=True)
def known_user(w: Wallets, t: Tables) -> int:
    """A random holder who is neither pool, service nor recurring miner."""
    reserved = t.dials[_DIAL_POOLS] + t.dials[_DIAL_SERVICES] + t.dials[_DIAL_MINERS]
    users = w.tally[HOLDERS] - reserved
    return reserved + draw(w.rng, users) if users else new_holder(w)


@njit(cache=True, forceinline=True)
def last_address(w: Wallets, holder: int) -> int:
    """The address of a holder's newest coin, -1 without one."""
    if w.holders[holder, COUNT] == 0:
        return -1
    return int(w.coins[w.holders[holder, TAIL] - 1, HOLDER] & 0xFFFFFFFF)


@njit(cache=True, forceinline=True)
def recent_holder(w: Wallets) -> int:
    """Holder of one of the newest outputs, or of any where that one is spent."""
    reach = min(w.tally[CREATED], RECENT)
    if reach == 0:
        return any_holder(w)
    slot = w.recent[(w.tally[CREATED] - 1 - draw(w.rng, reach)) % RECENT]
    if w.coins[slot, VALUE] == 0:
        return any_holder(w)
    return int(w.coins[slot, HOLDER] >> 32)


@njit(cache=True, forceinline=True)
def any_service(w: Wallets, t: Tables) -> int:
    """An exchange-like holder, the first ones most often."""
    return int(t.dials[_DIAL_POOLS] + draw_from(t.services, w.rng))


@njit(cache=True, forceinline=True)
def _is_service(w: Wallets, t: Tables, holder: int) -> bool:
    first = t.dials[_DIAL_POOLS]
    return bool(first <= holder < first + t.dials[_DIAL_SERVICES])


@njit(cache=True, forceinline=True)
def _is_dust(w: Wallets, holder: int) -> bool:
    """Whether a holder's oldest coin is hardly worth its fee."""
    return bool(w.coins[w.holders[holder, HEAD] - 1, VALUE] < DUST_SAT)


@njit(cache=True, forceinline=True)
def _small_spender(w: Wallets, t: Tables) -> int:
    """Somebody with a few coins to spend, rarely only dust.

    Services keep a stock for their large transactions.
    """
    service = any_service(w, t)
    if draw(w.rng, 100) < 14 and w.holders[service, COUNT] > SERVICE_STOCK:
        return service
    holder = recent_holder(w) if draw(w.rng, 100) < 70 else any_holder(w)
    for _ in range(4):
        if not _is_service(w, t, holder) and not _is_dust(w, holder):
            break
        holder = any_holder(w)
    return holder


@njit(cache=True, forceinline=True)
def spender(w: Wallets, t: Tables, n_in: int) -> int:
    """Who spends next: somebody who can fill `n_in` inputs, as far as a few tries find one."""
    best = _small_spender(w, t)
    for _ in range(3):
        if w.holders[best, COUNT] >= n_in:
            break
        other = any_service(w, t) if n_in > 4 else any_holder(w)
        scarce = n_in > 4 and w.holders[other, COUNT] < SERVICE_STOCK
        if not scarce and w.holders[other, COUNT] > w.holders[best, COUNT]:
            best = other
    return best
