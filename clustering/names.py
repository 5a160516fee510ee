"""Names that stand for no single pool or exchange, so that none may bear them."""

from __future__ import annotations

UNKNOWN_POOL = "Unknown"
"""The pool of blocks that no known pool mined."""
ALL_MINERS = "all_miner"
"""All miners taken as one."""
ALL_EXCHANGES = "all_exchange"
"""All exchanges taken as one."""

RESERVED_NAMES = frozenset({UNKNOWN_POOL, ALL_MINERS, ALL_EXCHANGES})
