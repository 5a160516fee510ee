"""The store of addresses: what the tracker must know of the blocks before those it is to track.

Invariants: the store is what its manifest says (see there); files are written under numbers that none has
had, so what the manifest names is never written over. A delta counts once `add` has returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from clustering.resting import Rested
from clustering.waking import Carry
from etl.compiled.sorting import distinct
from etl.errors import StoreDamaged
from etl.tracking.store import manifest as manifests
from etl.tracking.store.carry import joined, read_carry, write_carry
from etl.tracking.store.contents import ADDRESSES, MINERS, Records, Table, members
from etl.tracking.store.manifest import Delta, Identity, Manifest
from etl.tracking.store.segment import Segment, SegmentFile, write_segments

Ids = npt.NDArray[np.uint64]

_READERS = 8
"""Files that are read at once, so that the disk has several requests to order."""


class View:
    """The store as it was after one of its deltas, or with others that do not count yet."""

    def __init__(self, directory: Path, tables: dict[str, Table], deltas: tuple[Delta, ...]) -> None:
        self._directory, self._tables, self._deltas = directory, tables, deltas

    def __bool__(self) -> bool:
        """Whether it holds anything."""
        return bool(self._deltas)

    def with_delta(self, delta: Delta) -> View:
        """With one more."""
        return View(self._directory, self._tables, (*self._deltas, delta))

    def carry(self) -> Carry:
        """What is carried on after the last block."""
        return joined([read_carry(self._directory / each.carry, each.carry_digest) for each in self._deltas])

    def addresses(self, ids: Ids) -> Records:
        """The records of those of the addresses that have one, by id; `ids` are sorted, each there once."""
        return self._latest(ADDRESSES, ids)

    def miners(self, ids: Ids) -> Records:
        """The mining clusters with one of these roots."""
        return self._latest(MINERS, ids)

    def members(self, forest: int, ids: Ids) -> Ids:
        """Who has joined below one of these addresses, directly; sorted, each there once."""
        table = members(forest)
        found = [rows["member"] for delta in self._deltas for rows in self._select(delta, table, ids)]
        return distinct(np.concatenate([np.empty(0, np.uint64), *found]))

    def _select(self, delta: Delta, table: str, ids: Ids) -> Iterator[Records]:
        def found(segment: Segment) -> list[Records]:
            return list(SegmentFile(self._directory, segment, self._tables[table]).select(ids))

        with ThreadPoolExecutor(_READERS) as readers:
            for records in readers.map(found, delta.segments[table]):
                yield from records

    def _latest(self, table: str, ids: Ids) -> Records:
        found = [np.empty(0, self._tables[table].dtype)]
        for delta in reversed(self._deltas):
            if not len(ids):
                break
            here = np.concatenate([found[0], *self._select(delta, table, ids)])
            is_left = np.ones(len(ids), np.bool_)
            is_left[np.searchsorted(ids, here["id"])] = False
            ids = ids[is_left]
            found.append(here)
        together = np.concatenate(found)
        return np.asarray(together[np.argsort(together["id"])])


class Store:
    """The store of a data directory, for tracking with one identity."""

    def __init__(
        self, directory: Path, tables: dict[str, Table], identity: Identity, warn: Callable[[str], None]
    ) -> None:
        """Read what is there: what is damaged is named to `warn` and left out, with all that follows it."""
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.tables = directory, tables
        try:
            held = manifests.load(directory)
        except StoreDamaged as error:
            warn(f"{error.what}; addresses are tracked anew from the lake")
            held = None
        self._named = held.files() if held else set()
        self._remove_all_but(self._named)
        is_mine = held is not None and held.identity == identity
        self.manifest = held if held is not None and is_mine else Manifest(identity)
        if held is not None:
            self.manifest = replace(self.manifest, next_file=held.next_file)
        self._leave_out_damage(warn)

    def _leave_out_damage(self, warn: Callable[[str], None]) -> None:
        while True:
            try:
                return self._check()
            except StoreDamaged as error:
                warn(f"{error.what}; what it holds is tracked anew from the lake")
                self.manifest = self.manifest.without(error.path.name)

    def _check(self) -> None:
        for delta in self.manifest.deltas:
            read_carry(self.directory / delta.carry, delta.carry_digest)
            for name, segments in delta.segments.items():
                for segment in segments:
                    SegmentFile(self.directory, segment, self.tables[name]).check()

    def view(self, last: Delta | None) -> View:
        """The store as it was after one of its deltas, None before all."""
        deltas = self.manifest.deltas
        return View(self.directory, self.tables, deltas[: deltas.index(last) + 1] if last else ())

    def paths(self) -> Iterator[Path]:
        """Files to be written, one after another."""
        while True:
            number = self.manifest.next_file
            self.manifest = replace(self.manifest, next_file=number + 1)
            yield self.directory / manifests.file_name(number)

    def write(self, rested: Rested, first_height: int, last_height: int, block_hash: str) -> Delta:
        """Write what a range leaves as a delta that does not count yet."""
        pieces = {ADDRESSES: rested.records, MINERS: iter([rested.miners])}
        pieces |= {members(forest): rows for forest, rows in enumerate(rested.members)}
        segments = {
            name: write_segments(self.paths(), table, pieces[name]) for name, table in self.tables.items()
        }
        path = next(self.paths())
        digest = write_carry(path, rested.carry)
        return Delta(first_height, last_height, block_hash, 0, path.name, digest, segments)

    def add(self, deltas: list[Delta]) -> None:
        """Have deltas count, after all others."""
        self.commit(replace(self.manifest, deltas=(*self.manifest.deltas, *deltas)))

    def drop_above(self, height: int) -> None:
        """Have no delta count that reaches above `height`; what they hold is removed."""
        self.commit(self.manifest.up_to(height))

    def leave_out(self, file: str) -> None:
        """Have the delta with a damaged file not count, nor those after it."""
        self.commit(self.manifest.without(file))

    def commit(self, manifest: Manifest) -> None:
        """Make this manifest the one that counts, and remove the files that it no longer names."""
        self.manifest = manifest
        manifests.save(self.directory, manifest)
        gone, self._named = self._named - manifest.files(), manifest.files()
        for name in gone:
            (self.directory / name).unlink(missing_ok=True)

    def _remove_all_but(self, names: set[str]) -> None:
        for path in self.directory.iterdir():
            if manifests.is_of_store(path.name) and path.name not in {*names, manifests.NAME}:
                path.unlink()
