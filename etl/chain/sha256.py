"""SHA-256 of many byte spans at once, by the fastest way that the processor has.

Invariant: the digests equal `hashlib.sha256` (FIPS 180-4) for every span.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from etl.chain import sha256_x86
from etl.chain.sha256_lanes import hash_in_lanes
from etl.chain.sha256_pairs import hash_in_pairs
from etl.chain.sha256_parts import INITIAL, ROUND_KEYS


def sha256_spans(
    data: npt.NDArray[np.uint8],
    start: npt.NDArray[np.int64],
    length: npt.NDArray[np.int64],
    *,
    double: bool,
) -> npt.NDArray[np.uint8]:
    """SHA-256 (twice if `double`) of `data[start[i] : start[i] + length[i]]`: shape (n, 32)."""
    out = np.empty((len(start), 32), dtype=np.uint8)
    if len(start) == 0:
        return out
    if sha256_x86.AVAILABLE:
        hash_in_pairs(data, start, length, double, sha256_x86.START, sha256_x86.PLACE, out.view(np.uint32))
    else:
        hash_in_lanes(data, start, length, double, INITIAL, ROUND_KEYS, out)
    return out
