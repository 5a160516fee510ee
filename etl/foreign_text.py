"""Text that is not ours (of a node, a file, a block), made fit for a terminal, a log or an error.

Invariants: what comes out is one line without any character that a terminal acts on (control characters,
marks that turn the direction of writing, line and paragraph separators, halves of surrogate pairs), can be
written in UTF-8, and is no longer than asked for; secrets that the caller names are not in it.
"""

from __future__ import annotations

from collections.abc import Iterable

MASK = "********"
"""What stands for a secret."""
MOST_CHARACTERS = 200
_ELLIPSIS = "…"


def escaped(text: str, most_characters: int = MOST_CHARACTERS) -> str:
    """The text with all that is not printable as Python writes it (\\x1b, \\u202e), cut to a length."""
    begun = text[: most_characters + 1]
    shown = "".join(each if each.isprintable() else _code(each) for each in begun)
    if len(shown) <= most_characters and len(begun) == len(text):
        return shown
    return shown[: most_characters - 1] + _ELLIPSIS


def masked(text: str, secrets: Iterable[str]) -> str:
    """The text with each secret hidden, the longest first, for one may hold another; empty ones are none."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
