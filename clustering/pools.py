"""Which pool mined a block (methodology section 3).

Invariants: a coinbase names its pool by a payout address, the first that is a known pool's, and by a tag,
the one that begins earliest in the scriptSig. The address is asked first, unless the tag is a signature
(/name/) or the coinbase pays many; the first of the two that knows decides. Neither: Unknown (index 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

UNKNOWN = 0

_MOST_RECIPIENTS = 4
"""A coinbase that pays more is a pool's that pays its miners there, some of whom may be pools themselves."""


@dataclass(frozen=True)
class PoolBook:
    """Known pools; pool `names[i]` has index i + 1."""

    names: tuple[str, ...]
    by_address: dict[int, int]
    """pool index by address id"""
    tags: tuple[tuple[bytes, int], ...]
    """(tag, pool index) in list order; compared without regard to the case of ASCII letters"""

    def pool_of(self, paid_ids: Sequence[int], script_sig: bytes) -> int:
        """Index of the pool of a block.

        `paid_ids` are the address ids of the coinbase's ownable outputs with value > 0, in order.
        """
        by_address = next((self.by_address[paid] for paid in paid_ids if paid in self.by_address), UNKNOWN)
        tag, by_tag = self._first_tag(script_sig)
        is_signature = tag.startswith(b"/") and tag.endswith(b"/")
        if is_signature or len(paid_ids) > _MOST_RECIPIENTS:
            return by_tag or by_address
        return by_address or by_tag

    def _first_tag(self, script_sig: bytes) -> tuple[bytes, int]:
        """The tag that begins earliest, of those the longest, of those the first in the list; its pool."""
        script = script_sig.lower()
        found = [
            (at, -len(tag), order)
            for order, (tag, _) in enumerate(self._lower_tags)
            if (at := script.find(tag)) >= 0
        ]
        return self._lower_tags[min(found)[2]] if found else (b"", UNKNOWN)

    @cached_property
    def _lower_tags(self) -> tuple[tuple[bytes, int], ...]:
        return tuple((tag.lower(), pool) for tag, pool in self.tags)
