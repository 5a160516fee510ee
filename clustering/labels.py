"""Exchange labels: which addresses belong to which exchange.

Invariant: an address bears one exchange.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Label:
    """One labelled address."""

    address: str
    exchange: str
    source: str | None
    address_id: int
