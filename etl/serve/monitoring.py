"""How the server does: one log line per request, and counters for Prometheus.

Invariant: a log line holds no query and no header, so no key.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from starlette.types import Scope

    from etl.serve.publications import Publications
    from etl.serve.snapshot import Snapshot

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_FAMILIES = ("v1", "v4", "health", "ready", "metrics", "events", "series", "static")
_SHOWN_PATH = 200


class Monitoring:
    """Counters of one server."""

    def __init__(self, publications: Publications, log: TextIO | None = None) -> None:
        self._publications = publications
        self._log = log or sys.stderr
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "minerflow_requests", "Requests answered.", ["family", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "minerflow_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            ["family"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        age = Gauge(
            "minerflow_final_day_age_seconds",
            "Seconds since the newest final day ended.",
            registry=self._registry,
        )
        age.set_function(self._final_day_age)
        height = Gauge("minerflow_height", "Height of the newest published block.", registry=self._registry)
        height.set_function(self._height)

    def count(self, scope: Scope, status: int, size: int, seconds: float) -> None:
        """Count a request and write its log line."""
        family = _family(scope["path"])
        self._requests.labels(family, str(status)).inc()
        self._seconds.labels(family).observe(seconds)
        line = {
            "time": datetime.now(UTC),
            "method": scope["method"],
            "path": scope["asked_path"][:_SHOWN_PATH],
            "status": status,
            "bytes": size,
            "ms": round(seconds * 1000, 3),
            "client": scope.get("asked_by"),
        }
        self._log.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE).decode())

    def exposition(self) -> bytes:
        """The counters in Prometheus' text form."""
        return generate_latest(self._registry)

    def _height(self) -> float:
        return self._publications.current.tip.height if self._publications.is_ready else float("nan")

    def _final_day_age(self) -> float:
        if not self._publications.is_ready:
            return float("nan")
        return final_day_age_s(self._publications.current)


def final_day_age_s(snapshot: Snapshot) -> float:
    """Seconds since the newest final day ended, not a number where there is none."""
    calendar = snapshot.calendar
    if not calendar.count:
        return float("nan")
    return datetime.now(UTC).timestamp() - (calendar.first + calendar.count) * 86_400


def health(snapshot: Snapshot | None) -> dict[str, Any]:
    """What /health says."""
    if snapshot is None:
        return {"status": "ok", "ready": False}
    calendar = snapshot.calendar
    return {
        "status": "ok",
        "ready": True,
        "file": snapshot.file,
        "published": snapshot.published,
        "height": snapshot.tip.height,
        "last_final_day": calendar.day(calendar.count - 1) if calendar.count else None,
        "profiles": snapshot.profiles,
    }


def _family(path: str) -> str:
    first = path[1:].partition("/")[0]
    return first if first in _FAMILIES else "other"
