"""SHA-256 by vector instructions, sixteen messages at a time, each in a lane of its own.

Invariants: it runs on any processor; one with registers of sixteen words (AVX-512) does it at its full
speed, others have each operation split. A state is eight vectors, A to H, so (8, LANES) words in memory.
Source of the compression function: FIPS 180-4, section 6.2.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from etl.compiled.sha256.parts import BLOCK, INITIAL, ROUND_KEYS

LANES = 16

_WORD = ir.IntType(32)
_VECTOR = ir.VectorType(_WORD, LANES)
_ADDRESS = ir.IntType(64)
_ADDRESSES = ir.VectorType(_ADDRESS, LANES)
_END_OF_MESSAGE = 0x80000000
_BLOCK_BITS, _DIGEST_BITS = 512, 256


def _all_lanes(word: int) -> Any:
    return ir.Constant(_VECTOR, [word] * LANES)


class _Lanes:
    """Writes the instructions for sixteen messages."""

    def __init__(self, builder: Any) -> None:
        self._builder = builder

    def _call(self, name: str, *arguments: Any) -> Any:
        module = self._builder.module
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * len(arguments))
        return self._builder.call(module.globals.get(name) or ir.Function(module, kind, name), arguments)

    def _rotate(self, x: Any, bits: int) -> Any:
        return self._call(f"llvm.fshr.v{LANES}i32", x, x, _all_lanes(bits))

    def _sum(self, first: Any, *others: Any) -> Any:
        for other in others:
            first = self._builder.add(first, other)
        return first

    def _xor(self, first: Any, *others: Any) -> Any:
        for other in others:
            first = self._builder.xor(first, other)
        return first

    def _swapped(self, x: Any) -> Any:
        """The bytes of each word in the opposite order."""
        return self._call(f"llvm.bswap.v{LANES}i32", x)

    def _at(self, address: Any, index: int, kind: Any) -> Any:
        """Pointer to the `index`-th element of a type at an address."""
        pointer = self._builder.inttoptr(address, kind.as_pointer())
        return self._builder.gep(pointer, [_WORD(index)])

    def load(self, address: Any, count: int) -> list[Any]:
        """So many vectors that lie one after the other."""
        return [self._builder.load(self._at(address, k, _VECTOR), align=4) for k in range(count)]

    def store(self, vectors: list[Any], address: Any) -> None:
        """The opposite of `load`."""
        for k, vector in enumerate(vectors):
            self._builder.store(vector, self._at(address, k, _VECTOR), align=4)

    def _transposed(self, rows: list[Any]) -> list[Any]:
        """Sixteen vectors as a square, its rows as columns: quarters change places, then theirs, and on."""
        rows = list(rows)
        for half in (8, 4, 2, 1):
            low = [k if not k & half else LANES + k - half for k in range(LANES)]
            high = [k + half if not k & half else LANES + k for k in range(LANES)]
            for k in range(LANES):
                if not k & half:
                    one, other = rows[k], rows[k + half]
                    rows[k] = self._shuffled(one, other, low)
                    rows[k + half] = self._shuffled(one, other, high)
        return rows

    def _shuffled(self, one: Any, other: Any, lanes: list[int]) -> Any:
        kind = ir.VectorType(_WORD, len(lanes))
        return self._builder.shuffle_vector(one, other, ir.Constant(kind, lanes))

    def blocks(self, addresses: Any) -> list[Any]:
        """The words of a 64-byte block per lane; `addresses` is where the lanes' addresses lie."""
        rows = []
        for lane in range(LANES):
            address = self._builder.load(self._at(addresses, lane, _ADDRESS), align=8)
            rows += [self._swapped(row) for row in self.load(address, 1)]
        return self._transposed(rows)

    def write_digests(self, state: list[Any], addresses: Any) -> None:
        """Each lane's digest to its address."""
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        rows = self._transposed([self._swapped(word) for word in state] + [undefined] * 8)
        for lane, row in enumerate(rows):
            digest = self._shuffled(row, row, list(range(8)))
            address = self._builder.load(self._at(addresses, lane, _ADDRESS), align=8)
            self._builder.store(digest, self._at(address, 0, digest.type), align=1)

    def compressed(self, state: list[Any], message: list[Any]) -> list[Any]:
        """The state after one more block of sixteen words."""
        w = list(message)
        a, b, c, d, e, f, g, h = state
        b_or_c = self._xor(b, c)
        for t in range(64):
            if t >= 16:
                w.append(self._scheduled(w[t - 16], w[t - 15], w[t - 7], w[t - 2]))
            key = self._builder.add(w[t], _all_lanes(int(ROUND_KEYS[t])))
            mixed = self._xor(self._rotate(e, 6), self._rotate(e, 11), self._rotate(e, 25))
            chosen = self._xor(g, self._builder.and_(e, self._xor(f, g)))
            first = self._sum(h, key, chosen, mixed)
            a_or_b = self._xor(a, b)
            majority = self._xor(b, self._builder.and_(a_or_b, b_or_c))
            mixed = self._xor(self._rotate(a, 2), self._rotate(a, 13), self._rotate(a, 22))
            b_or_c = a_or_b
            a, b, c, d, e, f, g, h = (
                self._sum(first, majority, mixed), a, b, c, self._builder.add(d, first), e, f, g,
            )  # fmt: skip
        return [self._builder.add(*pair) for pair in zip(state, [a, b, c, d, e, f, g, h], strict=True)]

    def _exceed(self, left: Any, number: int) -> Any:
        """Which lanes have more than so many blocks left."""
        return self._builder.icmp_signed(">", self.load(left, 1)[0], _all_lanes(number))

    def where_left(self, after: list[Any], before: list[Any], left: Any) -> list[Any]:
        """The vectors after a block, in lanes that had none left those before it."""
        has_block = self._exceed(left, 0)
        return [self._builder.select(has_block, *pair) for pair in zip(after, before, strict=True)]

    def advance(self, addresses: Any, left: Any) -> None:
        """Count a block as done; lanes with another one go on to it."""
        steps = ir.Constant(_ADDRESSES, [BLOCK] * LANES), ir.Constant(_ADDRESSES, [0] * LANES)
        step = self._builder.select(self._exceed(left, 1), *steps)
        pointer = self._at(addresses, 0, _ADDRESSES)
        moved = self._builder.add(self._builder.load(pointer, align=8), step)
        self._builder.store(moved, pointer, align=8)
        self.store([self._builder.sub(self.load(left, 1)[0], _all_lanes(1))], left)

    def hashed_digests(self, state: list[Any]) -> list[Any]:
        """The state after the digest that a state stands for has been hashed in turn."""
        return self.compressed(_START, _padded(state, _DIGEST_BITS))

    def _scheduled(self, before_16: Any, before_15: Any, before_7: Any, before_2: Any) -> Any:
        """The next word of the message schedule, from those so many words before."""
        low = self._xor(
            self._rotate(before_15, 7), self._rotate(before_15, 18),
            self._builder.lshr(before_15, _all_lanes(3)),
        )  # fmt: skip
        high = self._xor(
            self._rotate(before_2, 17), self._rotate(before_2, 19),
            self._builder.lshr(before_2, _all_lanes(10)),
        )  # fmt: skip
        return self._sum(before_16, before_7, low, high)


_START = [_all_lanes(int(word)) for word in INITIAL]


def _padded(words: list[Any], bits: int) -> list[Any]:
    """The last block of a message of so many bits, which ends with `words`."""
    zeros = [_all_lanes(0)] * (14 - len(words))
    return [*words, _all_lanes(_END_OF_MESSAGE), *zeros, _all_lanes(bits)]


def _begin(lanes: _Lanes, state: Any) -> None:
    lanes.store(_START, state)


def _compress(lanes: _Lanes, state: Any, addresses: Any, left: Any) -> None:
    before = lanes.load(state, 8)
    lanes.store(lanes.where_left(lanes.compressed(before, lanes.blocks(addresses)), before, left), state)
    lanes.advance(addresses, left)


def _finish(lanes: _Lanes, state: Any, addresses: Any) -> None:
    lanes.write_digests(lanes.load(state, 8), addresses)


def _finish_double(lanes: _Lanes, state: Any, addresses: Any) -> None:
    lanes.write_digests(lanes.hashed_digests(lanes.load(state, 8)), addresses)


def _double_hash_blocks(lanes: _Lanes, blocks: Any, digests: Any) -> None:
    state = lanes.compressed(_START, lanes.blocks(blocks))
    state = lanes.compressed(state, _padded([], _BLOCK_BITS))
    lanes.write_digests(lanes.hashed_digests(state), digests)


def _generator(write: Callable[..., None]) -> Any:
    def generate(context: Any, builder: Any, signature: Any, addresses: Any) -> Any:
        write(_Lanes(builder), *addresses)
        return context.get_dummy_value()

    return generate


def _of_one_address(write: Callable[..., None]) -> Any:
    def typed(typing_context: Any, state: Any) -> Any:
        return types.void(types.uintp), _generator(write)

    return intrinsic(typed)


def _of_three_addresses(write: Callable[..., None]) -> Any:
    def typed(typing_context: Any, one: Any, other: Any, third: Any) -> Any:
        return types.void(*[types.uintp] * 3), _generator(write)

    return intrinsic(typed)


def _of_two_addresses(write: Callable[..., None]) -> Any:
    def typed(typing_context: Any, one: Any, other: Any) -> Any:
        return types.void(types.uintp, types.uintp), _generator(write)

    return intrinsic(typed)


begin: Any = _of_one_address(_begin)
"""begin(state): the state before the first block."""

compress: Any = _of_three_addresses(_compress)
"""compress(state, addresses, left): one more block of 64 bytes, at each lane's address, in the lanes that
have any left; counts them down and moves the addresses on, never past the last block."""

finish: Any = _of_two_addresses(_finish)
"""finish(state, addresses): each lane's digest to its address."""

finish_double: Any = _of_two_addresses(_finish_double)
"""finish_double(state, addresses): the digest of each lane's digest to its address."""

double_hash_blocks: Any = _of_two_addresses(_double_hash_blocks)
"""double_hash_blocks(blocks, digests), where the addresses of sixteen 64-byte messages, and of their
digests' places, lie: SHA256(SHA256(message)), all in registers."""
