"""Random output scripts of every kind, and near misses; and Bitcoin Core's Solver, written down once more.

Nothing of etl is used. `solve` follows script/solver.cpp and script/script.cpp (release 31) word by word and
gives the names that getblock gives.
"""

from __future__ import annotations

from hypothesis import strategies as st

OP_PUSHDATA1, OP_1, OP_16 = 0x4C, 0x51, 0x60
OP_RETURN, OP_CHECKSIG, OP_CHECKMULTISIG = 0x6A, 0xAC, 0xAE
MOST_KEYS = 20

_KEY_SIZE = {2: 33, 3: 33, 4: 65, 6: 65, 7: 65}


def push(data: bytes) -> bytes:
    """The push of `data` that Core's wallet would write, numbers left aside."""
    n = len(data)
    if n < OP_PUSHDATA1:
        return bytes([n]) + data
    if n < 256:
        return bytes([OP_PUSHDATA1, n]) + data
    return bytes([OP_PUSHDATA1 + 1]) + n.to_bytes(2, "little") + data


def _operations(script: bytes) -> list[tuple[int, bytes, int] | None]:
    """(opcode, data, position after it); None in place of a push that runs past the end."""
    found: list[tuple[int, bytes, int] | None] = []
    at = 0
    while at < len(script):
        opcode = script[at]
        at += 1
        size = opcode
        if opcode > OP_PUSHDATA1 + 2:
            size = 0
        elif opcode >= OP_PUSHDATA1:
            width = 1 << opcode - OP_PUSHDATA1
            if at + width > len(script):
                return [*found, None]
            size = int.from_bytes(script[at : at + width], "little")
            at += width
        if at + size > len(script):
            return [*found, None]
        at += size
        found.append((opcode, script[at - size : at], at))
    return found


def _count(operation: tuple[int, bytes, int], least: int) -> int | None:
    """GetScriptNumber: OP_1 to OP_16, or a minimally pushed minimal number, from `least` to 20."""
    opcode, data, _ = operation
    if OP_1 <= opcode <= OP_16:
        number = opcode - OP_1 + 1
    elif 0 < opcode <= OP_PUSHDATA1 + 2 and len(data) == 1 and opcode == 1 and 16 < data[0] < 0x80:
        number = data[0]
    else:
        return None  # longer numbers are above 20, negative ones below 1
    return number if least <= number <= MOST_KEYS else None


def is_key(data: bytes) -> bool:
    """CPubKey::ValidSize"""
    return len(data) > 0 and _KEY_SIZE.get(data[0]) == len(data)


def _is_multisig(script: bytes) -> bool:
    operations = _operations(script)
    if not script or script[-1] != OP_CHECKMULTISIG or not operations or operations[0] is None:
        return False
    required = _count(operations[0], 1)
    if required is None:
        return False
    keys = 0
    for operation in operations[1:]:
        if operation is None:
            return False
        if is_key(operation[1]):
            keys += 1
            continue
        total = _count(operation, required)
        return total is not None and total == keys and operation[2] + 1 == len(script)
    return False


def _witness(script: bytes) -> str | None:
    if not 4 <= len(script) <= 42 or not (script[0] == 0 or OP_1 <= script[0] <= OP_16):
        return None
    if script[1] + 2 != len(script):
        return None
    version, size = script[0] and script[0] - OP_1 + 1, script[1]
    if version == 0:
        return {20: "witness_v0_keyhash", 32: "witness_v0_scripthash"}.get(size, "nonstandard")
    if version == 1 and size == 32:
        return "witness_v1_taproot"
    return "anchor" if script == b"\x51\x02\x4e\x73" else "witness_unknown"


def solve(script: bytes) -> str:
    """The type of an output script, as getblock names it."""
    if len(script) == 23 and script[:2] == b"\xa9\x14" and script[22] == 0x87:
        return "scripthash"
    witness = _witness(script)
    if witness is not None:
        return witness
    if script[:1] == bytes([OP_RETURN]):
        pushes = [op is not None and op[0] <= OP_16 for op in _operations(script[1:])]
        if all(pushes):
            return "nulldata"
    is_push_and_check = script[:1] == bytes([len(script) - 2 & 0xFF]) and script[-1] == OP_CHECKSIG
    if len(script) in (35, 67) and is_push_and_check and is_key(script[1:-1]):
        return "pubkey"
    if len(script) == 25 and script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac":
        return "pubkeyhash"
    return "multisig" if _is_multisig(script) else "nonstandard"


def _bytes(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


KEYS = st.one_of(
    st.builds(lambda head, x: bytes([head]) + x, st.sampled_from([2, 3]), _bytes(32)),
    st.builds(lambda head, xy: bytes([head]) + xy, st.sampled_from([4, 6, 7]), _bytes(64)),
)
"""Of every form; not all are points of the curve."""

_COUNTS = st.one_of(
    st.integers(1, 16).map(lambda n: bytes([OP_1 + n - 1])),
    st.integers(0, 255).map(lambda n: bytes([1, n])),
    st.binary(max_size=3).map(push),
)
_PLAIN = {
    "pubkeyhash": _bytes(20).map(lambda h: b"\x76\xa9\x14" + h + b"\x88\xac"),
    "scripthash": _bytes(20).map(lambda h: b"\xa9\x14" + h + b"\x87"),
    "witness_v0_keyhash": _bytes(20).map(lambda h: b"\x00\x14" + h),
    "witness_v0_scripthash": _bytes(32).map(lambda h: b"\x00\x20" + h),
    "witness_v1_taproot": _bytes(32).map(lambda h: b"\x51\x20" + h),
    "pubkey": KEYS.map(lambda key: push(key) + b"\xac"),
    "anchor": st.just(b"\x51\x02\x4e\x73"),
}


def _multisig(required: int, keys: list[bytes]) -> bytes:
    head = bytes([OP_1 + required - 1]) if required <= 16 else bytes([1, required])
    total = bytes([OP_1 + len(keys) - 1]) if len(keys) <= 16 else bytes([1, len(keys)])
    return head + b"".join(map(push, keys)) + total + bytes([OP_CHECKMULTISIG])


MULTISIG = st.lists(KEYS, min_size=1, max_size=MOST_KEYS).flatmap(
    lambda keys: st.integers(1, len(keys)).map(lambda required: _multisig(required, keys))
)
OWNABLE = st.one_of(*(_PLAIN[name] for name in _PLAIN if name != "anchor"), MULTISIG)

_ODD_MULTISIG = st.builds(
    lambda head, keys, total, tail: head + b"".join(keys) + total + tail,
    _COUNTS,
    st.lists(st.one_of(KEYS.map(push), st.binary(max_size=66).map(push)), max_size=4),
    _COUNTS,
    st.sampled_from([b"\xae", b"", b"\xae\xae", b"\xac"]),
)
_DATA = st.lists(st.binary(max_size=90).map(push), max_size=3).map(lambda p: b"\x6a" + b"".join(p))
_PROGRAM = st.builds(
    lambda version, program: bytes([version]) + push(program),
    st.one_of(st.just(0), st.integers(0x4F, 0x61)),
    st.binary(max_size=43),
)
_OPCODES = st.lists(
    st.sampled_from([0, 1, 2, 0x14, 0x20, 0x21, 0x41, 0x4C, 0x4D, 0x4E, 0x51, 0x52, 0x60, 0x6A, 0x76,
                     0x87, 0x88, 0xA9, 0xAC, 0xAE]), max_size=45,
).map(bytes)  # fmt: skip


def _changed(script: bytes, at: int, to: int, kind: str) -> bytes:
    """The script with one byte replaced, left out, put in, or cut off behind."""
    at %= len(script)
    if kind == "replace":
        return script[:at] + bytes([to]) + script[at + 1 :]
    if kind == "remove":
        return script[:at] + script[at + 1 :]
    return script[:at] + (bytes([to]) + script[at:] if kind == "insert" else b"")


_NEAR_MISSES = st.builds(
    _changed,
    st.one_of(OWNABLE, _PLAIN["anchor"]),
    st.integers(0, 2000),
    st.integers(0, 255),
    st.sampled_from(["replace", "remove", "insert", "cut"]),
)
SCRIPTS = st.one_of(
    OWNABLE, OWNABLE, _PLAIN["anchor"], _DATA, _PROGRAM, _ODD_MULTISIG, _NEAR_MISSES, _OPCODES,
    st.binary(max_size=120),
)  # fmt: skip
