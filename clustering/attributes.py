"""Attributes of an address as one small integer, the code.

Invariants: code 0 bears nothing; code = exchange * radix + membership, where membership is 0 for no hop,
1 + pool for hop 0 and 1 + pools + pool for hop 1; pool 0 is Unknown and exchange 0 is none. Equal codes
mean equal attributes, so a code names a group of methodology section 6. Codes take 16 bits wherever they
fit, which keeps an address's record at 32 bytes (see clustering.registry).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.names import UNKNOWN_POOL
from etl.compiled import compiled_inner

NO_HOP = -1


class Layout(NamedTuple):
    """How codes are put together, for compiled code."""

    radix: int
    """more than any membership"""
    pools: int
    """number of pools, Unknown included"""
    reciprocal: int
    """code // radix is code * reciprocal >> shift: no division for what every input and output needs"""
    shift: int


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
    def layout(self) -> Layout:
        """How codes are put together.

        With 16 bits: the closest radix r, and floor(c / r) = c * ceil(2**32 / r) >> 32 for c < 2**16 and
        r < 2**16, since the reciprocal is less than r / 2**32 too large. With 32 bits: a power of two.
        """
        radix = 1 + 2 * len(self.pools)
        if radix * len(self.exchanges) <= 1 << 16:
            return Layout(radix, len(self.pools), -(-(1 << 32) // radix), 32)
        shift = (radix - 1).bit_length()
        return Layout(1 << shift, len(self.pools), 1, shift)

    @property
    def dtype(self) -> npt.DTypeLike:
        """The smallest type that holds every code."""
        codes = len(self.exchanges) * self.layout.radix
        return np.uint16 if codes <= 1 << 16 else np.uint32

    def codes(self) -> Iterator[int]:
        """Every code that can occur."""
        for exchange in range(len(self.exchanges)):
            for membership in range(1 + 2 * len(self.pools)):
                yield exchange * self.layout.radix + membership

    def spell(self, code: int) -> tuple[int | None, str | None, str | None]:
        """(hop, pool, exchange) of a code."""
        exchange, membership = divmod(code, self.layout.radix)
        if membership == 0:
            return None, None, self.exchanges[exchange]
        hop, pool = divmod(membership - 1, len(self.pools))
        return hop, self.pools[pool], self.exchanges[exchange]


@compiled_inner
def exchange_of(code, layout):  # type: ignore[no-untyped-def]
    """Exchange index, 0 for none."""
    return np.int64(code) * layout.reciprocal >> layout.shift


@compiled_inner
def membership_of(code, layout):  # type: ignore[no-untyped-def]
    """0 for no hop, else what stands for hop and pool."""
    return np.int64(code) - exchange_of(code, layout) * layout.radix


@compiled_inner
def hop_of(code, layout):  # type: ignore[no-untyped-def]
    """0, 1 or NO_HOP."""
    membership = membership_of(code, layout)
    if membership == 0:
        return NO_HOP
    return 0 if membership <= layout.pools else 1


@compiled_inner
def pool_of(code, layout):  # type: ignore[no-untyped-def]
    """Pool index of a code that bears a hop."""
    pool = membership_of(code, layout) - 1
    return pool if pool < layout.pools else pool - layout.pools


@compiled_inner
def with_hop(code, hop, pool, layout):  # type: ignore[no-untyped-def]
    """The code with this hop and pool and the same exchange."""
    return exchange_of(code, layout) * layout.radix + 1 + hop * layout.pools + pool


@compiled_inner
def with_exchange(code, exchange, layout):  # type: ignore[no-untyped-def]
    """The code with this exchange and the same hop and pool."""
    return exchange * layout.radix + membership_of(code, layout)
