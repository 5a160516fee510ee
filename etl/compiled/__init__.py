"""The one door to compiled code: the two ways in which functions are compiled, and where the result is kept.

Invariants: Numba's cache folder is set before anything is compiled, whoever imports what first (see
etl.cache_folder); no other module imports Numba's decorators. Compiled code checks no index unless
NUMBA_BOUNDSCHECK=1 is set, so whoever writes it proves that each is within its array; the fuzz tests run with
the check on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from etl import cache_folder

CACHE_FOLDER = cache_folder.choose()

os.environ[cache_folder.VARIABLE] = str(CACHE_FOLDER)  # for processes that this one starts

import numba  # noqa: E402

numba.config.CACHE_DIR = str(CACHE_FOLDER)  # type: ignore[attr-defined]  # where Numba was imported before


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function at its first call, and cache the result; other threads go on while it runs."""
    jitted: Callable[..., Any] = numba.njit(cache=True, nogil=True)(function)
    return jitted


def compiled_inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a function that makes no array: it counts no references to those it is given.

    Where a function runs per input or output, that count would cost more than the work.
    """
    options: dict[str, Any] = {"cache": True, "_nrt": False}
    jitted: Callable[..., Any] = numba.njit(**options)(function)
    return jitted
