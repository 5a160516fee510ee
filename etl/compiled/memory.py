"""What becomes of memory that a process has freed.

Each batch takes and frees the same large arrays. The C library would return them to the system, which
clears every page anew for the next batch: a tenth of an extraction's time, a twentieth of the tracker's.
"""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of the settings in glibc's malloc.h."""
_KEPT_BYTES = 64 << 20
_LARGEST_KEPT_BYTES = 32 << 20
"""The most that glibc takes for an array that is kept."""


def keep_freed_memory() -> None:
    """Have this process keep up to _KEPT_BYTES of what it frees. Without glibc nothing changes."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)


def give_back_memory() -> None:
    """Return what this process keeps to the system, where its C library is glibc."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
