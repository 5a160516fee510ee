"""Attributes of an address as one small integer, the code.

Invariants: code 0 bears nothing; code = exchange * radix + membership, where membership is 0 for no hop,
1 + pool for hop 0 and 1 + pools + pool for hop 1; pool 0 is Unknown and exchange 0 is none. Equal codes
mean equal attributes, so a code names a group of methodology section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

UNKNOWN_POOL = "Unknown"

NO_HOP = -1


@dataclass(frozen=True)
class CodeBook:
    """The names behind the codes of one run."""

    pools: tuple[str, ...]
    """pools[0] is Unknown"""
    exchanges: tuple[str | None, ...]
    """exchanges[0] is None"""

    @classmethod
    def of(cls, pools: Sequence[str], exchanges: Sequence[str]) -> CodeBook:
        """A book of known pools in list order and exchange names, sorted here."""
        return cls((UNKNOWN_POOL, *pools), (None, *sorted(set(exchanges))))

    @property
    def radix(self) -> int:
        """Number of memberships."""
        return 1 + 2 * len(self.pools)

    @property
    def dtype(self) -> npt.DTypeLike:
        """The smallest type that holds every code."""
        codes = self.radix * len(self.exchanges)
        return np.uint16 if codes <= 1 << 16 else np.uint32

    def spell(self, code: int) -> tuple[int | None, str | None, str | None]:
        """(hop, pool, exchange) of a code."""
        exchange, membership = divmod(code, self.radix)
        if membership == 0:
            return None, None, self.exchanges[exchange]
        hop, pool = divmod(membership - 1, len(self.pools))
        return hop, self.pools[pool], self.exchanges[exchange]


@njit(cache=True, inline="always")
def hop_of(code, radix):  # type: ignore[no-untyped-def]
    """0, 1 or NO_HOP."""
    membership = np.int64(code) % radix
    if membership == 0:
        return NO_HOP
    return 0 if membership <= radix // 2 else 1


@njit(cache=True, inline="always")
def pool_of(code, radix):  # type: ignore[no-untyped-def]
    """Pool index of a code that bears a hop."""
    return (np.int64(code) % radix - 1) % (radix // 2)


@njit(cache=True, inline="always")
def exchange_of(code, radix):  # type: ignore[no-untyped-def]
    """Exchange index, 0 for none."""
    return np.int64(code) // radix


@njit(cache=True, inline="always")
def with_hop(code, hop, pool, radix):  # type: ignore[no-untyped-def]
    """The code with this hop and pool and the same exchange."""
    return np.int64(code) // radix * radix + 1 + hop * (radix // 2) + pool


@njit(cache=True, inline="always")
def with_exchange(code, exchange, radix):  # type: ignore[no-untyped-def]
    """The code with this exchange and the same hop and pool."""
    return exchange * radix + np.int64(code) % radix
