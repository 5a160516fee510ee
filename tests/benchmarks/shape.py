"""The shape of a benchmark chain: how many, how large, to whom.

Every share below is a documented default and a field of `ChainShape`. The targets are those of
mainnet's whole history (2.4 inputs and 2.65 outputs per transaction, 60 % of the addresses used
once) with the script mix of the blocks of the 2020s, which is what lets more than 3,000
transactions fit into a block of 4,000,000 weight units.

Invariants: a table has `TABLE_SIZE` entries that are the quantiles of its distribution, so that
drawing one entry uniformly draws from the distribution; the script shares add up to one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TABLE_SIZE = 8192
MAX_INPUTS = 320
MAX_OUTPUTS = 420
WEIGHT_LIMIT = 4_000_000
HALVING_BLOCKS = 150
MATURITY_BLOCKS = 100

DEFAULT_POOL_TAGS = (
    "Foundry USA Pool #dropgold",
    "/AntPool/",
    "/ViaBTC/",
    "F2Pool",
    "/Binance/",
    "/slush/",
    "/LUXOR/",
    "/BTC.COM/",
    "/SBICrypto.com Pool/",
    "/poolin.com",
    "/BitFury/",
    "/Braiins/",
    "",
)
"""Coinbase tags of real pools by falling share of the blocks; the last pool signs nothing."""


class Kind(IntEnum):
    """What an output's script is."""

    P2PKH = 0
    P2SH = 1
    P2WPKH = 2
    P2WSH = 3
    P2TR = 4
    OP_RETURN = 5


@dataclass(frozen=True, kw_only=True)
class ChainShape:
    """How a chain looks; shares are of one, counts are per transaction or per block."""

    transactions_per_block: int = 3_300
    """Mean of a full block; blocks vary by a tenth either way and never pass the weight limit."""
    p2pkh: float = 0.14
    p2sh: float = 0.16
    p2wpkh: float = 0.46
    p2wsh: float = 0.05
    p2tr: float = 0.19
    """Shares of the address holders whose addresses are of each kind."""
    op_return: float = 0.08
    """Share of the transactions with one OP_RETURN output, about 3 % of all outputs."""
    miners: int = 12_000
    """Recurring recipients of pool payouts, divided among the pools."""
    services: int = 60
    """Exchange-like holders, a few of them much larger than the rest."""
    newcomers: int = 22
    """Percent of the payments that go to holders who have never been paid."""
    fresh: int = 6
    """Percent of the payments to known holders that go to an address of their own."""
    fresh_change: int = 38
    """Percent of the change that goes to an address of its own."""
    fresh_deposits: int = 30
    """Percent of the payments to services that go to a deposit address of their own."""
    fresh_payouts: int = 0
    """Percent of the pools' payouts that go to an address of their own."""

    def kind_table(self) -> NDArray[np.uint8]:
        """Quantiles of the script kind of a holder."""
        shares = np.array([self.p2pkh, self.p2sh, self.p2wpkh, self.p2wsh, self.p2tr])
        if abs(shares.sum() - 1) > 1e-9:
            raise ValueError(f"script shares add up to {shares.sum():.4f}, not to 1")
        return _quantiles(np.arange(len(shares)), shares).astype(np.uint8)


RICH = ChainShape(
    transactions_per_block=600,
    newcomers=2,
    fresh=1,
    fresh_change=8,
    fresh_deposits=30,
    fresh_payouts=60,
)
"""Most addresses are a pool's, a miner's that it pays, or an exchange's; few are anybody else's."""


class Tables(NamedTuple):
    """Quantile tables that the compiled code draws from."""

    kinds: NDArray[np.uint8]
    inputs: NDArray[np.int64]
    outputs: NDArray[np.int64]
    batch: NDArray[np.int64]
    services: NDArray[np.int64]
    dials: NDArray[np.int64]


class Dial(IntEnum):
    """Index of a number in `Tables.dials`."""

    POOLS = 0
    SERVICES = 1
    MINERS = 2
    OP_RETURN_PER_1024 = 3
    NEWCOMERS = 4
    FRESH = 5
    FRESH_CHANGE = 6
    FRESH_DEPOSITS = 7
    FRESH_PAYOUTS = 8


def tables(shape: ChainShape, pools: int) -> Tables:
    """The tables of a shape.

    Inputs: 68 % of the transactions want one, 14 % two, 5 % three, the rest a power-law tail.
    Outputs: 19 % one, 63 % two, the rest a power-law tail. Both tails reach some hundreds.
    """
    rank = np.arange(1, shape.services + 1)
    dials = [
        pools, shape.services, shape.miners, round(shape.op_return * 1024), shape.newcomers, shape.fresh,
        shape.fresh_change, shape.fresh_deposits, shape.fresh_payouts,
    ]  # fmt: skip
    return Tables(
        kinds=shape.kind_table(),
        inputs=_counts((0.38, 0.27, 0.15), exponent=1.7, largest=MAX_INPUTS - 20),
        outputs=_counts((0.19, 0.63), exponent=2.58, largest=MAX_OUTPUTS - 20),
        batch=_counts((0.0, 0.0, 0.0, 0.0), exponent=1.7, largest=200),
        services=_quantiles(rank - 1, 1 / rank),
        dials=np.array(dials, dtype=np.int64),
    )


def _counts(head: tuple[float, ...], *, exponent: float, largest: int) -> NDArray[np.int64]:
    """Counts 1, 2, ... with the shares of `head`, then a tail falling as count ** -exponent."""
    count = np.arange(1, largest + 1)
    weight = count.astype(np.float64) ** -exponent
    weight[: len(head)] = 0
    weight *= (1 - sum(head)) / weight.sum()
    weight[: len(head)] = head
    return _quantiles(count, weight)


def _quantiles(values: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.int64]:
    points = (np.arange(TABLE_SIZE) + 0.5) / TABLE_SIZE
    cumulative = np.cumsum(weights) / weights.sum()
    index = np.minimum(np.searchsorted(cumulative, points), len(values) - 1)
    return values[index].astype(np.int64)


def subsidy_sat(height: int) -> int:
    """New coins of a regtest block, which halve every 150 blocks."""
    halvings = height // HALVING_BLOCKS
    return 0 if halvings >= 64 else 50 * 100_000_000 >> halvings
