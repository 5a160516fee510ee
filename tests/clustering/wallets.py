"""Random economies of wallets: addresses that are spent together once, and years later change hands.

Most addresses are idle most of the time, so that a range of blocks meets few, and what happens to one of a
wallet happens to others that nobody has seen for long.
"""

from __future__ import annotations

import random

from tests.clustering.economy import Block, Coin, Economy, Identity, Pool, Tx

_WALLETS, _EACH = 6, 5
_EXCHANGES = ("Binance", "Kraken")
_SCRIPTS = (b"", b"/a/", b"/b/", b"nobody")


class _Maker:
    """Makes one economy."""

    def __init__(self, seed: int) -> None:
        self._rng = rng = random.Random(seed)
        self._wallets: list[list[Identity]] = [
            [rng.getrandbits(64) for _ in range(_EACH)] for _ in range(_WALLETS)
        ]
        self._nobodys = {rng.choice(rng.choice(self._wallets))}
        self._names = 0

    def economy(self) -> Economy:
        """The economy."""
        rng = self._rng
        first, time = rng.choice([0, 0, 0, 7]), 1_546_300_000
        blocks = []
        for height in range(first, first + rng.randrange(6, 24)):
            time += rng.choice([600, 600, 30_000, 90_000])
            txs = [self._payment(height) for _ in range(rng.choice([0, 1, 1, 2, 3]))]
            blocks.append(Block(height, time, rng.choice(_SCRIPTS), (self._coinbase(height), *txs)))
        owned = [each for wallet in self._wallets for each in wallet if each not in self._nobodys]
        labels: dict[Identity, str] = {
            each: rng.choice(_EXCHANGES) for each in rng.sample(owned, rng.randrange(4))
        }
        overwritten = frozenset({first + 3} if rng.random() < 0.2 else ())
        pools = (Pool("A", (rng.choice(owned),), ("/a/",)), Pool("B", (), ("/b/",)))
        return Economy(tuple(blocks), pools, labels, overwritten)

    def _coin(self, identity: Identity, value_sat: int) -> Coin:
        return Coin(identity, identity not in self._nobodys, value_sat)

    def _anyone(self) -> Identity:
        return self._rng.choice(self._rng.choice(self._wallets))

    def _coinbase(self, height: int) -> Tx:
        paid = [self._anyone() if self._rng.random() < 0.3 else self._wallets[0][0] for _ in range(1)]
        return Tx(f"{height} coinbase", (), tuple(self._coin(each, 5_000_000_000) for each in paid))

    def _payment(self, height: int) -> Tx:
        """By two of a wallet mostly, now and then by those of two wallets, or by one alone."""
        rng = self._rng
        self._names += 1
        wallet = rng.choice(self._wallets)
        payers: list[Identity] = rng.sample(wallet, rng.choice([1, 2, 2, 3]))
        if rng.random() < 0.25:
            payers.append(self._anyone())
        values = [rng.choice([0, 1, 600, 10**6, 10**9]) for _ in payers]
        paid = [self._anyone() for _ in range(rng.choice([1, 1, 2, 3]))]
        if rng.random() < 0.5:  # a wallet sweeps its coins
            paid = [rng.choice(wallet)]
        left, outputs = sum(values), []
        for each in paid:
            value_sat = rng.choice([left, left // 2, left // 3])
            outputs.append(self._coin(each, value_sat))
            left -= value_sat
        inputs = tuple(self._coin(each, value) for each, value in zip(payers, values, strict=True))
        return Tx(f"{height} {self._names}", inputs, tuple(outputs))

    def cuts(self, economy: Economy) -> set[int]:
        """Heights after which a range ends."""
        share = self._rng.choice([0.2, 0.5, 1])
        return {block.height for block in economy.blocks if self._rng.random() < share}


def wallet_economy(seed: int) -> tuple[Economy, set[int]]:
    """An economy, and heights after which to cut it."""
    maker = _Maker(seed)
    economy = maker.economy()
    return economy, maker.cuts(economy)
