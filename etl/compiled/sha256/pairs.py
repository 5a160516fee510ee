"""SHA-256 of many padded messages, two by two, by instructions of the processor (see sha256_x86)."""

from __future__ import annotations

import numpy as np
from numba import uint32, uint64

from etl.compiled import compiled, compiled_inner
from etl.compiled.sha256.parts import BLOCK, in_order_of_blocks
from etl.compiled.sha256.x86 import compress_pair


@compiled_inner
def _big_endian(word):  # type: ignore[no-untyped-def]
    """The number whose bytes in memory are those of `word`, the highest first, on a little-endian machine."""
    return uint32(
        (word >> uint32(24))
        | ((word >> uint32(8)) & uint32(0xFF00))
        | ((word << uint32(8)) & uint32(0xFF0000))
        | (word << uint32(24))
    )


@compiled_inner
def _write_digest(state, place, out):  # type: ignore[no-untyped-def]
    """The digest that a state stands for, as eight words in memory."""
    for i in range(8):
        out[i] = _big_endian(state[place[i]])


@compiled
def hash_in_pairs(message, start, double, initial, place, out):  # type: ignore[no-untyped-def]
    """Digests of the padded messages that begin at `start[:-1]` into `out` (n, 8), as words in memory."""
    order, blocks = in_order_of_blocks(start)
    states = np.empty((2, 8), np.uint32)
    digests = np.zeros((2, 16), np.uint32)
    digests[:, 8] = _big_endian(uint32(0x80000000))
    digests[:, 15] = _big_endian(uint32(256))
    message_at = uint64(message.ctypes.data)
    state_at, other_state_at = uint64(states.ctypes.data), uint64(states[1].ctypes.data)
    digest_at, other_digest_at = uint64(digests.ctypes.data), uint64(digests[1].ctypes.data)
    at = 0
    while at < order.size:
        paired = at + 1 < order.size and blocks[at + 1] == blocks[at]
        one = order[at]
        other = order[at + 1] if paired else one
        states[0] = initial
        states[1] = initial
        for block in range(blocks[at]):
            compress_pair(
                state_at, other_state_at,
                message_at + uint64(start[one] + BLOCK * block),
                message_at + uint64(start[other] + BLOCK * block),
            )  # fmt: skip
        if double:
            for k in range(2):
                _write_digest(states[k], place, digests[k])
                states[k] = initial
            compress_pair(state_at, other_state_at, digest_at, other_digest_at)
        _write_digest(states[0], place, out[one])
        _write_digest(states[1], place, out[other])
        at += 2 if paired else 1
