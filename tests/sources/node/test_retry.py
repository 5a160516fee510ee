"""Which errors are tried again, for how long, and what is said about it."""

from __future__ import annotations

import threading
import time

import pytest

from etl.errors import ChainMoved, MinerflowError, NodeBusy, NodeRefused, NodeUnreachable
from etl.sources.node.retry import Retry


class _Flaky:
    """Raises its errors one after the other, then gives the number of calls."""

    def __init__(self, *errors: MinerflowError) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.calls


def test_what_passes_by_itself_is_tried_again_and_told_once_per_reason() -> None:
    messages: list[str] = []
    busy = NodeBusy("busy", "wait")
    call = _Flaky(busy, busy, NodeUnreachable("gone", "look"))
    assert Retry(5, messages.append)(call) == 4
    assert messages == [
        "busy; trying again for up to 5 s",
        "gone; trying again for up to 5 s",
    ]


@pytest.mark.parametrize("error", [NodeRefused("no", "look"), ChainMoved("moved", "again")])
def test_what_cannot_pass_is_raised_at_once(error: MinerflowError) -> None:
    call = _Flaky(error)
    with pytest.raises(type(error)) as raised:
        Retry(60)(call)
    assert raised.value is error
    assert call.calls == 1


def test_the_last_error_says_how_long_was_tried() -> None:
    errors = [NodeBusy("busy", "wait")] * 99
    call = _Flaky(*errors, NodeUnreachable("never", "never"))
    start = time.monotonic()
    with pytest.raises(NodeBusy, match=r"gave up after 0\.\d s and \d tries: busy\n  next: wait"):
        Retry(0.4)(call)
    assert 0.4 <= time.monotonic() - start < 2
    # pauses of at least 0.05 + 0.1 + 0.2 s, then the rest: never more than five tries
    assert 3 <= call.calls <= 5


def test_no_time_means_one_try_and_the_error_as_it_is() -> None:
    error = NodeBusy("busy", "wait")
    with pytest.raises(NodeBusy) as raised:
        Retry(0)(_Flaky(error))
    assert raised.value.what == "busy"


def test_waiting_ends_when_it_is_stopped() -> None:
    retry = Retry(60)
    threading.Timer(0.1, retry.stop.set).start()
    start = time.monotonic()
    with pytest.raises(NodeBusy):
        retry(_Flaky(*[NodeBusy("busy", "wait")] * 99))
    assert time.monotonic() - start < 5
