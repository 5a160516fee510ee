from __future__ import annotations

from typing import Any

from numba import njit

from etl.compiled.notice import compiling_told


def _doubled(number: Any) -> Any:
    return number + number


def test_compiling_is_told_once_and_only_where_it_happens() -> None:
    told: list[str] = []

    doubled: Any = njit(_doubled)
    with compiling_told(told.append):
        assert told == []
        assert doubled(2) == 4
        assert doubled(2.5) == 5  # compiled once more, for floats
    assert len(told) == 1 and told[0].startswith("compiling code")
    with compiling_told(told.append):
        assert doubled(3) == 6
    assert len(told) == 1
    assert doubled(1j) == 2j  # nobody listens any more
    assert len(told) == 1
