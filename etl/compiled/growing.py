"""Memory for an array that grows where it lies.

Invariants: elements never move; they are zero until written, and take memory from then on. Pages are as
large as the system offers, for elements are looked up all over the array: with small ones the processor
would wait for the way to nearly every element.
"""

from __future__ import annotations

import mmap
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from etl.errors import OutOfMemory

_LEAST_BYTES = 1 << 26


def _physical_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _reserved(size: int) -> mmap.mmap:
    """So many bytes of addresses, or fewer where the system promises no more than it has."""
    while True:
        try:
            return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except OSError as error:
            if size < _LEAST_BYTES:
                raise OutOfMemory(
                    f"the system gives no memory to register addresses in ({error})",
                    "stop other programs, or raise the limit of this one",
                ) from error
            size //= 2


class Room:
    """Room for as many elements as the machine's memory could hold."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        memory = _reserved(_physical_bytes())
        if hasattr(mmap, "MADV_HUGEPAGE"):
            memory.madvise(mmap.MADV_HUGEPAGE)
        self._elements = np.frombuffer(memory, dtype=dtype, count=len(memory) // dtype.itemsize)

    def first(self, count: int) -> npt.NDArray[Any]:
        """The first `count` elements. Raises OutOfMemory."""
        if count > len(self._elements):
            raise OutOfMemory(
                f"{count} addresses need more memory than there is for them "
                f"({self._elements.nbytes >> 20} MB)",
                "use a machine with more memory, or index a shorter range",
            )
        return self._elements[:count]
