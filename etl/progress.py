"""What a job tells whoever watches it; the command line draws it, libraries may pass it over."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the course of a job. Every method returns at once."""

    def station(self, name: str, total_blocks: int) -> None:
        """A station starts: "extract", "own", "track", "load", "check" or "publish"."""

    def advance(self, blocks: int, raw_bytes: int = 0) -> None:
        """So many more blocks (and raw bytes) of the station are done."""

    def message(self, text: str) -> None:
        """Something worth reading: a decision taken, a wait, a warning."""


class Silent:
    """A Progress that tells nobody."""

    def station(self, name: str, total_blocks: int) -> None:
        """Nothing."""

    def advance(self, blocks: int, raw_bytes: int = 0) -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        """Nothing."""
