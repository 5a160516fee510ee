"""Rows that compiled code notes, in an array that grows.

Invariant: a Noted is a value: who notes a row returns another one. Inner functions, which may not return an
array, return how many rows there are, in room that their caller has made.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from etl.compiled import compiled


class Noted(NamedTuple):
    """Rows of integers and how many of them are used."""

    rows: npt.NDArray[np.int64]
    used: int


@compiled
def none_noted(columns):  # type: ignore[no-untyped-def]
    """No rows of so many columns, and some room."""
    return Noted(np.empty((256, columns), np.int64), 0)


@compiled
def with_room(noted, more):  # type: ignore[no-untyped-def]
    """The same rows with room for `more` after them."""
    rows, used = noted
    if used + more <= rows.shape[0]:
        return noted
    larger = np.empty((max(2 * rows.shape[0], used + more), rows.shape[1]), rows.dtype)
    larger[:used] = rows[:used]
    return Noted(larger, used)


@compiled
def all_noted(noted):  # type: ignore[no-untyped-def]
    """The rows as an array of just their number."""
    return noted.rows[: noted.used]
