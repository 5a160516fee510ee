from __future__ import annotations

from io import StringIO

import pytest

from etl.cli.progress import BarProgress, LineProgress, open_progress
from etl.cli.speed import Pace, rates, span


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_lines_come_every_five_seconds_with_rates_and_time_left() -> None:
    stream, clock = StringIO(), Clock()
    with LineProgress(stream, clock) as progress:
        progress.station("extract", 1000)
        for _ in range(10):
            clock.now += 1
            progress.advance(20, 3_000_000)
    # Counted from the first blocks on, a second after the start: 80 blocks and 12 MB in 4 s, too short to
    # tell what is left; then 180 in 9 s, and 800 left at 20 a second.
    assert stream.getvalue().splitlines() == [
        "extract: 100/1000 blocks, 20 blk/s, 3.0 MB/s",
        "extract: 200/1000 blocks, 20 blk/s, 3.0 MB/s, 0:40 left",
    ]


def test_what_compiling_took_is_in_no_estimate() -> None:
    """A run of 21 s was said to take another hour, for its first blocks came after a minute of compiling."""
    stream, clock = StringIO(), Clock()
    with LineProgress(stream, clock) as progress:
        progress.station("extract", 1000)
        clock.now += 63
        progress.advance(1)
        clock.now += 5
        progress.advance(49)
        clock.now += 5
        progress.advance(50)
    assert stream.getvalue().splitlines() == [
        "extract: 1/1000 blocks",
        "extract: 50/1000 blocks, 10 blk/s, 1:37 left",  # 49 in 5 s, 950 to come
        "extract: 100/1000 blocks, 10 blk/s, 1:31 left",  # 99 in 10 s, 900 to come
    ]


def test_time_left_follows_the_last_minute() -> None:
    clock = Clock()
    pace = Pace(100_000, clock)
    for blocks in (*[5000] * 10, *[100] * 7):
        clock.now += 10
        pace.advance(blocks, 0)
    # 50,000 early blocks at 500 a second; of the last minute 600 at 10 a second, which 49,300 are left for.
    assert pace.text() == "10 blk/s, 1:22:10 left"


def test_few_blocks_tell_no_time_left() -> None:
    clock = Clock()
    pace = Pace(100_000, clock)
    for _ in range(10):
        clock.now += 10
        pace.advance(100, 0)
    assert pace.text() == "10 blk/s"


def test_each_station_counts_for_itself_and_short_ones_are_silent() -> None:
    stream, clock = StringIO(), Clock()
    with LineProgress(stream, clock) as progress:
        progress.station("extract", 10)
        clock.now += 4
        progress.advance(10, 1000)
        progress.station("load", 0)
        clock.now += 60
        progress.advance(0)
        progress.station("track", 7200)
        clock.now += 1
        progress.advance(1)
    assert stream.getvalue().splitlines() == ["track: 1/7200 blocks"]


def test_messages_show_no_control_characters() -> None:
    stream = StringIO()
    LineProgress(stream).message("node says \x1b[2J\nand \u202e more")
    assert stream.getvalue() == "node says \\x1b[2J\nand \\u202e more\n"


def test_messages_are_lines() -> None:
    stream = StringIO()
    with LineProgress(stream) as progress:
        progress.message("node is starting")
    assert stream.getvalue() == "node is starting\n"


def test_bar_shows_station_blocks_and_messages() -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with BarProgress(stream) as progress:
        progress.station("extract", 4522)
        progress.advance(4000, 5_000_000)
        progress.message("[brackets] stay")
        progress.advance(522)
        progress.station("publish", 0)
        progress.advance(1)
    shown = stream.getvalue()
    assert "extract" in shown
    assert "4,522 of 4,522 blocks" in shown
    assert "publish" in shown
    assert "[brackets] stay" in shown


def test_a_stream_that_is_no_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", StringIO())
    assert isinstance(open_progress(), LineProgress)


def test_rates_and_spans() -> None:
    assert rates(0, 0, 1.0) == ""
    assert rates(3000, 0, 2.0) == "1,500 blk/s"
    assert rates(1, 2_500_000, 1.0) == "1 blk/s, 2.5 MB/s"
    assert (span(59.6), span(3599), span(3600)) == ("1:00", "59:59", "1:00:00")
