"""Formulas, by cases worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from etl.results.formula import FormulaError, read_formula

NAN = math.nan
HELD = {"A": [1.0, 2.0, 4.0, 7.0], "B": [2.0, 0.0, 8.0, NAN], "Same": [5.0, 5.0, 5.0, 5.0]}


def worked_out(text: str) -> list[float]:
    formula = read_formula(text, HELD.__contains__)
    return [float(value) for value in formula.values(lambda name: np.array(HELD[name]))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A", [1, 2, 4, 7]),
        ("A + 2 * A", [3, 6, 12, 21]),
        ("(A + 2) * A", [3, 8, 24, 63]),
        ("10 - A - A", [8, 6, 2, -4]),
        ("8 / A / 2", [4, 2, 1, 4 / 7]),
        ("-A * -2", [2, 4, 8, 14]),
        ("--A - -1", [2, 3, 5, 8]),
        # a division by 0 and a value that is not known give none
        ("A / B", [0.5, NAN, 0.5, NAN]),
        ("A + B", [3, 2, 12, NAN]),
        # (1 + 2) / 2, (2 + 4) / 2, (4 + 7) / 2
        ("ma(A, 2)", [NAN, 1.5, 3, 5.5]),
        ("sum(A, 3)", [NAN, NAN, 7, 13]),
        ("lag(A, 1)", [NAN, 1, 2, 4]),
        ("A / lag(A, 1) - 1", [NAN, 1, 1, 0.75]),
        ("lag(A, 9)", [NAN] * 4),
        # of 1, 2, 4 the mean is 7/3, the squares of the differences sum up to 14/3, half of which is 7/3
        ("sd(A, 3)", [NAN, NAN, math.sqrt(7 / 3), math.sqrt(19 / 3)]),
        ("z(A, 3)", [NAN, NAN, (4 - 7 / 3) / math.sqrt(7 / 3), (7 - 13 / 3) / math.sqrt(19 / 3)]),
        ("z(Same, 2)", [NAN] * 4),
        ("sd(A, 1)", [NAN] * 4),
        ("ma(B, 2)", [NAN, 1, 4, NAN]),
        ("ma(ma(A, 2), 2)", [NAN, NAN, 2.25, 4.25]),
        ("ma(3, 2) * A", [NAN, 6, 12, 21]),
        ("abs(2 - A)", [1, 0, 2, 5]),
        ("log(A)", [0, math.log(2), math.log(4), math.log(7)]),
        ("log(A - 1)", [NAN, 0, math.log(3), math.log(6)]),
        (" A\n*\t.5 ", [0.5, 1, 2, 3.5]),
        ("ma(A,99)", [NAN] * 4),
    ],
)
def test_values(text: str, expected: list[float]) -> None:
    assert worked_out(text) == pytest.approx(expected, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", 1, "the formula ends; a metric"),
        ("A +", 4, "the formula ends; a metric"),
        ("A + C", 5, "there is no metric 'C'"),
        ("A B", 3, "'B' is not expected here"),
        ("A ** 2", 4, "'*' is not expected here"),
        ("(A + 1", 7, "the formula ends where ')'"),
        ("A)", 2, "')' is not expected here"),
        ("ma(A)", 5, "')' is here where ','"),
        ("ma(A, 0)", 7, "a whole number of days from 1 to 3,660"),
        ("ma(A, 1.5)", 7, "a whole number of days"),
        ("ma(A, B)", 7, "a whole number of days"),
        ("ma(A, 99999999999999999999)", 7, "a whole number of days"),
        ("exec(A)", 1, "there is no function 'exec'"),
        ("__import__('os')", 1, "'_' is not expected here"),
        ("A.real", 2, "'.' is not expected here"),
        ("A; B", 2, "';' is not expected here"),
        ("A + 'x'", 5, '"\'" is not expected here'),
        ("1 + 1", 1, "a formula needs a metric"),
        ("A + ٣", 5, "'٣' is not expected here"),
        ("(" * 60 + "A" + ")" * 60, 52, "nested at most 50 deep"),
        ("-" * 60 + "A", 52, "nested at most 50 deep"),
        ("A" * 1_001, 1_000, "at most 1,000 characters"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, place: int, said: str) -> None:
    with pytest.raises(FormulaError) as told:
        read_formula(text, HELD.__contains__)
    assert said in str(told.value)
    assert told.value.place == place
