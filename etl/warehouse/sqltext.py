"""Names and values as SQL writes them: the one place where text is quoted.

Invariant: what these give is one token, whatever the text holds. What can be a parameter is better given as
one.
"""

from __future__ import annotations


def literal(text: str) -> str:
    """A text as a value."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name of a relation or column, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'
