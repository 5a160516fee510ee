"""Which chunks a lake holds, in height order.

Invariants: the index is read once and kept current by whoever writes the lake; index.json is but a memory of
the manifests, each believed as long as the file it came from has the same size and time, so what is missing
from it, or damaged, is read from the manifests. Where one chunk covers another, the wider one counts and the
other is what a crash left of a compaction.
"""

from __future__ import annotations

import hashlib
import os
import re
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from etl.chain.heights import HeightRange
from etl.disk.files import write_bytes
from etl.errors import LakeDamaged
from etl.lake.chunk import MANIFEST, Chunk, chunk_name, heights_of, read_manifest

INDEX = "index.json"
_ROW = 2 + len(Chunk._fields)

_CHUNK = re.compile(r"\d{9}-\d{9}")
_ASIDE = re.compile(r"\d{9}-\d{9}\.damaged")
_UNFINISHED = re.compile(r"\d{9}-\d{9}\.tmp|" + re.escape(INDEX) + r"\.tmp")


_Stamp = tuple[int, int]
"""Time and size of a manifest's file, which tell it from a later one."""


class LakeIndex:
    """The chunks of a lake, and the ranges of those that were set aside as damaged."""

    def __init__(self, directory: Path) -> None:
        """Read it. Raises LakeDamaged."""
        names = _names(directory)
        self._directory, self._base = directory, f"{directory}/"
        self._stamps: dict[str, _Stamp] = {}
        self._known = dict(self._found(name for name in names if _CHUNK.fullmatch(name)))
        self._order = sorted(self._known)
        self._counted: list[Chunk] | None = None
        self.set_aside = [heights_of(name) for name in names if _ASIDE.fullmatch(name)]

    def _found(self, names: Iterator[str]) -> Iterator[tuple[str, Chunk]]:
        remembered = _read(self._directory / INDEX)
        self._is_saved = True
        for name in names:
            stamp = self._stamps[name] = self._stamp(name)
            mtime_ns, size, *facts = remembered.pop(name, (0, 0))
            if (mtime_ns, size) == stamp:
                yield name, Chunk._make(facts)
                continue
            self._is_saved = False
            try:
                chunk = read_manifest(self._directory / name)
            except LakeDamaged:
                if (self._directory / name).exists():
                    raise
                continue  # a job has taken it away since
            yield name, chunk
        self._is_saved = self._is_saved and not remembered

    def _stamp(self, name: str) -> _Stamp:
        try:
            found = os.stat(f"{self._base}{name}/{MANIFEST}")  # noqa: PTH116, one of thousands
        except OSError:
            return 0, -1
        return found.st_mtime_ns, found.st_size

    @property
    def chunks(self) -> list[Chunk]:
        """The chunks that count, in height order."""
        if self._counted is None:
            self._counted = _widest(self._known[name] for name in self._order)
        return self._counted

    def at(self, height: int) -> Chunk:
        """The chunk that holds a block; KeyError where none does."""
        place = bisect_right(self.chunks, height, key=lambda chunk: chunk.first_height)
        if place and self.chunks[place - 1].last_height >= height:
            return self.chunks[place - 1]
        raise KeyError(height)

    def within(self, first_height: int, last_height: int) -> list[Chunk]:
        """The chunks that hold a block of the range, both ends included."""
        start = bisect_right(self.chunks, first_height, key=lambda chunk: chunk.first_height)
        found = self.chunks[max(0, start - 1) :]
        end = bisect_right(found, last_height, key=lambda chunk: chunk.first_height)
        return [chunk for chunk in found[:end] if chunk.last_height >= first_height]

    def breaks(self) -> list[tuple[Chunk, Chunk]]:
        """Neighbours that are not of one chain."""
        hashes = [chunk.last_hash for chunk in self.chunks]
        if hashes[:-1] == [chunk.prev_hash for chunk in self.chunks[1:]]:
            return []
        return [
            (before, after)
            for before, after in pairwise(self.chunks)
            if before.last_height + 1 == after.first_height and before.last_hash != after.prev_hash
        ]

    def gap(self) -> HeightRange | None:
        """The first heights that are missing between chunks."""
        ends = [chunk.last_height + 1 for chunk in self.chunks]
        starts = [chunk.first_height for chunk in self.chunks]
        if ends[:-1] == starts[1:]:
            return None
        end, start = next((a, b) for a, b in zip(ends, starts[1:], strict=False) if a != b)
        return HeightRange(end, start - 1)

    def span(self) -> HeightRange | None:
        """The indexed range, with gaps and chunks set aside; None where there is nothing."""
        spans = [HeightRange(c.first_height, c.last_height) for c in (*self.chunks[:1], *self.chunks[-1:])]
        spans += self.set_aside
        if not spans:
            return None
        return HeightRange(min(s.first_height for s in spans), max(s.last_height for s in spans))

    def covered(self) -> list[str]:
        """Names of the folders, also of those set aside, whose blocks the chunks that count hold."""
        names = [f"{chunk_name(s.first_height, s.last_height)}.damaged" for s in self.set_aside]
        if len(self.chunks) < len(self._known):
            names += self._known.keys() - {chunk.name for chunk in self.chunks}
        return [name for name in names if self._holds(heights_of(name))]

    def _holds(self, span: HeightRange) -> bool:
        found = self.within(span.first_height, span.last_height)
        ends = [(max(c.first_height, span.first_height), min(c.last_height, span.last_height)) for c in found]
        return sum(last - first + 1 for first, last in ends) == len(span)

    def add(self, chunk: Chunk) -> None:
        """Take in a chunk that has just appeared."""
        self.remove(chunk.name)
        self._known[chunk.name] = chunk
        insort(self._order, chunk.name)
        self._is_saved, self._counted = False, None

    def remove(self, name: str) -> None:
        """Forget a folder that has gone."""
        self._stamps.pop(name, None)
        if self._known.pop(name, None) is not None:
            self._order.remove(name)
            self._is_saved, self._counted = False, None

    def save(self) -> None:
        """Have the next run read one file instead of a manifest of each chunk."""
        if not self._is_saved:
            write_bytes(self._directory / INDEX, self._text())
            self._is_saved = True

    def _text(self) -> bytes:
        for name in self._known.keys() - self._stamps.keys():
            self._stamps[name] = self._stamp(name)
        rows = {name: (*self._stamps[name], *chunk) for name, chunk in self._known.items()}
        body = orjson.dumps(rows)
        return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _names(directory: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(directory)]
    except FileNotFoundError:
        return []


def unfinished(directory: Path) -> list[Path]:
    """What a run that was stopped had not finished writing or removing."""
    return [directory / name for name in _names(directory) if _UNFINISHED.fullmatch(name)]


def _widest(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Those of chunks in the order of their heights that no other one covers."""
    counted: list[Chunk] = []
    for chunk in chunks:
        while counted and counted[-1].first_height == chunk.first_height:
            counted.pop()  # the next one ends later
        if not counted or chunk.last_height > counted[-1].last_height:
            counted.append(chunk)
    return counted


def _read(path: Path) -> dict[str, list[Any]]:
    """What index.json remembers by folder name: a stamp and a chunk's facts; nothing where it is damaged."""
    try:
        digest, _, body = path.read_bytes().partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != digest:
            return {}
        rows = orjson.loads(body)
    except (OSError, ValueError):
        return {}
    return rows if isinstance(rows, dict) and all(len(row) == _ROW for row in rows.values()) else {}
