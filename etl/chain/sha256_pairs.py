"""SHA-256 of many byte spans at once, two by two, by instructions of the processor (see sha256_x86).

Invariant: whole blocks are hashed where they lie; the padded end of a message is put together beside.
"""

from __future__ import annotations

import numpy as np
from numba import uint8, uint32, uint64

from etl.chain.sha256_parts import in_order_of_blocks
from etl.chain.sha256_x86 import compress_pair
from etl.jit import compiled, compiled_inner

_BLOCK = 64


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


@compiled_inner
def _write_end(data, start, length, end):  # type: ignore[no-untyped-def]
    """The last one or two blocks of a message: its last bytes, a one bit, zeros, its length in bits."""
    left = length & (_BLOCK - 1)
    p = uint64(start + length - left)
    for k in range(uint64(left)):
        end[k] = data[p + k]
    end[left] = 0x80
    size = _BLOCK if left < 56 else 2 * _BLOCK
    for k in range(left + 1, size - 8):
        end[k] = 0
    for k in range(8):
        end[size - 1 - k] = uint8(uint64(8 * length) >> uint64(8 * k))


@compiled_inner
def _address(block, start, length, data_address, end_address):  # type: ignore[no-untyped-def]
    """Where a block of a message lies."""
    whole = length // _BLOCK
    if block < whole:
        return data_address + uint64(start + _BLOCK * block)
    return end_address + uint64(_BLOCK * (block - whole))


@compiled
def hash_in_pairs(data, start, length, double, initial, place, out):  # type: ignore[no-untyped-def]
    """Digests of `data[start[i] : start[i] + length[i]]` into `out` (n, 8), as words in memory."""
    order, blocks = in_order_of_blocks(length)
    states = np.empty((2, 8), np.uint32)
    digests = np.zeros((2, 16), np.uint32)
    digests[:, 8] = _big_endian(uint32(0x80000000))
    digests[:, 15] = _big_endian(uint32(256))
    ends = np.empty((2, 2 * _BLOCK), np.uint8)
    data_at = uint64(data.ctypes.data)
    state_at, other_state_at = uint64(states.ctypes.data), uint64(states[1].ctypes.data)
    end_at, other_end_at = uint64(ends.ctypes.data), uint64(ends[1].ctypes.data)
    digest_at, other_digest_at = uint64(digests.ctypes.data), uint64(digests[1].ctypes.data)
    at = 0
    while at < order.size:
        one = order[at]
        count = blocks[one]
        paired = at + 1 < order.size and blocks[order[at + 1]] == count
        other = order[at + 1] if paired else one
        states[0] = initial
        states[1] = initial
        _write_end(data, start[one], length[one], ends[0])
        _write_end(data, start[other], length[other], ends[1])
        for block in range(count):
            compress_pair(
                state_at, other_state_at,
                _address(block, start[one], length[one], data_at, end_at),
                _address(block, start[other], length[other], data_at, other_end_at),
            )  # fmt: skip
        if double:
            for k in range(2):
                _write_digest(states[k], place, digests[k])
                states[k] = initial
            compress_pair(state_at, other_state_at, digest_at, other_digest_at)
        _write_digest(states[0], place, out[one])
        _write_digest(states[1], place, out[other])
        at += 2 if paired else 1
