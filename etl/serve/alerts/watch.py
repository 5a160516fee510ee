"""The thread that judges each new file and sends what follows from it.

Invariant: what it has seen and what is not received yet is on the disk before anything is sent, so that a
stop loses no event; one that was received just before a stop may be sent again.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from etl.disk.datadir import DataDirectory
from etl.disk.files import write_text
from etl.errors import ConfigError
from etl.serve.alerts.definitions import Alert, read_alerts
from etl.serve.alerts.delivery import NotReceived, deliver
from etl.serve.alerts.events import Seen, first_seen, judge, problem
from etl.serve.snapshot import Snapshot

MOST_PENDING = 10_000
FIRST_WAIT_S, MOST_WAIT_S = 1.0, 600.0
_LOG = logging.getLogger(__name__)


class AlertWatch:
    """The alerts of one data directory."""

    def __init__(self, data_dir: DataDirectory, first_wait_s: float = FIRST_WAIT_S) -> None:
        """Raises ConfigError for a file that is wrong, or a place that cannot be written."""
        self._data_dir = data_dir
        self._first_wait_s = first_wait_s
        self.alerts = read_alerts(data_dir.alerts)
        self._modified = _modified(data_dir.alerts)
        self._seen = _read_seen(data_dir.alert_state)
        self._newest: Snapshot | None = None
        self._waits: dict[str, tuple[float, float]] = {}
        """of an alert whose receiver failed: the next wait and when to try again"""
        self._wake = threading.Condition()
        self._stopped = False
        if self.alerts:
            self._save()

    def take(self, _: Snapshot | None, snapshot: Snapshot) -> None:
        """Have a new file judged; returns at once."""
        with self._wake:
            self._newest = snapshot
            self._wake.notify()

    def run(self) -> None:
        """Judge and send until `stop`."""
        while True:
            with self._wake:
                if not self._stopped and self._newest is None:
                    self._wake.wait(self._until_next())
                if self._stopped:
                    return
                snapshot, self._newest = self._newest, None
            try:
                if snapshot is not None:
                    self._judge(snapshot)
                self._send()
            except Exception:
                _LOG.exception("alerts")

    def stop(self) -> None:
        """End `run`; what is not received yet is sent after the next start."""
        with self._wake:
            self._stopped = True
            self._wake.notify()

    def _judge(self, snapshot: Snapshot) -> None:
        self._reread()
        for alert in self.alerts:
            if said := problem(alert, snapshot):
                _LOG.warning("alert %s: %s", alert.name, said)
                continue
            seen = self._seen.get(alert.name)
            if seen is None or seen.digest != alert.digest:
                self._seen[alert.name] = first_seen(alert, snapshot)
                continue
            seen.pending += judge(alert, seen, snapshot)
            del seen.pending[:-MOST_PENDING]
        self._save()

    def _send(self) -> None:
        for alert in self.alerts:
            wait, due = self._waits.get(alert.name, (self._first_wait_s, 0.0))
            pending = self._pending(alert)
            while pending and time.monotonic() >= due:
                try:
                    deliver(alert, pending[0])
                except NotReceived as error:
                    _LOG.warning("alert %s was not received, next try in %.0f s: %s", alert.name, wait, error)
                    self._waits[alert.name] = (min(2 * wait, MOST_WAIT_S), time.monotonic() + wait)
                    break
                del pending[0]
                self._waits.pop(alert.name, None)
                wait = self._first_wait_s
                self._save()

    def _until_next(self) -> float | None:
        """Seconds to the next try of a receiver that failed."""
        unsent = [alert.name for alert in self.alerts if self._pending(alert)]
        due = [self._waits.get(name, (0.0, 0.0))[1] for name in unsent]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _pending(self, alert: Alert) -> list[dict[str, Any]]:
        seen = self._seen.get(alert.name)
        return seen.pending if seen else []

    def _reread(self) -> None:
        """Read the file again where it has changed; one that is wrong leaves the alerts as they were."""
        modified = _modified(self._data_dir.alerts)
        if modified == self._modified:
            return
        self._modified = modified
        try:
            self.alerts = read_alerts(self._data_dir.alerts)
        except ConfigError as error:
            _LOG.warning("%s", error.what)

    def _save(self) -> None:
        path = self._data_dir.alert_state
        names = {alert.name for alert in self.alerts}
        text = json.dumps({name: asdict(seen) for name, seen in self._seen.items() if name in names})
        try:
            path.parent.mkdir(exist_ok=True)
            write_text(path, text)
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be written: {error.strerror}; alerts that were sent are remembered there",
                f"let the server write to {path.parent}",
            ) from error


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _read_seen(path: Path) -> dict[str, Seen]:
    """What was seen before the last stop; nothing of a file that cannot be read."""
    if not path.exists():
        return {}
    try:
        return {name: Seen(**seen) for name, seen in json.loads(path.read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        _LOG.warning("%s cannot be read: alerts begin anew", path)
        return {}
