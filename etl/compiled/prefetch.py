"""A hint to the processor, for compiled code, to fetch an element into its cache ahead of use.

Invariant: it changes no result and reads nothing; an index must still be within its array.
A registry far larger than the cache costs one wait for memory per look without it.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_READ, _KEEP_IN_ALL_CACHES, _DATA = 0, 3, 1


def _prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    signature = types.void(array, index)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_type, _ = signature.args
        fields = context.make_array(array_type)(context, builder, arguments[0])
        element = builder.gep(fields.data, [arguments[1]])
        pointer = builder.bitcast(element, cgutils.voidptr_t)
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        insert: Any = cgutils.get_or_insert_function
        hint = insert(builder.module, kind, "llvm.prefetch.p0")
        builder.call(hint, [pointer, *(number(v) for v in (_READ, _KEEP_IN_ALL_CACHES, _DATA))])
        return context.get_dummy_value()

    return signature, generate


prefetch: Any = intrinsic(_prefetch)
"""prefetch(array, index): fetch `array[index]`, of a contiguous array of one dimension."""
