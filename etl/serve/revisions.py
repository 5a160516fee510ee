"""When each day was first published and whether a later run changed it, from the reports of the runs.

Invariant: a report that cannot be read is passed over; days that no report names count as first
published with the file that holds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

FLASH, REVISED = "flash", "revised"
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Revision:
    """The state of a day's numbers."""

    status: str
    time: str
    """of the run that made them so, UTC with nanoseconds"""


@dataclass(frozen=True)
class _Run:
    time: str
    newly_final: tuple[str, ...]
    changed: tuple[tuple[str, str], ...]
    """profile and day"""


class RunHistory:
    """The reports of a data directory's runs, each read once."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._runs: dict[str, _Run | None] = {}

    def names(self) -> frozenset[str]:
        """The reports there are now."""
        return frozenset(path.name for path in self._logs.glob("*.json"))

    def revisions(self) -> dict[tuple[str | None, str], Revision]:
        """By profile and day; profile None where a day is as first published."""
        for name in sorted(self.names() - self._runs.keys()):
            self._runs[name] = _read_run(self._logs / name)
        found: dict[tuple[str | None, str], Revision] = {}
        for run in sorted(filter(None, self._runs.values()), key=lambda run: run.time):
            found |= {(None, day): Revision(FLASH, run.time) for day in run.newly_final}
            found |= {each: Revision(REVISED, run.time) for each in run.changed}
        return found


def nanosecond_text(moment: datetime) -> str:
    """A moment in the form of every time that is sent."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def _read_run(path: Path) -> _Run | None:
    """What one report says of days, None where it is no report."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        report = orjson.loads(path.read_bytes())
        time = nanosecond_text(datetime.fromisoformat(report["started_at"]))
        return _Run(time, tuple(map(str, report["days_newly_final"])), tuple(_changed(report)))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _changed(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for change in report["days_changed"]:
        yield str(change["profile"]), str(change["day"])
