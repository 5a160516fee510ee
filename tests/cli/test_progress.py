from __future__ import annotations

from io import StringIO

import pytest

from etl.cli.progress import BarProgress, LineProgress, open_progress, rates, span


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
    # After 5 s: 100 blocks at 20/s, 3 MB/s; the 900 left take 45 s. After 10 s: 800 left, 40 s.
    assert stream.getvalue().splitlines() == [
        "extract: 100/1000 blocks, 20 blk/s, 3.0 MB/s, 0:45 left",
        "extract: 200/1000 blocks, 20 blk/s, 3.0 MB/s, 0:40 left",
    ]


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
    assert stream.getvalue().splitlines() == ["track: 1/7200 blocks, 1 blk/s, 1:59:59 left"]


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
