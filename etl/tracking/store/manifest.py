"""What the store is made of at a moment: deltas, the oldest of which is the base, and an unfinished folding.

Invariants: the manifest is replaced by rename once all files that it names are on the disk; it bears its own
digest; files that it does not name do not count, and nothing else says what does.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from etl.disk.files import sync_file, write_text
from etl.tracking.store.contents import Key
from etl.tracking.store.segment import Segment, damaged

VERSION = 1
NAME = "manifest.json"
_FILE = re.compile(r"\d{8,}")
_TEMPORARY = f"{NAME}.tmp"


@dataclass(frozen=True)
class Identity:
    """What a store's contents rest on beside the blocks."""

    network: str
    first_height: int
    digest: str
    """of the inputs"""


@dataclass(frozen=True)
class Delta:
    """What a stretch of blocks, up to and with `last_height`, makes of what was before."""

    first_height: int
    last_height: int
    block_hash: str
    """of the last block"""
    tier: int
    """how often smaller ones were merged into it"""
    carry: str
    """file"""
    carry_digest: str
    segments: dict[str, list[Segment]]
    """by table, in order of keys"""

    def files(self) -> set[str]:
        """Names of its files."""
        return {self.carry, *(segment.file for part in self.segments.values() for segment in part)}

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Delta:
        """Of what a manifest holds."""
        parts = facts["segments"].items()
        return cls(
            **{**facts, "segments": {name: [Segment.of(each) for each in part] for name, part in parts}}
        )


@dataclass(frozen=True)
class Folding:
    """The deltas after the base that are on the way into it."""

    deltas: int
    """how many"""
    done: dict[str, Key]
    """by table: the key below which the base holds what they hold"""

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Folding:
        """Of what a manifest holds."""
        return cls(facts["deltas"], {name: (key[0], key[1]) for name, key in facts["done"].items()})


@dataclass(frozen=True)
class Manifest:
    """See the module."""

    identity: Identity
    deltas: tuple[Delta, ...] = ()
    folding: Folding | None = None
    next_file: int = 0
    """number that no file has had"""
    version: int = field(default=VERSION)

    def files(self) -> set[str]:
        """Names of all files."""
        return set().union(*(delta.files() for delta in self.deltas))

    def points(self) -> list[Delta]:
        """The deltas after each of which tracking may go on, the latest first.

        While some are folded into the base, part of it is of later blocks than its own.
        """
        return list(self.deltas[self.folding.deltas if self.folding else 0 :])[::-1]

    def up_to(self, height: int) -> Manifest:
        """Without the deltas that reach above `height`."""
        kept = tuple(delta for delta in self.points()[::-1] if delta.last_height <= height)
        if not kept:
            return replace(self, deltas=(), folding=None)
        return replace(self, deltas=self.deltas[: self.deltas.index(kept[-1]) + 1])

    def without(self, file: str) -> Manifest:
        """Without the delta that has this file, and all after it; without any where none has it."""
        number = next((number for number, delta in enumerate(self.deltas) if file in delta.files()), 0)
        return self.up_to(self.deltas[number - 1].last_height if number else -1)


def file_name(number: int) -> str:
    """Name of a file of records or of what is carried on."""
    return f"{number:08d}"


def is_of_store(name: str) -> bool:
    """Whether the store gives such names, so that it is neither a path nor anybody else's file."""
    return name in (NAME, _TEMPORARY) or _FILE.fullmatch(name) is not None


def save(directory: Path, manifest: Manifest) -> None:
    """Make it count."""
    content = json.dumps(asdict(manifest))
    sync_file(directory)
    digest = hashlib.sha256(content.encode()).hexdigest()
    write_text(directory / NAME, f"{digest}\n{content}\n")


def load(directory: Path) -> Manifest | None:
    """The manifest; None where there is none. Raises StoreDamaged where it cannot be used."""
    path = directory / NAME
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    if hashlib.sha256(content.rstrip(b"\n")).hexdigest().encode() != digest:
        raise damaged(path, "it is not what was written")
    try:
        facts = json.loads(content)
        version = facts["version"]
        manifest = _read(facts) if version == VERSION else None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise damaged(path, "it says what no store does") from None
    if manifest is None:
        raise damaged(path, f"it is of version {version}, this minerflow knows {VERSION}")
    if not all(map(_FILE.fullmatch, manifest.files())):
        raise damaged(path, "it names files that are no store's")
    return manifest


def _read(facts: dict[str, Any]) -> Manifest:
    folding = facts["folding"] and Folding.of(facts["folding"])
    return Manifest(
        Identity(**facts["identity"]), tuple(Delta.of(each) for each in facts["deltas"]), folding,
        int(facts["next_file"]),
    )  # fmt: skip
