"""A chain as plain Python values: what the reference tracker reads, and what tables of the lake are made of.

An identity is any number or text; equal identities are one address.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Identity = int | str
SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Coin:
    """An output, or the output that an input spends."""

    identity: Identity
    is_ownable: bool
    value_sat: int

    @property
    def is_op_return(self) -> bool:
        """By the script that a text names; of numbers, which have none, a quarter."""
        if isinstance(self.identity, str):
            return self.identity.startswith("script:6a")
        return not self.is_ownable and self.identity % 4 == 1


@dataclass(frozen=True)
class Tx:
    """A transaction; `name` tells it from every other one. A coinbase has no inputs."""

    name: str
    inputs: tuple[Coin, ...]
    outputs: tuple[Coin, ...]


@dataclass(frozen=True)
class Block:
    """A block; the first transaction is the coinbase, whose scriptSig is `script`."""

    height: int
    mediantime: int
    script: bytes
    txs: tuple[Tx, ...]

    @property
    def day(self) -> int:
        """Days since 1970-01-01."""
        return self.mediantime // SECONDS_A_DAY


@dataclass(frozen=True)
class Pool:
    """A known pool."""

    name: str
    addresses: tuple[Identity, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Economy:
    """Consecutive blocks, and what is known of their people."""

    blocks: tuple[Block, ...]
    pools: tuple[Pool, ...] = ()
    labels: dict[Identity, str] = field(default_factory=dict)
    """exchange by address"""
    overwritten_coinbases: frozenset[int] = frozenset()
    """heights whose coinbases credit no balance"""

    @property
    def first_height(self) -> int:
        """Where it starts; balances are known from 0 on."""
        return self.blocks[0].height
