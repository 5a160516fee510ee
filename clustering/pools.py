"""Which pool mined a block (methodology section 3).

Invariant: the first ownable coinbase output with value > 0 that pays a known pool decides; else the first
pool in list order one of whose tags occurs in the coinbase scriptSig; else the pool is Unknown (index 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

UNKNOWN = 0


@dataclass(frozen=True)
class PoolBook:
    """Known pools; pool `names[i]` has index i + 1."""

    names: tuple[str, ...]
    by_address: dict[int, int]
    """pool index by address id"""
    tags: tuple[tuple[bytes, int], ...]
    """(tag, pool index) in list order"""

    def pool_of(self, paid_ids: Sequence[int], script_sig: bytes) -> int:
        """Index of the pool of a block.

        `paid_ids` are the address ids of the coinbase's ownable outputs with value > 0, in order.
        """
        for paid in paid_ids:
            pool = self.by_address.get(paid)
            if pool is not None:
                return pool
        return next((pool for tag, pool in self.tags if tag in script_sig), UNKNOWN)
