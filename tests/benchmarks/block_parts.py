"""Headers, coinbase pieces and the genesis block of a regtest chain, as bytes.

Invariants: everything here is what Bitcoin Core serialises; `mine_header` gives a header that meets
the regtest target, which takes two tries on average.
"""

from __future__ import annotations

from tests.benchmarks.chain_writer import sha256d
from tests.benchmarks.shape import subsidy_sat

GENESIS_TIME = 1296688602
BITS = 0x207FFFFF
TARGET = 0x7FFFFF << (8 * (0x20 - 3))
_GENESIS_KEY = (
    "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb6"
    "49f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f"
)
_HEADLINE = b"The Times 03/Jan/2009 Chancellor on brink of second bailout for banks"


def genesis_block() -> bytes:
    """The regtest genesis block (Core's chainparams), 285 bytes."""
    script_sig = bytes.fromhex("04ffff001d0104") + bytes([len(_HEADLINE)]) + _HEADLINE
    script = bytes.fromhex("41" + _GENESIS_KEY + "ac")
    coinbase = (
        (1).to_bytes(4, "little")
        + coinbase_input(script_sig)
        + b"\x01"
        + output(subsidy_sat(0), script)
        + bytes(4)
    )
    return _header(1, bytes(32), sha256d(coinbase), GENESIS_TIME, 2) + b"\x01" + coinbase


def _header(version: int, previous: bytes, root: bytes, time_s: int, nonce: int) -> bytes:
    numbers = (time_s, BITS, nonce)
    tail = b"".join(number.to_bytes(4, "little") for number in numbers)
    return version.to_bytes(4, "little") + previous + root + tail


def mine_header(previous: bytes, root: bytes, time_s: int) -> bytes:
    """A header whose hash meets the regtest target."""
    nonce = 0
    while True:
        header = _header(0x20000000, previous, root, time_s, nonce)
        if int.from_bytes(sha256d(header), "little") <= TARGET:
            return header
        nonce += 1


def coinbase_input(script_sig: bytes) -> bytes:
    """Input count and the only input of a coinbase, whose scriptSig is under 253 bytes."""
    size = bytes([len(script_sig)])
    return b"\x01" + bytes(32) + b"\xff" * 4 + size + script_sig + b"\xff" * 4


def output(value_sat: int, script: bytes) -> bytes:
    """A serialised output, whose script is under 253 bytes."""
    return value_sat.to_bytes(8, "little") + bytes([len(script)]) + script


def push_height(height: int) -> bytes:
    """The height as BIP34 wants it at the start of a coinbase scriptSig."""
    if height <= 16:
        return bytes([0x50 + height])
    number = height.to_bytes((height.bit_length() + 8) // 8, "little")
    return bytes([len(number)]) + number


def compact_size(number: int) -> bytes:
    """CompactSize below 2**32."""
    if number < 0xFD:
        return bytes([number])
    if number <= 0xFFFF:
        return b"\xfd" + number.to_bytes(2, "little")
    return b"\xfe" + number.to_bytes(4, "little")
