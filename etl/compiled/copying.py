"""Copying bytes in compiled code, as fast as the C library does.

Invariant: the caller has checked that source and target hold the bytes, and that they do not overlap. The
last byte is copied by its index too, so that a run with checks of indices sees a copy that is too long.
"""

from __future__ import annotations

from typing import Any

from numba import uint64
from numba.core import cgutils, types
from numba.extending import intrinsic

from etl.compiled import compiled_inner


def _copy(typing_context: Any, target: Any, at: Any, source: Any, start: Any, count: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def place(number: int) -> Any:
            fields = context.make_array(signature.args[number])(context, builder, arguments[number])
            return builder.gep(fields.data, [arguments[number + 1]])

        raw_memcpy: Any = cgutils.raw_memcpy
        raw_memcpy(builder, place(0), place(2), arguments[4], 1)
        return context.get_dummy_value()

    return types.void(target, types.uint64, source, types.uint64, types.uint64), generate


_copy_bytes: Any = intrinsic(_copy)


@compiled_inner
def copy_bytes(source, start, length, target, at):  # type: ignore[no-untyped-def]
    """Copy `source[start : start + length]` to `target[at:]`, byte arrays; returns where the copy ends."""
    if length > 0:
        last = uint64(length - 1)
        target[uint64(at) + last] = source[uint64(start) + last]
        _copy_bytes(target, uint64(at), source, uint64(start), uint64(length))
    return at + length
