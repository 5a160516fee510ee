"""Deltas merged into fewer, a bounded piece at a time, so that a look-up asks few and the base stays small.

Invariants: what deltas hold together never changes. Deltas that lie deep enough are merged alone, so that a
reorganisation finds a delta that ends below it, not much further below than the fork is. A manifest is
written after each piece; a piece that a crash cut off is done again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from etl.tracking.store.carry import joined, read_carry, write_carry
from etl.tracking.store.contents import HIGHEST, LOWEST, Key, Records, Table
from etl.tracking.store.manifest import Delta, Folding
from etl.tracking.store.segment import Segment, SegmentFile, write_segments
from etl.tracking.store.store import Store

TOGETHER = 8
"""Deltas of one tier that are merged into one of the next."""
MERGED_BYTES = 512 << 20
"""At most, of deltas that are merged before they reach the base."""
FOLDED_BYTES = 256 << 20
"""Written into the base by one job, about."""
BASE_SHARE = 4
"""The base takes in the others once they are as large as this part of it."""

_WINDOW_RECORDS = 1 << 18


def tend(store: Store, tip_height: int, kept_depth: int) -> None:
    """Do the merging that is due, within its bounds.

    Deltas that end less than `kept_depth` blocks below the tip stay out of the base.
    """
    group = _due(store, tip_height, kept_depth)
    if group is not None:
        _merge(store, *group)
    settled = _settled(store, tip_height, kept_depth)
    if store.manifest.folding is None and settled:
        deltas = store.manifest.deltas
        if sum(map(_size, deltas[1 : 1 + settled])) * BASE_SHARE >= _size(deltas[0]):
            store.commit(replace(store.manifest, folding=Folding(settled, {})))
    if store.manifest.folding is not None:
        _fold(store, store.manifest.folding)


def _size(delta: Delta) -> int:
    return sum(segment.rows for part in delta.segments.values() for segment in part)


def _bytes(store: Store, deltas: Sequence[Delta]) -> int:
    return sum(
        segment.rows * store.tables[name].dtype.itemsize
        for delta in deltas
        for name, part in delta.segments.items()
        for segment in part
    )


def _settled(store: Store, tip_height: int, kept_depth: int) -> int:
    """How many deltas after the base lie so deep that it may take them in."""
    others = store.manifest.deltas[1:]
    return sum(tip_height - delta.last_height >= kept_depth for delta in others)


def _due(store: Store, tip_height: int, kept_depth: int) -> tuple[int, int] | None:
    """The deltas [first, end) that are to become one, those of the lowest tier first."""
    deltas = store.manifest.deltas
    start = 1 + (store.manifest.folding.deltas if store.manifest.folding else 0)
    for first in range(len(deltas) - TOGETHER, start - 1, -1):
        group = deltas[first : first + TOGETHER]
        depth = tip_height - group[-1].last_height
        span = group[-1].last_height - group[0].first_height + 1
        if (
            len({delta.tier for delta in group}) == 1
            and depth >= min(kept_depth, span)
            and _bytes(store, group) <= MERGED_BYTES
        ):
            return first, first + TOGETHER
    return None


class _Lane:
    """The records of a table's segments from one key up to another, in order."""

    def __init__(self, store: Store, table: Table, segments: list[Segment], low: Key, high: Key) -> None:
        self._table = table
        self.held = np.empty(0, table.dtype)
        self._windows = self._read(store, segments, low, high)
        self.is_read = False

    def _read(self, store: Store, segments: list[Segment], low: Key, high: Key) -> Iterator[Records]:
        for segment in segments:
            file = SegmentFile(store.directory, segment, self._table)
            start, end = file.place(low), file.place(high)
            for at in range(start, end, _WINDOW_RECORDS):
                yield file.read(at, min(at + _WINDOW_RECORDS, end))

    def fill(self) -> None:
        """Hold something, if there is any."""
        while not len(self.held) and not self.is_read:
            following = next(self._windows, None)
            self.is_read = following is None
            if following is not None:
                self.held = following

    def take_up_to(self, key: Key) -> Records:
        """Those held whose key is not above this one."""
        place = self._table.place(self.held, key)
        if place < len(self.held) and self._table.key(self.held[place]) == key:
            place += 1
        taken, self.held = self.held[:place], self.held[place:]
        return taken


def _merged(
    store: Store, table: Table, parts: Sequence[list[Segment]], span: tuple[Key, Key], *, is_whole: bool
) -> Iterator[Records]:
    """The records of a table in several deltas, the latest first, within a span of keys."""
    lanes = [_Lane(store, table, part, *span) for part in parts]
    while True:
        for lane in lanes:
            lane.fill()
        lanes = [lane for lane in lanes if len(lane.held)]
        if not lanes:
            return
        end = min(table.key(lane.held[-1]) for lane in lanes)
        yield table.merged([lane.take_up_to(end) for lane in lanes], is_whole=is_whole)


def _joined_carry(store: Store, deltas: Sequence[Delta]) -> tuple[str, str]:
    """(file, digest) of what deltas that follow each other carry on together."""
    carry = joined([read_carry(store.directory / delta.carry, delta.carry_digest) for delta in deltas])
    path = next(store.paths())
    return path.name, write_carry(path, carry)


def _merge(store: Store, first: int, end: int) -> None:
    """Make one delta of those from `first` on."""
    group = store.manifest.deltas[first:end]
    segments = {}
    for name, table in store.tables.items():
        parts = [delta.segments[name] for delta in reversed(group)]
        pieces = _merged(store, table, parts, (LOWEST, HIGHEST), is_whole=False)
        segments[name] = write_segments(store.paths(), table, pieces)
    file, digest = _joined_carry(store, group)
    whole = replace(
        group[-1], first_height=group[0].first_height, tier=group[0].tier + 1, carry=file,
        carry_digest=digest, segments=segments,
    )  # fmt: skip
    deltas = store.manifest.deltas
    store.commit(replace(store.manifest, deltas=(*deltas[:first], whole, *deltas[end:])))


def _fold(store: Store, folding: Folding) -> None:
    """Take deltas into the base, piece by piece."""
    written = 0
    for name, table in store.tables.items():
        done = folding.done.get(name, LOWEST)
        while done < HIGHEST:
            if written >= FOLDED_BYTES:
                return
            done, rows = _fold_piece(store, table, done)
            written += rows * table.dtype.itemsize
    _finish(store, folding)


def _fold_piece(store: Store, table: Table, done: Key) -> tuple[Key, int]:
    """Write the segment of the base that begins at `done` anew; returns where the next one begins, and how
    many records were written."""
    manifest = store.manifest
    assert manifest.folding is not None
    base = manifest.deltas[0]
    segments = base.segments[table.name]
    number = sum(segment.first <= done for segment in segments[1:])
    end = segments[number + 1].first if number + 1 < len(segments) else HIGHEST
    newer = manifest.deltas[1 : 1 + manifest.folding.deltas]
    parts = [*(delta.segments[table.name] for delta in reversed(newer)), segments[number : number + 1]]
    pieces = _merged(store, table, parts, (done, end), is_whole=True)
    made = write_segments(store.paths(), table, pieces)
    changed = {**base.segments, table.name: [*segments[:number], *made, *segments[number + 1 :]]}
    folding = replace(manifest.folding, done={**manifest.folding.done, table.name: end})
    deltas = (replace(base, segments=changed), *manifest.deltas[1:])
    store.commit(replace(store.manifest, deltas=deltas, folding=folding))
    return end, sum(segment.rows for segment in made)


def _finish(store: Store, folding: Folding) -> None:
    """Have the base stand for the deltas that it has taken in."""
    manifest = store.manifest
    base, newer = manifest.deltas[0], manifest.deltas[1 : 1 + folding.deltas]
    file, digest = _joined_carry(store, [base, *newer])
    whole = replace(
        base, last_height=newer[-1].last_height, block_hash=newer[-1].block_hash, carry=file,
        carry_digest=digest,
    )  # fmt: skip
    deltas = (whole, *manifest.deltas[1 + folding.deltas :])
    store.commit(replace(store.manifest, deltas=deltas, folding=None))
