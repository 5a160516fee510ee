"""What is told of blocks as files are published."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from etl.serve.announcements import Announcement, Announcements, announced
from etl.serve.snapshot import Block, Snapshot


def chain(*hashes: str) -> Snapshot:
    """Blocks of these hashes from height 10 on."""
    blocks = [
        Block(10 + number, each, hashes[number - 1] if number else "", 0, {})
        for number, each in enumerate(hashes)
    ]
    return cast(Snapshot, SimpleNamespace(blocks=tuple(blocks), tip=blocks[-1]))


def told(before: Snapshot | None, after: Snapshot) -> list[tuple[str, str]]:
    return [(each.kind, each.block.hash) for each in announced(before, after)]


def test_blocks_that_join() -> None:
    assert told(chain("a", "b"), chain("a", "b", "c", "d")) == [("new_block", "c"), ("new_block", "d")]


def test_a_reorganisation_names_the_last_block_that_stays() -> None:
    assert told(chain("a", "b", "c"), chain("a", "x", "y", "z")) == [
        ("reorg", "a"), ("new_block", "x"), ("new_block", "y"), ("new_block", "z"),
    ]  # fmt: skip


def test_a_shorter_chain() -> None:
    assert told(chain("a", "b", "c"), chain("a", "b")) == [("reorg", "b")]


def test_nothing_new() -> None:
    assert told(chain("a"), chain("a")) == []
    assert told(None, chain("a")) == []


def test_who_does_not_read_is_let_go() -> None:
    announcements = Announcements()
    with announcements.listening() as listener:
        many: list[Any] = [Announcement("new_block", chain("a").tip)] * 700
        listener.put(many)
        assert listener.falls_behind
        assert not listener.has_stalled
        listener.put(many)
        assert listener.has_stalled
