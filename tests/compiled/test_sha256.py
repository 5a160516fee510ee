"""Hashes of many spans at once against hashlib, and HASH160 against published keys."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.chain.merkle import merkle_roots
from etl.compiled.ripemd160 import ripemd160_digests
from etl.compiled.sha256 import double_sha256_blocks, sha256_spans
from tests.support.encoding import double_sha256, merkle_root
from tests.support.properties import examples

Bytes = np.ndarray[Any, np.dtype[np.uint8]]

PADDING_EDGES = [0, 1, 3, 4, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 1000]

HASH160 = [
    (  # the key of the genesis block's output and its address' hash
        "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51e"
        "c112de5c384df7ba0b8d578a4c702b6bf11d5f",
        "62e907b15cbf27d5425399ebf6f0fb50ebb88f18",
    ),
    (  # the generator of secp256k1, BIP 173's example
        "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        "751e76e8199196d454941c45d1b3a323f1433bd6",
    ),
]


def _spans(parts: list[bytes], gap: int) -> tuple[Bytes, Any, Any]:
    """The parts in one buffer, `gap` bytes before each, and their starts and lengths."""
    data = b"".join(b"\xa5" * gap + part for part in parts)
    length = np.array([len(part) for part in parts], dtype=np.int64)
    start = np.cumsum(length + gap) - length
    return np.frombuffer(bytearray(data), dtype=np.uint8), start.astype(np.int64), length


def _rows(digests: Bytes) -> list[bytes]:
    return [row.tobytes() for row in digests]


@examples(100)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=300),
            st.builds(lambda n, b: bytes([b]) * n, st.sampled_from(PADDING_EDGES), st.integers(0, 255)),
        ),
        max_size=40,
    ),
    st.integers(0, 3),
)
def test_sha256_of_spans(parts: list[bytes], gap: int) -> None:
    data, start, length = _spans(parts, gap)
    once = sha256_spans(data, start, length, double=False)
    twice = sha256_spans(data, start, length, double=True)
    assert _rows(once) == [hashlib.sha256(part).digest() for part in parts]
    assert _rows(twice) == [double_sha256(part) for part in parts]


@pytest.mark.parametrize("together", [1, 2, 3, 15, 16, 17, 33])
def test_sha256_of_every_length(together: int) -> None:
    parts = [bytes(range(256))[:n] for n in range(200) for _ in range(together)]
    data, start, length = _spans(parts, 0)
    digests = sha256_spans(data, start, length, double=False)
    assert _rows(digests) == [hashlib.sha256(part).digest() for part in parts]


@examples(100)
@given(st.lists(st.binary(min_size=64, max_size=64), min_size=1, max_size=40), st.integers(0, 3))
def test_sha256_twice_of_blocks(parts: list[bytes], gap: int) -> None:
    data, start, _ = _spans(parts, gap)
    digests = double_sha256_blocks(data, start)
    assert _rows(digests) == [double_sha256(part) for part in parts]


@examples(100)
@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=20))
def test_ripemd160_of_digests(digests: list[bytes]) -> None:
    if "ripemd160" not in hashlib.algorithms_available:
        pytest.skip("this OpenSSL has no RIPEMD-160")
    rows = np.frombuffer(bytearray(b"".join(digests)), dtype=np.uint8).reshape(-1, 32)
    expected = [hashlib.new("ripemd160", digest).digest() for digest in digests]
    assert _rows(ripemd160_digests(rows)) == expected


@pytest.mark.parametrize(("key", "expected"), HASH160)
def test_hash160_of_published_keys(key: str, expected: str) -> None:
    digest = np.frombuffer(hashlib.sha256(bytes.fromhex(key)).digest(), dtype=np.uint8)
    assert ripemd160_digests(digest.reshape(1, 32)).tobytes().hex() == expected


def _roots(blocks: list[list[bytes]]) -> tuple[list[bytes], list[bool]]:
    txids = np.frombuffer(bytearray(b"".join(map(b"".join, blocks))), dtype=np.uint8)
    counts = np.array([len(block) for block in blocks], dtype=np.int64)
    roots, mutated = merkle_roots(txids.reshape(-1, 32), counts)
    return _rows(roots), mutated.tolist()


def _txids(count: int, seed: int) -> list[bytes]:
    return [hashlib.sha256(b"%d %d" % (seed, i)).digest() for i in range(count)]


@examples(100)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(0, 10**6))
def test_merkle_roots(counts: list[int], seed: int) -> None:
    blocks = [_txids(count, seed + i) for i, count in enumerate(counts)]
    roots, mutated = _roots(blocks)
    assert roots == [merkle_root(block) for block in blocks]
    assert not any(mutated)


@examples(100)
@given(st.integers(1, 6), st.integers(0, 3), st.integers(0, 10**6))
def test_repeated_transactions_are_told(pairs: int, level: int, seed: int) -> None:
    """CVE-2012-2459: repeating what stands under the lone last node of a level leaves the root."""
    txids = _txids((2 * pairs + 1) << level, seed)
    forged = txids + txids[-(1 << level) :]
    roots, mutated = _roots([txids, forged, txids])
    assert roots == [merkle_root(txids)] * 3
    assert mutated == [False, True, False]


def test_the_known_case_of_cve_2012_2459() -> None:
    """Six transactions, and the eight of which the last two repeat the fifth and the sixth."""
    six = _txids(6, 0)
    roots, mutated = _roots([six, [*six, *six[4:]], [*six[:5], six[4]]])
    assert roots[0] == roots[1] != roots[2]
    assert mutated == [False, True, True]
