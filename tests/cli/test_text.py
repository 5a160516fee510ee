"""Tables on a terminal: a number is never cut or broken, whatever the width."""

from __future__ import annotations

import re

import pytest

from etl.cli import text
from etl.cli.text import Heading, print_fields, print_table

HEADINGS = [
    Heading("height", is_number=True, folds=False),
    Heading("hash"),
    Heading("total_sat", is_number=True, folds=False),
    Heading("day", folds=False),
    Heading("fees", is_number=True, folds=False),
]
ROWS: list[list[str | None]] = [
    ["1", "ab" * 32, "5000000000", "2019-02-26", "12345678901234567890.12345678"],
    ["840000", "cd" * 32, "-1", "2024-04-20", None],
]


def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int) -> tuple[str, str]:
    monkeypatch.setattr(text, "_terminal_width", lambda: width)
    print_table(HEADINGS, ROWS)
    out, err = capsys.readouterr()
    return out, err


@pytest.mark.parametrize("width", [*range(10, 140), 200])
def test_numbers_are_whole_or_their_column_is_named(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = shown(capsys, monkeypatch, width)
    words = out.split()
    left_out = re.findall(r"\w+", err.partition(":")[0].removeprefix("no room for "))
    for at, heading in enumerate(HEADINGS):
        if heading.name in left_out:
            continue
        for row in ROWS:
            if row[at] is not None and not heading.folds:
                assert row[at] in words, (heading, width)
    if "height  1" not in out:
        assert max(map(len, out.splitlines())) <= width


def test_what_has_no_room_is_left_out_with_a_note(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = shown(capsys, monkeypatch, 60)
    assert "5000000000" in out and "2019-02-26" in out
    assert err == "no room for fees: a wider terminal or --format csv shows all\n"


def test_a_narrow_terminal_shows_a_column_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = shown(capsys, monkeypatch, 20)
    assert f"\nheight  1\nhash  {'ab' * 32}\ntotal_sat  5000000000\n" in out and err == ""


def test_elsewhere_lines_are_as_long_as_they_must_be(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEADINGS, ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert [*lines[3].split()] == ROWS[0]


def test_no_control_character_reaches_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([Heading("pool\x1b[2J")], [["\x1b]0;title\x07Ant\nPool\u202e"]])
    print_fields({"tip": "\x1b[31mred"})
    out = capsys.readouterr().out
    assert [each for each in out if not each.isprintable() and each != "\n"] == []
    assert "\\x1b]0;title\\x07Ant\\nPool\\u202e" in out and "\\x1b[31mred" in out
