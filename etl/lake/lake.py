"""The Parquet lake: the chain as columns, in chunks of consecutive blocks.

Invariants: what a chunk is stands in etl.lake.chunk, which of them count in etl.lake.index; the chunks that
count follow each other without gap once a run has filled the lake, and each begins on the block that the one
before it ends with. A damaged chunk that is set aside keeps its name, so that what is indexed is known until
it is made anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from etl.chain.heights import HeightRange
from etl.disk.files import commit, named
from etl.errors import LakeDamaged, UsageError
from etl.lake.chunk import Chunk, ChunkWriter, damaged, ends_stretch, open_table, read_manifest, stretch
from etl.lake.columns import TABLES
from etl.lake.index import INDEX, LakeIndex, unfinished

if TYPE_CHECKING:
    from etl.compiled.arrays import Ints

READ_TXS = 50_000
"""Transactions read at once, at least, where a chunk has so many."""


class Lake:
    """The chunks of a data directory, as they were when it was first asked, and as changed through it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @cached_property
    def index(self) -> LakeIndex:
        """Raises LakeDamaged."""
        return LakeIndex(self.directory)

    def forget_index(self) -> None:
        """Look at the disk again: another process may have changed the lake."""
        self.__dict__.pop("index", None)

    def span(self) -> HeightRange | None:
        """The indexed range, with gaps and chunks set aside; None where there is nothing."""
        return self.index.span()

    def chunks(self) -> list[Chunk]:
        """The chunks that count, in height order. Raises LakeDamaged."""
        return self.index.chunks

    def folder(self, chunk: Chunk) -> Path:
        """Where a chunk lies."""
        return self.directory / chunk.name

    def clean(self) -> None:
        """Remove what a crash left: temporary folders, and what a wider chunk covers."""
        for path in unfinished(self.directory):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        try:
            covered = self.index.covered()
        except LakeDamaged:
            return  # whoever reads the lake is told
        for name in covered:
            shutil.rmtree(self.directory / name)
        if covered:
            self.forget_index()

    def save_index(self) -> None:
        """Have the next job read one file instead of a manifest of each chunk."""
        self.index.save()

    def set_aside(self, folder: Path) -> None:
        """Have a damaged chunk no longer count, so that it is made anew."""
        aside = folder.with_suffix(".damaged")
        shutil.rmtree(aside, ignore_errors=True)
        commit(folder, aside)
        self.forget_index()

    def check_complete(self) -> None:
        """Raise UsageError where blocks are missing between the first and the last.

        Raises LakeDamaged where a chunk does not begin on the block that the one before it ends with.
        """
        gap = self.index.gap()
        if gap is not None:
            raise UsageError(
                f"{self.directory.parent} lacks the blocks {gap.first_height} to {gap.last_height}: "
                "the run that was to index them did not end",
                "run minerflow backfill or update first",
            )
        for before, after in self.index.breaks():
            raise damaged(self.folder(after), f"it is of another chain than chunk {before.name}")

    def add(self, chunk: Chunk) -> None:
        """Take in a chunk that has just been written."""
        self.index.add(chunk)

    def remove(self, chunk: Chunk) -> None:
        """Take a chunk out, at once."""
        doomed = self.directory / (chunk.name + ".tmp")
        shutil.rmtree(doomed, ignore_errors=True)
        commit(self.folder(chunk), doomed)
        self.index.remove(chunk.name)
        shutil.rmtree(doomed)

    def compact(self) -> None:
        """Make one chunk of the pieces of each full stretch of heights.

        The wide chunk appears before the pieces go, and from then on counts alone.
        """
        pieces = [chunk for chunk in self.chunks() if not chunk.is_whole]
        for _, group in groupby(pieces, key=lambda chunk: stretch(chunk.first_height)):
            parts = list(group)
            joined = all(a.last_height + 1 == b.first_height for a, b in pairwise(parts))
            if len(parts) > 1 and joined and ends_stretch(parts[-1].last_height):
                self._merge(parts)

    def _merge(self, parts: list[Chunk]) -> None:
        first, last = parts[0], parts[-1]
        writer = ChunkWriter(self.directory, first.first_height, last.last_height)
        for part in parts:
            writer.write({t: self.read(part, t, schema.names) for t, schema in TABLES.items()})
        whole = writer.commit(
            first_height=first.first_height, last_height=last.last_height,
            prev_hash=first.prev_hash, last_hash=last.last_hash, network=first.network,
            has_input_scripts=all(part.has_input_scripts for part in parts),
        )  # fmt: skip
        self.add(whole)
        for part in parts:
            self.remove(part)

    def hash_at(self, height: int) -> str:
        """Hash of the block at `height`, hex in display order; KeyError where it is not indexed."""
        chunk = self.index.at(height)
        if height == chunk.last_height:
            return chunk.last_hash
        hashes = self.read(chunk, "blocks", ["hash"]).column("hash")
        return str(hashes[height - chunk.first_height].as_py().hex())

    def check_manifest(self, chunk: Chunk) -> None:
        """Raise LakeDamaged where a chunk's manifest is not what the index says."""
        if read_manifest(self.folder(chunk)) != chunk:
            raise damaged(self.folder(chunk), f"{INDEX} says otherwise")

    def read(self, chunk: Chunk, table: str, columns: list[str]) -> pa.Table:
        """Columns of one table of a chunk, checked. Raises LakeDamaged."""
        with open_table(self.folder(chunk), chunk, table) as file, self._reading(chunk):
            return file.read(columns=columns)

    def rows(self, chunk: Chunk, table: str, columns: list[str], wanted: Ints) -> pa.Table:
        """Some rows of one table of a chunk, given in order; only the row groups that hold them are read.

        Raises LakeDamaged.
        """
        with open_table(self.folder(chunk), chunk, table) as file, self._reading(chunk):
            ends = np.cumsum([file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)])
            group = np.searchsorted(ends, wanted, side="right")
            held = np.unique(group)
            read = file.read_row_groups(held.tolist(), columns=columns)
            skipped = _rows_between(held, ends)[np.searchsorted(held, group)]
            return read.take(pa.array(wanted - skipped))

    def batches(
        self, columns: dict[str, list[str]], first_height: int, last_height: int
    ) -> Iterator[dict[str, pa.Table]]:
        """The blocks of the range, some at a time: tables by name, with the wanted columns.

        `columns` must hold blocks' height and tx_count and txs' input_count and output_count, by which
        batches that reach across an end of the range are cut. Raises LakeDamaged.
        """
        for chunk in self.index.within(first_height, last_height):
            for tables in self._chunk_batches(chunk, columns):
                cut = cut_batch(tables, first_height, last_height)
                if cut["blocks"].num_rows:
                    yield cut

    def _chunk_batches(self, chunk: Chunk, columns: dict[str, list[str]]) -> Iterator[dict[str, pa.Table]]:
        files = {table: open_table(self.folder(chunk), chunk, table) for table in columns}
        try:
            for groups in _read_together(files["txs"].metadata):
                with self._reading(chunk):
                    tables = {
                        table: files[table].read_row_groups(groups, columns=wanted, use_threads=False)
                        for table, wanted in columns.items()
                    }
                yield tables
        finally:
            for file in files.values():
                file.close()

    @contextmanager
    def _reading(self, chunk: Chunk) -> Iterator[None]:
        with named(self.folder(chunk)):
            try:
                yield
            except (OSError, pa.ArrowException) as error:
                if isinstance(error, MemoryError) or getattr(error, "errno", None):
                    raise  # the system's, which says nothing of the contents
                raise damaged(self.folder(chunk), str(error)) from error


def _read_together(txs: pq.FileMetaData) -> Iterator[list[int]]:
    """Row groups of a chunk, in runs that hold READ_TXS transactions or are the last."""
    run, rows = [], 0
    for group in range(txs.num_row_groups):
        run.append(group)
        rows += txs.row_group(group).num_rows
        if rows >= READ_TXS or group + 1 == txs.num_row_groups:
            yield run
            run, rows = [], 0


def _rows_between(held: Ints, ends: Ints) -> Ints:
    """Of each row group that is read, how many rows before it are not."""
    starts = np.concatenate(([0], ends))[held]
    read_before = np.concatenate(([0], np.cumsum(ends[held] - starts)[:-1]))
    return np.asarray(starts - read_before)


def _sum(table: pa.Table, column: str) -> int:
    return int(pc.sum(table.column(column)).as_py() or 0)


def cut_batch(tables: dict[str, pa.Table], first_height: int, last_height: int) -> dict[str, pa.Table]:
    """The part of a batch whose blocks lie within the range, both ends included."""
    blocks = tables["blocks"]
    start = blocks.column("height")[0].as_py()
    skip = min(max(0, first_height - start), blocks.num_rows)
    keep = max(0, min(blocks.num_rows, last_height - start + 1) - skip)
    if keep == blocks.num_rows:
        return tables
    skipped_txs = _sum(blocks.slice(0, skip), "tx_count")
    txs = tables["txs"].slice(skipped_txs, _sum(blocks.slice(skip, keep), "tx_count"))
    skipped = tables["txs"].slice(0, skipped_txs)
    cut = {"blocks": blocks.slice(skip, keep), "txs": txs}
    for name, count in (("inputs", "input_count"), ("outputs", "output_count")):
        if name in tables:
            cut[name] = tables[name].slice(_sum(skipped, count), _sum(txs, count))
    return cut
