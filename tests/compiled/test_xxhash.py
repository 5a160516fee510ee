"""XXH64 against the reference library and its own vectors."""

from __future__ import annotations

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from etl.compiled.xxhash import xxh64
from tests.support.properties import examples


@examples(100)
@given(st.binary(max_size=200), st.integers(0, 40), st.integers(0, 40))
def test_xxh64(data: bytes, before: int, after: int) -> None:
    buffer = np.frombuffer(bytearray(b"\xff" * before + data + b"\xff" * after), dtype=np.uint8)
    assert int(xxh64(buffer, before, len(data))) == xxhash.xxh64_intdigest(data)


@pytest.mark.parametrize(
    ("text", "digest"),  # the xxHash project's own sanity checks for seed 0
    [(b"", 0xEF46DB3751D8E999), (b"a", 0xD24EC4F1A98C6E5B), (b"abc", 0x44BC2CF5AD770999)],
)
def test_xxh64_vectors(text: bytes, digest: int) -> None:
    buffer = np.frombuffer(bytearray(text), dtype=np.uint8)
    assert int(xxh64(buffer, 0, len(text))) == digest
