"""How much the property and fuzz tests try.

The short form is the same in every run. MINERFLOW_FULL=1 tries FULL_FACTOR times as many cases, others
in every run.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

FULL_FACTOR = 20
FULL = os.environ.get("MINERFLOW_FULL") == "1"


def cases(short: int) -> int:
    """How many cases to try where the short form tries `short`."""
    return short * FULL_FACTOR if FULL else short


def examples(short: int) -> settings:
    """Decorator: so many examples, of which none is too slow, for some compile what they test."""
    return settings(
        max_examples=cases(short),
        deadline=None,
        derandomize=not FULL,
        suppress_health_check=[HealthCheck.too_slow],
    )
