"""Median time past: the clock by which a block has its day."""

from __future__ import annotations

import numpy as np

from etl.compiled.arrays import Ints

WINDOW = 11
"""The block itself and up to ten predecessors."""


def median_times(times: Ints, predecessors: int) -> Ints:
    """Median time past of each block of `times` after the first `predecessors`, which only lead in.

    With fewer than ten blocks before it, a block's median is over what exists (element n // 2 of the
    sorted list), so `predecessors` must be ten unless the chain starts there.
    """
    out = np.empty(len(times) - predecessors, dtype=np.int64)
    short = max(0, min(len(times), WINDOW - 1) - predecessors)
    for i in range(short):
        window = np.sort(times[: predecessors + i + 1])
        out[i] = window[len(window) // 2]
    if len(out) > short:
        windows = np.lib.stride_tricks.sliding_window_view(times, WINDOW)
        start = predecessors + short - (WINDOW - 1)
        out[short:] = np.sort(windows[start:], axis=1)[:, WINDOW // 2]
    return out
