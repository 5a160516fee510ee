"""What a terminal would act on comes out as text, and secrets do not come out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.foreign_text import MASK, MOST_CHARACTERS, escaped, masked


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("Ocean /ŠÄ日本/", "Ocean /ŠÄ日本/"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("one\r\ntwo\ttab", r"one\r\ntwo\ttab"),
        ("\x9b2J", r"\x9b2J"),
        ("\u202egpj.exe\u2066", r"\u202egpj.exe\u2066"),
        ("a\u2028b\udc80", r"a\u2028b\udc80"),
    ],
)
def test_what_a_terminal_acts_on_is_escaped(given_text: str, shown: str) -> None:
    assert escaped(given_text) == shown


@given(st.text(alphabet=st.characters(), max_size=400), st.integers(1, 300))
def test_any_text_becomes_one_printable_line(text: str, most: int) -> None:
    shown = escaped(text, most)
    assert shown.isprintable()
    assert len(shown) <= most
    shown.encode("utf-8")


def test_long_text_is_cut_and_says_so() -> None:
    assert escaped("x" * MOST_CHARACTERS) == "x" * MOST_CHARACTERS
    assert escaped("x" * 10**7) == "x" * (MOST_CHARACTERS - 1) + "…"


def test_secrets_are_hidden_though_one_holds_the_other() -> None:
    assert masked("Basic dXNlcg== for dXNl", ["dXNl", "dXNlcg==", ""]) == f"Basic {MASK} for {MASK}"
