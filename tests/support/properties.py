"""How much the tests try.

The short form is the same in every run. MINERFLOW_FULL=1 tries more; property tests then take FULL_FACTOR
times as many cases, others in every run.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

FULL_FACTOR = 20
FULL = os.environ.get("MINERFLOW_FULL") == "1"


def scaled(short: int, full: int) -> int:
    """How often to do something in the form of the tests that runs."""
    return full if FULL else short


def cases(short: int) -> int:
    """How many cases to try where the short form tries `short`."""
    return scaled(short, short * FULL_FACTOR)


def examples(short: int) -> settings:
    """Decorator: so many examples, of which none is too slow, for some compile what they test."""
    return settings(
        max_examples=cases(short),
        deadline=None,
        derandomize=not FULL,
        suppress_health_check=[HealthCheck.too_slow],
    )
