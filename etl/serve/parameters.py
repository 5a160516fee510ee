"""The parameters of a request, each given once and checked before it is used.

Invariant: a value that is returned is one of the listed ones or of the stated form.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import overload
from urllib.parse import parse_qsl

from etl.serve.refusals import BadParameter, nearest

_MOST_PARAMETERS = 100
_WHOLE = re.compile(r"[0-9]{1,9}")
_FLAGS = {"true": True, "false": False}


class Parameters:
    """What follows the question mark of one URL."""

    def __init__(self, query: bytes, known: Collection[str]) -> None:
        """Raises BadParameter for a name that is unknown or given twice, and for an empty value."""
        try:
            pairs = parse_qsl(
                query.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS
            )
        except ValueError:
            raise BadParameter("query", "", f"Give at most {_MOST_PARAMETERS} parameters.") from None
        self.given: dict[str, str] = {}
        for name, value in pairs:
            if name not in known:
                hint = nearest(name, known) or f"The parameters are: {', '.join(known)}."
                raise BadParameter(name, value, f"There is no such parameter. {hint}")
            if name in self.given:
                raise BadParameter(name, value, "Give it once.")
            if not value:
                raise BadParameter(name, value, "Give it a value, or leave it out.")
            self.given[name] = value

    @overload
    def text(self, name: str) -> str | None: ...
    @overload
    def text(self, name: str, default: str) -> str: ...
    def text(self, name: str, default: str | None = None) -> str | None:
        """The value as it stands."""
        return self.given.get(name, default)

    def needed(self, name: str) -> str:
        """A value that must be given. Raises BadParameter."""
        if name not in self.given:
            raise BadParameter(name, "", "It is required.")
        return self.given[name]

    def choice(self, name: str, allowed: Sequence[str], default: str) -> str:
        """One of the allowed values. Raises BadParameter."""
        value = self.given.get(name, default)
        if value not in allowed:
            hint = nearest(value, allowed) or f"The values are: {', '.join(allowed)}."
            raise BadParameter(name, value, hint)
        return value

    def flag(self, name: str) -> bool | None:
        """true or false, None where it is not given. Raises BadParameter."""
        value = self.given.get(name)
        if value is None:
            return None
        if value not in _FLAGS:
            raise BadParameter(name, value, nearest(value, _FLAGS) or "The values are: true, false.")
        return _FLAGS[value]

    def whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number of a range, both ends included; None where it is not given.

        Raises BadParameter.
        """
        value = self.given.get(name)
        if value is None:
            return None
        if not _WHOLE.fullmatch(value) or not least <= int(value) <= most:
            raise BadParameter(name, value, f"Give a whole number from {least} to {most}.")
        return int(value)

    def listed(self, name: str) -> list[str]:
        """The values with commas between, each once, in the order given; none where it is not given.

        Raises BadParameter for an empty one.
        """
        value = self.given.get(name)
        if value is None:
            return []
        names = list(dict.fromkeys(value.split(",")))
        if "" in names:
            raise BadParameter(name, value, "There is an empty name between commas.")
        return names


def without_empty_key(query: bytes) -> bytes:
    """The query without the empty pair that the official client sends where it has no key."""
    return b"&".join(pair for pair in query.split(b"&") if pair != b"api_key=")
