"""What the tracker sums up beside transfers, once more: plain dictionaries, slow and literal.

Transfers and active addresses are the chain's own (tests/data/golden/README.md defines them, and its
chain_stats.csv holds what another program counted). Exchange flows are netted as Coin Metrics documents: a
transaction that spends 100 of exchange A and pays 90 back to it is an outflow of 10; of 10 out of A, 5 to B
and 5 elsewhere, A has 10 out, B 5 in, and all exchanges together have 5 out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping

from tests.clustering.economy import Block, Coin, Economy, Identity, Tx

Attributes = tuple[int | None, str | None, str | None]

ALL = "all_exchange"


def transfers(block: Block) -> tuple[int, int]:
    """(number, satoshis) of a block's transfers."""
    values = [
        coin.value_sat
        for tx in block.txs[1:]
        for coin in tx.outputs
        if coin.value_sat > 0
        and not coin.is_op_return
        and coin.identity not in {each.identity for each in tx.inputs}
    ]
    return len(values), sum(values)


def active(economy: Economy) -> dict[int, int]:
    """By day: distinct identities in inputs and ownable outputs."""
    found: dict[int, set[Identity]] = defaultdict(set)
    for block in economy.blocks:
        named = found[block.day]
        for tx in block.txs if block.height > 0 else ():
            named.update(coin.identity for coin in tx.inputs)
            named.update(coin.identity for coin in tx.outputs if coin.is_ownable)
    return {day: len(named) for day, named in found.items()}


def net_flows(tx: Tx, attributes_of: Callable[[Coin], Attributes]) -> dict[str, int]:
    """By exchange, and for ALL of them as one: satoshis in, negative if out, where not 0."""
    net: Counter[str] = Counter()
    for coins, sign in ((tx.inputs, -1), (tx.outputs, 1)):
        for coin in coins:
            exchange = attributes_of(coin)[2]
            if exchange is not None:
                net[exchange] += sign * coin.value_sat
                net[ALL] += sign * coin.value_sat
    return {name: amount for name, amount in net.items() if amount}


def holdings(
    known: Mapping[Identity, Attributes], balances: Mapping[Identity, int]
) -> dict[tuple[str, str], tuple[int, ...]]:
    """By ("pool", name): satoshis of hop 0, of hop 0 and 1; by ("exchange", name): satoshis; if not all 0."""
    pools: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    exchanges: Counter[str] = Counter()
    for identity, (hop, pool, exchange) in known.items():
        if pool is not None:
            pools[pool][0] += balances[identity] if hop == 0 else 0
            pools[pool][1] += balances[identity]
        if exchange is not None:
            exchanges[exchange] += balances[identity]
    found: list[tuple[tuple[str, str], tuple[int, ...]]] = [
        *((("pool", name), tuple(sums)) for name, sums in pools.items()),
        *((("exchange", name), (held,)) for name, held in exchanges.items()),
    ]
    return {key: sums for key, sums in found if any(sums)}


def last_heights(blocks: Iterable[Block]) -> set[int]:
    """Heights of the last block of each day."""
    return set({block.day: block.height for block in blocks}.values())
