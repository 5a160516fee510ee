"""The two ways in which functions are compiled here.

Compiled code checks no index unless NUMBA_BOUNDSCHECK=1 is set, so whoever writes it proves that each is
within its array; the fuzz tests run with the check on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function at its first call, and cache the result; other threads go on while it runs."""
    return njit(cache=True, nogil=True)(function)


def compiled_inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a function that makes no array: it counts no references to those it is given.

    Where a function runs per input or output, that count would cost more than the work.
    """
    options: dict[str, Any] = {"cache": True, "_nrt": False}
    jitted: Callable[..., Any] = njit(**options)(function)
    return jitted
