"""SHA-256 of many byte spans at once, sixteen messages side by side in vector registers.

Invariant: the spans of equal padded length share the sixteen lanes, so the loops over lanes compile to
vector instructions, on any processor.
"""

from __future__ import annotations

import numpy as np
from numba import uint32, uint64

from etl.chain.sha256_parts import in_order_of_blocks
from etl.jit import compiled, compiled_inner

_LANES = 16


@compiled_inner
def _rotate(x, n):  # type: ignore[no-untyped-def]
    return uint32(uint32(x >> uint32(n)) | uint32(x << uint32(32 - n)))


@compiled_inner
def _round(v, w, keys, t, a, b, c, d, e, f, g, h):  # type: ignore[no-untyped-def]
    key = keys[t]
    for lane in range(_LANES):
        ve = v[e, lane]
        va = v[a, lane]
        vb = v[b, lane]
        vc = v[c, lane]
        t1 = uint32(
            v[h, lane]
            + uint32(_rotate(ve, 6) ^ _rotate(ve, 11) ^ _rotate(ve, 25))
            + uint32((ve & v[f, lane]) ^ (~ve & v[g, lane]))
            + key
            + w[t, lane]
        )
        t2 = uint32(
            uint32(_rotate(va, 2) ^ _rotate(va, 13) ^ _rotate(va, 22))
            + uint32((va & vb) ^ (va & vc) ^ (vb & vc))
        )
        v[d, lane] = uint32(v[d, lane] + t1)
        v[h, lane] = uint32(t1 + t2)


@compiled
def _compress(state, w, keys, v):  # type: ignore[no-untyped-def]
    """One 64-byte block per lane: `w[:16]` holds its words, `state` (8, lanes) is updated."""
    for t in range(16, 64):
        for lane in range(_LANES):
            x = w[t - 15, lane]
            y = w[t - 2, lane]
            s0 = uint32(_rotate(x, 7) ^ _rotate(x, 18) ^ uint32(x >> uint32(3)))
            s1 = uint32(_rotate(y, 17) ^ _rotate(y, 19) ^ uint32(y >> uint32(10)))
            w[t, lane] = uint32(w[t - 16, lane] + s0 + w[t - 7, lane] + s1)
    for i in range(8):
        for lane in range(_LANES):
            v[i, lane] = state[i, lane]
    for t in range(0, 64, 8):
        _round(v, w, keys, t, 0, 1, 2, 3, 4, 5, 6, 7)
        _round(v, w, keys, t + 1, 7, 0, 1, 2, 3, 4, 5, 6)
        _round(v, w, keys, t + 2, 6, 7, 0, 1, 2, 3, 4, 5)
        _round(v, w, keys, t + 3, 5, 6, 7, 0, 1, 2, 3, 4)
        _round(v, w, keys, t + 4, 4, 5, 6, 7, 0, 1, 2, 3)
        _round(v, w, keys, t + 5, 3, 4, 5, 6, 7, 0, 1, 2)
        _round(v, w, keys, t + 6, 2, 3, 4, 5, 6, 7, 0, 1)
        _round(v, w, keys, t + 7, 1, 2, 3, 4, 5, 6, 7, 0)
    for i in range(8):
        for lane in range(_LANES):
            state[i, lane] = uint32(state[i, lane] + v[i, lane])


@compiled_inner
def _big_endian(data, p):  # type: ignore[no-untyped-def]
    return uint32(
        (uint32(data[p]) << uint32(24))
        | (uint32(data[p + uint64(1)]) << uint32(16))
        | (uint32(data[p + uint64(2)]) << uint32(8))
        | uint32(data[p + uint64(3)])
    )


@compiled_inner
def _load_whole_block(data, start, w, lane):  # type: ignore[no-untyped-def]
    """Words of the 64 bytes from `start` on."""
    # Unsigned indices: no check for negative ones, so that four loads become one.
    p = uint64(start)
    column = uint64(lane)
    for t in range(uint64(16)):
        w[t, column] = _big_endian(data, p + uint64(4) * t)


@compiled_inner
def _load_last_blocks(data, start, length, block, w, lane):  # type: ignore[no-untyped-def]
    """Words of the `block`-th padded 64-byte block of `data[start : start + length]`, not all message."""
    left = length - block * 64
    whole_words = max(0, left >> 2)
    p = uint64(start + block * 64)
    for t in range(whole_words):
        w[t, lane] = _big_endian(data, p)
        p += uint64(4)
    for t in range(whole_words, 16):
        w[t, lane] = uint32(0)
    if left >= 0:
        tail = left & 3
        word = uint32(0x80 << (8 * (3 - tail)))
        for k in range(tail):
            word |= uint32(uint32(data[p + uint64(k)]) << uint32(8 * (3 - k)))
        w[whole_words, lane] = word
    if left <= 55:
        w[14, lane] = uint32(length >> 29)
        w[15, lane] = uint32(length << 3)


@compiled
def _digest_words(w, state):  # type: ignore[no-untyped-def]
    """Make the digests in `state` the messages in `w`: one padded block of 32 bytes each."""
    for lane in range(_LANES):
        for i in range(8):
            w[i, lane] = state[i, lane]
            w[i + 8, lane] = uint32(0)
        w[8, lane] = uint32(0x80000000)
        w[15, lane] = uint32(256)


@compiled
def hash_in_lanes(data, start, length, double, initial, keys, out):  # type: ignore[no-untyped-def]
    """Digests of `data[start[i] : start[i] + length[i]]` into `out` (n, 32)."""
    order, blocks = in_order_of_blocks(length)
    n = order.size
    w = np.empty((64, _LANES), np.uint32)
    v = np.empty((8, _LANES), np.uint32)
    state = np.empty((8, _LANES), np.uint32)
    at = 0
    while at < n:
        count = blocks[order[at]]
        used = 1
        while used < _LANES and at + used < n and blocks[order[at + used]] == count:
            used += 1
        for i in range(8):
            for lane in range(_LANES):
                state[i, lane] = initial[i]
        for block in range(count):
            for lane in range(used):
                span = order[at + lane]
                if (block + 1) * 64 <= length[span]:
                    _load_whole_block(data, start[span] + block * 64, w, lane)
                else:
                    _load_last_blocks(data, start[span], length[span], block, w, lane)
            _compress(state, w, keys, v)
        if double:
            _digest_words(w, state)
            for i in range(8):
                for lane in range(_LANES):
                    state[i, lane] = initial[i]
            _compress(state, w, keys, v)
        for lane in range(used):
            span = order[at + lane]
            for i in range(8):
                word = state[i, lane]
                for k in range(4):
                    out[span, 4 * i + k] = (word >> uint32(24 - 8 * k)) & uint32(255)
        at += used
