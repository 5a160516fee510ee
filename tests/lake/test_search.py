"""Finding ids against Python's own sets and dictionaries."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from etl.lake.search import Wanted
from tests.support.properties import examples

IDS = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 20), st.integers(2**64 - 20, 2**64 - 1))


@examples(200)
@given(st.sets(IDS, max_size=60), st.lists(st.lists(IDS, max_size=80), max_size=5), st.data())
def test_each_wanted_id_is_found_where_it_first_stands(
    wanted: set[int], parts: list[list[int]], data: st.DataObject
) -> None:
    if wanted:
        parts = [part + data.draw(st.lists(st.sampled_from(sorted(wanted)), max_size=9)) for part in parts]
    finder = Wanted(np.array(sorted(wanted), dtype=np.uint64))
    missing = set(wanted)
    for part in parts:
        first = {number: row for row, number in reversed(list(enumerate(part))) if number in missing}
        rows = finder.new_among(np.array(part, dtype=np.uint64))
        assert rows.tolist() == sorted(first.values())
        missing -= set(first)
        assert finder.left == len(missing)
