"""SHA-256 by the processor's own instructions (the SHA extensions of x86), two messages at a time.

Invariant: where `AVAILABLE` is false nothing here may be called; etl.compiled.sha256.lanes runs everywhere.
Two messages run side by side because one alone would wait for each round's result.
Source: Intel's description of SHA256RNDS2, SHA256MSG1 and SHA256MSG2, which keep the eight words of a state
as (F, E, B, A) and (H, G, D, C).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from etl.compiled.processor import has_instructions
from etl.compiled.sha256.parts import INITIAL, ROUND_KEYS

AVAILABLE = has_instructions("sha") and has_instructions("sse4.1")

_ORDER = [5, 4, 1, 0, 7, 6, 3, 2]
"""Which word (A = 0) stands where in a state."""

PLACE = np.argsort(_ORDER)
"""Where each word, A to H, stands in a state."""

START = INITIAL[_ORDER]
"""The state before the first block."""

_WORD = ir.IntType(32)
_WORDS = ir.VectorType(_WORD, 4)


class _Stream:
    """The instructions for one message."""

    def __init__(self, builder: Any, state: Any, block: Any) -> None:
        self._builder = builder
        self._state = builder.inttoptr(state, _WORDS.as_pointer())
        self._message = builder.inttoptr(block, _WORDS.as_pointer())
        self._first = [self._load(self._state, half) for half in range(2)]
        self._abef, self._cdgh = self._first
        self._schedule: list[Any] = []

    def _load(self, pointer: Any, at: int) -> Any:
        return self._builder.load(self._builder.gep(pointer, [_WORD(at)]), align=1)

    def _call(self, name: str, *arguments: Any) -> Any:
        module = self._builder.module
        kind = ir.FunctionType(_WORDS, [_WORDS] * len(arguments))
        known = module.globals.get(name)
        return self._builder.call(known or ir.Function(module, kind, name), arguments)

    def _pick(self, one: Any, other: Any, lanes: list[int]) -> Any:
        return self._builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(_WORD, 4), lanes))

    def _words(self, group: int) -> Any:
        """Four words of the message schedule."""
        w = self._schedule
        if group < 4:
            return self._call("llvm.bswap.v4i32", self._load(self._message, group))
        summed = self._builder.add(
            self._call("llvm.x86.sha256msg1", w[group - 4], w[group - 3]),
            self._pick(w[group - 2], w[group - 1], [1, 2, 3, 4]),
        )
        return self._call("llvm.x86.sha256msg2", summed, w[group - 1])

    def four_rounds(self, group: int) -> None:
        """Rounds 4 * group to 4 * group + 3."""
        self._schedule.append(self._words(group))
        keys = ir.Constant(_WORDS, ROUND_KEYS[4 * group : 4 * group + 4].tolist())
        low = self._builder.add(self._schedule[group], keys)
        high = self._pick(low, low, [2, 3, 2, 3])
        self._cdgh = self._call("llvm.x86.sha256rnds2", self._cdgh, self._abef, low)
        self._abef = self._call("llvm.x86.sha256rnds2", self._abef, self._cdgh, high)

    def finish(self) -> None:
        """Add what the rounds made to the state."""
        for half, words in enumerate((self._abef, self._cdgh)):
            pointer = self._builder.gep(self._state, [_WORD(half)])
            self._builder.store(self._builder.add(self._first[half], words), pointer, align=1)


def _compress_pair(typing_context: Any, state: Any, other_state: Any, block: Any, other_block: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        streams = [_Stream(builder, arguments[0], arguments[2]), _Stream(builder, arguments[1], arguments[3])]
        for group in range(16):
            for stream in streams:
                stream.four_rounds(group)
        for stream in streams:
            stream.finish()
        return context.get_dummy_value()

    return types.void(*[types.uintp] * 4), generate


compress_pair: Any = intrinsic(_compress_pair)
"""compress_pair(state, other_state, block, other_block), all addresses: one 64-byte block of each message."""
