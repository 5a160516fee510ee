"""Addresses to scripts, one at a time, for labels; back again see etl.chain.address_writing, which does many.

Invariant: `script_of(address_of(script))` is the canonical script of the identity (see etl.chain.scripts).
Sources: BIP 13, 173, 350; the non-standard identity `script:<hex>` is this project's own.
"""

from __future__ import annotations

import hashlib

import numpy as np

from etl.chain import scripts
from etl.chain.address_writing import SCRIPT_PREFIX, address_texts
from etl.chain.networks import NETWORKS, Network

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_CONSTANT = 1
_BECH32M_CONSTANT = 0x2BC830A3


def _double_sha256(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def _from_base58(text: str) -> bytes:
    number = 0
    for character in text:
        digit = _BASE58.find(character)
        if digit < 0:
            raise ValueError(f"{character!r} is not a base58 character")
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    data = b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
    if len(data) < 5 or _double_sha256(data[:-4])[:4] != data[-4:]:
        raise ValueError("the base58 checksum does not match")
    return data[:-4]


def _polymod(values: list[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        generators = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        for bit, generator in enumerate(generators):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum


def _expand(prefix: str) -> list[int]:
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def _regroup(data: list[int], from_bits: int, to_bits: int) -> list[int]:
    number, bits, out = 0, 0, []
    for value in data:
        number = number << from_bits | value
        bits += from_bits
        while bits >= to_bits:
            bits -= to_bits
            out.append(number >> bits & ((1 << to_bits) - 1))
    rest = number & ((1 << bits) - 1)
    if bits >= from_bits or rest:
        raise ValueError("the padding of the bech32 data is not zero")
    return out


def _from_bech32(text: str, prefix: str) -> tuple[int, bytes]:
    if text != text.lower() and text != text.upper():
        raise ValueError("a bech32 address mixes upper and lower case")
    values = [_BECH32.find(c) for c in text.lower()[len(prefix) + 1 :]]
    if min(values, default=-1) < 0 or len(values) < 8 or len(text) > 90:
        raise ValueError("not a bech32 address")
    constant = _BECH32M_CONSTANT if values[0] else _BECH32_CONSTANT
    if _polymod(_expand(prefix) + values) != constant:
        raise ValueError("the bech32 checksum does not match")
    program = bytes(_regroup(values[1:-6], 5, 8))
    if not 2 <= len(program) <= 40 or (values[0] == 0 and len(program) not in (20, 32)):
        raise ValueError("the witness program has a wrong length")
    if values[0] > 16:
        raise ValueError("the witness version is above 16")
    return values[0], program


def script_kind(script: bytes) -> int:
    """Kind of `script`, one of the constants of etl.chain.scripts."""
    data = np.frombuffer(script, dtype=np.uint8)
    return int(scripts.script_kind(data, 0, len(data)))


def is_ownable(kind: int) -> bool:
    """Whether outputs of this kind belong to somebody."""
    return scripts.P2PKH <= kind <= scripts.LAST_OWNABLE


def address_of(script: bytes, network: Network) -> str:
    """Identity of the output `script` as text: an address, or `script:<hex>` where it has none."""
    data = np.frombuffer(script, dtype=np.uint8)
    return str(address_texts(data, np.array([0, len(data)], dtype=np.int64), network)[0].as_py())


def _base58_script(text: str, network: Network) -> bytes:
    payload = _from_base58(text)
    if len(payload) == 21 and payload[0] == network.p2pkh_prefix:
        return bytes.fromhex("76a914") + payload[1:] + bytes.fromhex("88ac")
    if len(payload) == 21 and payload[0] == network.p2sh_prefix:
        return bytes.fromhex("a914") + payload[1:] + bytes.fromhex("87")
    raise ValueError(f"not an address of {network.name}")


def script_of(address: str, network: Network) -> bytes:
    """Canonical script of an identity given as text; ValueError says what is wrong with it."""
    if address.startswith(SCRIPT_PREFIX):
        return bytes.fromhex(address[len(SCRIPT_PREFIX) :])
    prefix = address.lower().partition("1")[0]
    if prefix == network.bech32_prefix:
        version, program = _from_bech32(address, prefix)
        return bytes([version + 80 if version else 0, len(program)]) + program
    if prefix in {other.bech32_prefix for other in NETWORKS}:
        raise ValueError(f"not an address of {network.name}")
    return _base58_script(address, network)


def address_id(script: bytes) -> int:
    """64-bit id of the identity that `script` pays."""
    data = np.frombuffer(script, dtype=np.uint8)
    return int(scripts.identify(data, np.array([0, len(data)], dtype=np.int64))[1][0])
