"""What a run did, for people and machines."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from etl.disk.files import write_text


@dataclass
class RunReport:
    """Facts of one run, filled in as it goes."""

    command: str
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    source: str = ""
    network: str = ""
    first_height: int | None = None
    """of the indexed range after the run, as is the next"""
    last_height: int | None = None
    blocks: int = 0
    """new blocks, read from the source"""
    transactions: int = 0
    raw_bytes: int = 0
    tracked_blocks: int = 0
    """blocks that the tracker went through, replayed ones included"""
    orphaned_blocks: int = 0
    """blocks undone because the chain left them"""
    addresses: int = 0
    tracker_bytes: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    """by station"""
    days_newly_final: list[str] = field(default_factory=list)
    days_changed: list[dict[str, object]] = field(default_factory=list)
    """days published before whose flows are now others"""
    is_current: bool = False
    """nothing was new, so nothing was published"""
    warnings: list[str] = field(default_factory=list)
    failure: str = ""
    """what ended the run before its time, with the next action; nothing where it came to its end"""

    def to_json(self) -> str:
        """The report as one JSON object."""
        return json.dumps(asdict(self), indent=1)

    def save(self, logs: Path) -> Path:
        """Write the report to the folder `logs`."""
        stamp = self.started_at.replace(":", "").replace("+0000", "Z")
        path = logs / f"{stamp}-{self.command}.json"
        write_text(path, self.to_json() + "\n")
        return path
