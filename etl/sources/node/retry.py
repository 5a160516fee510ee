"""Trying again what may pass by itself, until a deadline.

Invariant: only TransientError is retried, and of it not ChainMoved, for the same call cannot mend
that.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from etl.errors import ChainMoved, TransientError

Result = TypeVar("Result")
Notify = Callable[[str], None]

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0

_log = logging.getLogger(__name__)


def log_notice(message: str) -> None:
    """The notice taker where no other is given: the log."""
    _log.info("%s", message)


@dataclass(frozen=True)
class Retry:
    """How long to keep trying, and whom to tell what is waited for."""

    timeout_s: float
    """from the first try of a call to the last; 0 tries once"""
    notify: Notify = log_notice
    """is told each new reason once per call, e.g. "node is starting: Loading block index…" """
    stop: threading.Event = field(default_factory=threading.Event)
    """ends the waiting early: the call's last error is raised"""

    def __call__(self, call: Callable[[], Result]) -> Result:
        """The result of `call`, or its last TransientError with how long was tried."""
        start = time.monotonic()
        pause_s = FIRST_PAUSE_S
        told = ""
        tries = 0
        while True:
            tries += 1
            try:
                return call()
            except ChainMoved:
                raise
            except TransientError as error:
                waited_s = time.monotonic() - start
                if waited_s >= self.timeout_s or self.stop.is_set():
                    raise _given_up(error, waited_s, tries) from error
                if error.what != told:
                    told = error.what
                    self.notify(f"{told}; trying again for up to {self.timeout_s:.0f} s")
                jittered_s = pause_s * random.uniform(0.5, 1.0)
                self.stop.wait(min(jittered_s, self.timeout_s - waited_s))
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _given_up(error: TransientError, waited_s: float, tries: int) -> TransientError:
    if tries == 1:
        return error
    final = type(error)(f"gave up after {waited_s:.1f} s and {tries} tries: {error.what}", error.action)
    for note in getattr(error, "__notes__", ()):
        final.add_note(note)
    return final
