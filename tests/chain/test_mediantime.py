"""Median time past, against its definition and against what Core answers."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.chain.mediantime import median_times
from tests.support.golden import CHAINS, GoldenChain
from tests.support.properties import examples


def _defined(times: list[int], at: int) -> int:
    window = sorted(times[max(0, at - 10) : at + 1])
    return window[len(window) // 2]


@examples(100)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=40), st.integers(0, 30))
def test_median_times(times: list[int], at: int) -> None:
    """Asked from any height on, with the ten predecessors or all that exist."""
    first = min(at, len(times) - 1)
    predecessors = min(10, first)
    found = median_times(np.array(times[first - predecessors :], dtype=np.int64), predecessors)
    assert found.tolist() == [_defined(times, i) for i in range(first, len(times))]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: str(chain.name))
def test_median_times_are_those_of_core(chain: GoldenChain) -> None:
    with gzip.open(chain.folder / "blocks.jsonl.gz") as lines:
        blocks = [json.loads(line) for line in lines]
    times = np.array([block["time"] for block in blocks], dtype=np.int64)
    assert median_times(times, 0).tolist() == [block["mediantime"] for block in blocks]
