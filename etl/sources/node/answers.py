"""The fields of what a node answers, each of the kind and within the bounds that Bitcoin Core gives.

Invariant: no value of an answer is part of an error, for it may be anything; the field's name is.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, TypeGuard

from etl.foreign_text import escaped
from etl.sources.node.address import NodeAddress
from etl.sources.node.failures import bad_answer

MOST_HEIGHT = 100_000_000
"""No chain is nearly as high: mainnet would be after 1,900 years."""
_HASH = re.compile(r"[0-9a-f]{64}")


def is_block_hash(value: object) -> TypeGuard[str]:
    """Whether a value is the hash of a block as nodes write it."""
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


class Fields:
    """The members of a JSON object in an answer. Raises NodeAnswerError where one is of another kind."""

    def __init__(self, answer: object, name: str, address: NodeAddress) -> None:
        """`name` says in errors what the object is."""
        self._name = name
        self._address = address
        if not isinstance(answer, dict):
            raise bad_answer(f"{name} is not what a node says", address)
        self._members: dict[str, Any] = answer

    def has(self, key: str) -> bool:
        """Whether there is such a member, and it is not null."""
        return self._members.get(key) is not None

    def height(self, key: str) -> int:
        """A height of a block."""
        return self.count(key, MOST_HEIGHT)

    def count(self, key: str, most: int = 1 << 62) -> int:
        """A whole number from 0 to `most`."""
        value = self._members.get(key)
        if type(value) is not int or not 0 <= value <= most:
            raise self._wrong(key, f"a whole number from 0 to {most}")
        return value

    def share(self, key: str) -> float:
        """A node's estimate from 0 to 1; what is more, by rounding, is 1."""
        value = self._members.get(key)
        number = float(value) if isinstance(value, float | Decimal) or type(value) is int else -1.0
        if not number >= 0:
            raise self._wrong(key, "a number from 0 to 1")
        return min(number, 1.0)

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._members.get(key)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def block_hash(self, key: str) -> str:
        """The hash of a block in hex, in display order."""
        value = self._members.get(key)
        if not is_block_hash(value):
            raise self._wrong(key, "the hash of a block")
        return value

    def text(self, key: str) -> str:
        """Text, escaped for people."""
        value = self._members.get(key)
        if not isinstance(value, str):
            raise self._wrong(key, "text")
        return escaped(value)

    def part(self, key: str) -> Fields:
        """An object within."""
        return Fields(self._members.get(key), f"{self._name}'s {key}", self._address)

    def parts(self, key: str, most: int) -> list[Fields]:
        """A list of at most so many objects."""
        value = self._members.get(key)
        if not isinstance(value, list) or len(value) > most:
            raise self._wrong(key, f"a list of at most {most}")
        return [Fields(each, f"an entry of {self._name}'s {key}", self._address) for each in value]

    def _wrong(self, key: str, wanted: str) -> Exception:
        return bad_answer(f"{self._name} is not what a node says: {key} is not {wanted}", self._address)
