"""The long form of the tests: MINERFLOW_FULL=1 python -m pytest tests/durability."""

from __future__ import annotations

import os

IS_FULL = bool(os.environ.get("MINERFLOW_FULL"))


def scaled(short: int, full: int) -> int:
    """How often to do something in the form of the tests that runs."""
    return full if IS_FULL else short
