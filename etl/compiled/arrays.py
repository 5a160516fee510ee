"""The names of the array types that columns have."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Ids = npt.NDArray[np.uint64]
"""64-bit ids of addresses, and other unsigned words"""
Indices = npt.NDArray[np.uint32]
"""positions in an array of at most 2^32 elements"""
Flags = npt.NDArray[np.bool_]
