"""Formulas over metrics, such as `ma(FlowMinerOut1HopAllNtv / RevNtv, 30)`.

    sum     = product { ("+" | "-") product }
    product = signed { ("*" | "/") signed }
    signed  = "-" signed | atom
    atom    = number | name | function "(" sum ")" | function "(" sum "," days ")" | "(" sum ")"

Invariants: a formula is read by this grammar and by nothing else, so that no text is ever run as code; a
value that is not known, or that a division by 0 would give, is not a number (NaN) and makes all that follow
from it so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_CHARACTERS = 1_000
MOST_DAYS = 3_660
_MOST_DEEP = 50
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d*)?|\.\d+)|([A-Za-z][A-Za-z0-9_]*)|(\S))", re.ASCII)

Values = npt.NDArray[np.float64]
"""One value per calendar day."""
Resolve = Callable[[str], Values]
"""Gives a metric's values. Raises KeyError for a name that is none."""


class FormulaError(Exception):
    """A formula that means nothing; `place` is the character where, counted from 1."""

    def __init__(self, place: int, message: str) -> None:
        super().__init__(f"at character {place}: {message}")
        self.place = place


def _windows(values: Values, days: int) -> Any:
    """The last so many values of each day, the day included; only for days that have as many."""
    return np.lib.stride_tricks.sliding_window_view(values, days)


def _rolling(reduce: Callable[[Any], Values], values: Values, days: int) -> Values:
    found = np.full(len(values), np.nan)
    if len(values) >= days:
        found[days - 1 :] = reduce(_windows(values, days))
    return found


def moving_average(values: Values, days: int) -> Values:
    """The mean of the last `days` values, the day's included."""
    return _rolling(lambda windows: windows.mean(axis=1), values, days)


def moving_deviation(values: Values, days: int) -> Values:
    """The sample standard deviation of the last `days` values; not a number for one day."""
    if days < 2:
        return np.full(len(values), np.nan)
    return _rolling(lambda windows: windows.std(axis=1, ddof=1), values, days)


def moving_sum(values: Values, days: int) -> Values:
    """The sum of the last `days` values."""
    return _rolling(lambda windows: windows.sum(axis=1), values, days)


def score(values: Values, days: int) -> Values:
    """How many standard deviations a value lies above the mean of the last `days`."""
    return quotient(values - moving_average(values, days), moving_deviation(values, days))


def lag(values: Values, days: int) -> Values:
    """The value of so many days before."""
    found = np.full(len(values), np.nan)
    found[days:] = values[: len(values) - days] if days < len(values) else []
    return found


def logarithm(values: Values) -> Values:
    """The natural logarithm, not a number where there is none."""
    return np.log(np.where(values > 0, values, np.nan))


def quotient(above: Values, below: Values) -> Values:
    """One through the other, not a number where that is a division by 0."""
    return above / np.where(below == 0, np.nan, below)


OF_DAYS: dict[str, Callable[[Values, int], Values]] = {
    "lag": lag,
    "ma": moving_average,
    "sd": moving_deviation,
    "sum": moving_sum,
    "z": score,
}
"""Functions of values and a number of days."""
PLAIN: dict[str, Callable[[Values], Values]] = {"abs": np.abs, "log": logarithm}


@dataclass(frozen=True)
class Formula:
    """A formula that can be worked out; `names` are the metrics in it."""

    text: str
    names: tuple[str, ...]
    _work: Callable[[Callable[[str], Values]], Values]

    def values(self, resolve: Resolve) -> Values:
        """The value of each day."""
        held = {name: resolve(name) for name in self.names}
        held[_NOUGHT] = np.zeros(len(held[self.names[0]]))
        with np.errstate(all="ignore"):
            found = self._work(held.__getitem__)
        return np.where(np.isfinite(found), found, np.nan)


_NOUGHT = ""
"""No metric's name, under which a number finds how many days there are."""
_Work = Callable[[Callable[[str], Values]], Values]
_Token = tuple[str, str, int]
"""Kind, text and place (from 1)."""


def read_formula(text: str, knows: Callable[[str], bool]) -> Formula:
    """Read a formula; `knows` says whether a name is a metric. Raises FormulaError."""
    if len(text) > MOST_CHARACTERS:
        raise FormulaError(MOST_CHARACTERS, f"a formula has at most {MOST_CHARACTERS:,} characters")
    reader = _Reader(_tokens(text), knows)
    work = reader.sum(0)
    reader.expect_end()
    if not reader.names:
        raise FormulaError(1, "a formula needs a metric, such as MPI")
    return Formula(text, tuple(dict.fromkeys(reader.names)), work)


def _tokens(text: str) -> list[_Token]:
    found = []
    for match in _TOKEN.finditer(text):
        kind = ("number", "name", "sign")[(match.lastindex or 3) - 1]
        found.append((kind, match[match.lastindex or 0], match.start(match.lastindex or 0) + 1))
    return [*found, ("end", "", len(text.rstrip()) + 1)]


class _Reader:
    """Reads tokens by the grammar, one function for each of its rules."""

    def __init__(self, tokens: list[_Token], knows: Callable[[str], bool]) -> None:
        self._tokens = tokens
        self._at = 0
        self._knows = knows
        self.names: list[str] = []

    def sum(self, depth: int) -> _Work:
        """product { ("+" | "-") product }"""
        left = self._product(depth)
        while (sign := self._taken("+", "-")) is not None:
            left = _joined(np.add if sign == "+" else np.subtract, left, self._product(depth))
        return left

    def expect_end(self) -> None:
        """Raise FormulaError where something follows."""
        kind, text, place = self._tokens[self._at]
        if kind != "end":
            raise FormulaError(place, f"{text!r} is not expected here; an operator (+ - * /) or the end is")

    def _product(self, depth: int) -> _Work:
        left = self._signed(depth)
        while (sign := self._taken("*", "/")) is not None:
            left = _joined(np.multiply if sign == "*" else quotient, left, self._signed(depth))
        return left

    def _signed(self, depth: int) -> _Work:
        self._check_depth(depth)
        if self._taken("-") is None:
            return self._atom(depth)
        inner = self._signed(depth + 1)
        return lambda held: -inner(held)

    def _atom(self, depth: int) -> _Work:
        kind, text, place = self._tokens[self._at]
        self._at += kind != "end"
        if kind == "number":
            number = np.float64(text)
            return lambda held: held(_NOUGHT) + number
        if kind == "name":
            return self._named(text, place, depth)
        if text == "(":
            inner = self.sum(depth + 1)
            self._expect(")")
            return inner
        what = "the formula ends" if kind == "end" else f"{text!r} is not expected here"
        raise FormulaError(place, f"{what}; a metric, a number, a function or ( is expected")

    def _named(self, name: str, place: int, depth: int) -> _Work:
        if self._tokens[self._at][1] == "(":
            return self._function(name, place, depth)
        if not self._knows(name):
            raise FormulaError(place, f"there is no metric {name[:100]!r}")
        self.names.append(name)
        return lambda held: held(name)

    def _function(self, name: str, place: int, depth: int) -> _Work:
        if name not in OF_DAYS and name not in PLAIN:
            listed = ", ".join([*(f"{each}(x, days)" for each in OF_DAYS), *(f"{each}(x)" for each in PLAIN)])
            raise FormulaError(place, f"there is no function {name[:100]!r}; there are {listed}")
        self._expect("(")
        inner = self.sum(depth + 1)
        if name in PLAIN:
            self._expect(")")
            return lambda held: PLAIN[name](inner(held))
        self._expect(",")
        days = self._days()
        self._expect(")")
        return lambda held: OF_DAYS[name](inner(held), days)

    def _days(self) -> int:
        kind, text, place = self._tokens[self._at]
        if kind != "number" or not text.isdigit() or not 1 <= int(text[:5]) <= MOST_DAYS:
            raise FormulaError(place, f"a whole number of days from 1 to {MOST_DAYS:,} is expected")
        self._at += 1
        return int(text)

    def _taken(self, *signs: str) -> str | None:
        _, text, _ = self._tokens[self._at]
        if text not in signs:
            return None
        self._at += 1
        return text

    def _expect(self, sign: str) -> None:
        if self._taken(sign) is None:
            _, text, place = self._tokens[self._at]
            found = f"{text!r} is here" if text else "the formula ends"
            raise FormulaError(place, f"{found} where {sign!r} is expected")

    def _check_depth(self, depth: int) -> None:
        if depth > _MOST_DEEP:
            place = self._tokens[self._at][2]
            raise FormulaError(place, f"a formula is nested at most {_MOST_DEEP} deep")


def _joined(join: Callable[[Any, Any], Any], left: _Work, right: _Work) -> _Work:
    return lambda held: join(left(held), right(held))
