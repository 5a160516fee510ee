"""The Parquet lake: the chain as columns, in chunks of consecutive blocks.

Invariants:
- A chunk is a folder `FIRST-LAST` with four tables and chunk.json; it appears whole, by one rename.
- Chunks never reach across a multiple of CHUNK_BLOCKS. Where one chunk covers another, the wider one
  counts and the other is what a crash left of a compaction.
- Data pages carry checksums which every read verifies; chunk.json holds each file's size, row count and
  the digest of its footer, and its own digest. What does not match raises LakeDamaged and is never read.
- A damaged chunk that is set aside keeps its name, so that what is indexed is known until it is made anew.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from etl.chain.heights import HeightRange
from etl.disk.files import commit, sync_tree
from etl.errors import LakeDamaged, UsageError
from etl.lake.columns import TABLES

CHUNK_BLOCKS = 128
"""Heights per full chunk: some 500,000 transactions of today's mainnet."""

READ_TXS = 50_000
"""Transactions read at once, at least, where a chunk has so many."""

_MANIFEST = "chunk.json"
_CHUNK, _ASIDE = r"\d{9}-\d{9}", r"(\.damaged)?"


@dataclass(frozen=True)
class FileEntry:
    """What chunk.json says of one table's file."""

    rows: int
    size: int
    footer_sha256: str


@dataclass(frozen=True)
class Chunk:
    """A finished chunk, both heights included; hashes are hex in display order."""

    first_height: int
    last_height: int
    prev_hash: str
    last_hash: str
    network: str
    has_input_scripts: bool
    files: dict[str, FileEntry]

    @property
    def name(self) -> str:
        """Name of the chunk's folder."""
        return chunk_name(self.first_height, self.last_height)


def _heights(folder: Path) -> HeightRange:
    return HeightRange(int(folder.name[:9]), int(folder.name[10:19]))


def _overlap(span: HeightRange, chunk: Chunk) -> int:
    return len(
        HeightRange(max(span.first_height, chunk.first_height), min(span.last_height, chunk.last_height))
    )


def chunk_name(first_height: int, last_height: int) -> str:
    """Folder name of the chunk from `first_height` to `last_height`."""
    return f"{first_height:09d}-{last_height:09d}"


def chunk_ranges(first_height: int, last_height: int) -> list[tuple[int, int]]:
    """The range, both ends included, cut at every multiple of CHUNK_BLOCKS."""
    starts = [first_height]
    starts += range((first_height // CHUNK_BLOCKS + 1) * CHUNK_BLOCKS, last_height + 1, CHUNK_BLOCKS)
    ends = [start - 1 for start in starts[1:]] + [last_height]
    return list(zip(starts, ends, strict=True)) if first_height <= last_height else []


class ChunkWriter:
    """Writes one chunk batch by batch into a temporary folder; `commit` makes it appear."""

    def __init__(self, lake_dir: Path, first_height: int, last_height: int) -> None:
        self._final = lake_dir / chunk_name(first_height, last_height)
        self._folder = lake_dir / (self._final.name + ".tmp")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._writers = {
            name: pq.ParquetWriter(
                self._folder / f"{name}.parquet",
                schema,
                compression="none",
                use_dictionary=False,
                write_statistics=False,
                write_page_checksum=True,
                store_schema=True,
            )
            for name, schema in TABLES.items()
        }
        self._rows = dict.fromkeys(TABLES, 0)
        self._syncer = ThreadPoolExecutor(1)
        self._synced: Future[None] | None = None

    def write(self, tables: dict[str, pa.Table]) -> None:
        """Append one batch of consecutive blocks; the disk takes it while the next one is being made."""
        for name, table in tables.items():
            self._writers[name].write_table(table, row_group_size=max(1, table.num_rows))
            self._rows[name] += table.num_rows
        if self._synced is None or self._synced.done():
            self._check_synced()
            self._synced = self._syncer.submit(sync_tree, self._folder)

    def _check_synced(self) -> None:
        """Raise what the disk said of earlier batches: it says so once."""
        if self._synced is not None:
            self._synced.result()

    def commit(self, **facts: Any) -> Chunk:
        """Close the files, write chunk.json, sync and rename; `facts` are Chunk's other fields."""
        for writer in self._writers.values():
            writer.close()
        self._check_synced()
        self._syncer.shutdown()
        files = {name: _file_entry(self._folder, name, rows) for name, rows in self._rows.items()}
        chunk = Chunk(files=files, **facts)
        (self._folder / _MANIFEST).write_text(_manifest_text(chunk))
        sync_tree(self._folder)
        commit(self._folder, self._final)
        return chunk

    def discard(self) -> None:
        """Drop what was written."""
        self._syncer.shutdown()
        for writer in self._writers.values():
            writer.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _footer(path: Path) -> bytes:
    """The Parquet footer: its length is in the four bytes before the closing magic."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(size - 8)
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(0, size - 8 - length))
        return file.read()


def _file_entry(folder: Path, name: str, rows: int) -> FileEntry:
    path = folder / f"{name}.parquet"
    return FileEntry(rows, path.stat().st_size, hashlib.sha256(_footer(path)).hexdigest())


def _manifest_text(chunk: Chunk) -> str:
    facts = asdict(chunk)
    digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    return json.dumps({**facts, "sha256": digest}, indent=1)


def _read_manifest(folder: Path) -> Chunk:
    try:
        text = (folder / _MANIFEST).read_text()
        facts = json.loads(text)
        del facts["sha256"]
        facts["files"] = {name: FileEntry(**entry) for name, entry in facts["files"].items()}
        chunk = Chunk(**facts)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(folder, f"{_MANIFEST} cannot be read ({error})") from error
    if _manifest_text(chunk) != text:
        raise _damaged(folder, f"{_MANIFEST} has changed")
    if chunk.name != folder.name or set(chunk.files) != set(TABLES):
        raise _damaged(folder, f"{_MANIFEST} is another chunk's")
    return chunk


def _damaged(folder: Path, reason: str) -> LakeDamaged:
    error = LakeDamaged(
        f"chunk {folder.name} of the lake is damaged: {reason}",
        "check the disk, then run minerflow update: the chunk is read anew from the node",
    )
    error.folder = folder
    return error


class Lake:
    """The chunks of a data directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def span(self) -> HeightRange | None:
        """The indexed range, with gaps and chunks set aside; None where there is nothing."""
        spans = [_heights(folder) for folder in self._folders(_CHUNK + _ASIDE)]
        return (
            HeightRange(min(s.first_height for s in spans), max(s.last_height for s in spans))
            if spans
            else None
        )

    def _folders(self, pattern: str) -> list[Path]:
        return [path for path in self.directory.glob("*") if re.fullmatch(pattern, path.name)]

    def chunks(self) -> list[Chunk]:
        """The chunks that count, in height order. Raises LakeDamaged."""
        folders = self._folders(_CHUNK)
        chunks = [_read_manifest(folder) for folder in folders]
        chunks.sort(key=lambda chunk: (chunk.first_height, -chunk.last_height))
        counted: list[Chunk] = []
        for chunk in chunks:
            if not counted or chunk.last_height > counted[-1].last_height:
                counted.append(chunk)
        return counted

    def clean(self) -> None:
        """Remove what a crash left: temporary folders, and what a wider chunk covers."""
        for folder in self._folders(_CHUNK + r"\.tmp"):
            shutil.rmtree(folder)
        try:
            counted = self.chunks()
        except LakeDamaged:
            return  # whoever reads the lake is told
        for folder in set(self._folders(_CHUNK + _ASIDE)) - {self.directory / c.name for c in counted}:
            span = _heights(folder)
            if sum(_overlap(span, chunk) for chunk in counted) == len(span):
                shutil.rmtree(folder)

    def set_aside(self, folder: Path) -> None:
        """Have a damaged chunk no longer count, so that it is made anew."""
        aside = folder.with_suffix(".damaged")
        shutil.rmtree(aside, ignore_errors=True)
        commit(folder, aside)

    def check_complete(self) -> None:
        """Raise UsageError where blocks are missing between the first and the last."""
        chunks = self.chunks()
        for before, after in pairwise(chunks):
            if before.last_height + 1 != after.first_height:
                raise UsageError(
                    f"{self.directory.parent} lacks the blocks {before.last_height + 1} to "
                    f"{after.first_height - 1}: the run that was to index them did not end",
                    "run minerflow backfill or update first",
                )

    def remove(self, chunk: Chunk) -> None:
        """Take a chunk out, at once."""
        doomed = self.directory / (chunk.name + ".tmp")
        shutil.rmtree(doomed, ignore_errors=True)
        commit(self.directory / chunk.name, doomed)
        shutil.rmtree(doomed)

    def compact(self) -> None:
        """Make one chunk of the pieces of each full stretch of CHUNK_BLOCKS heights.

        The wide chunk appears before the pieces go, and from then on counts alone.
        """
        pieces: dict[int, list[Chunk]] = {}
        for chunk in self.chunks():
            pieces.setdefault(chunk.first_height // CHUNK_BLOCKS, []).append(chunk)
        for parts in pieces.values():
            joined = all(a.last_height + 1 == b.first_height for a, b in pairwise(parts))
            if len(parts) > 1 and joined and (parts[-1].last_height + 1) % CHUNK_BLOCKS == 0:
                self._merge(parts)

    def _merge(self, parts: list[Chunk]) -> None:
        first, last = parts[0], parts[-1]
        writer = ChunkWriter(self.directory, first.first_height, last.last_height)
        for part in parts:
            writer.write({t: self.read(part, t, schema.names) for t, schema in TABLES.items()})
        writer.commit(
            first_height=first.first_height, last_height=last.last_height,
            prev_hash=first.prev_hash, last_hash=last.last_hash, network=first.network,
            has_input_scripts=all(part.has_input_scripts for part in parts),
        )  # fmt: skip
        for part in parts:
            self.remove(part)

    def hash_at(self, height: int) -> str:
        """Hash of the block at `height`, hex in display order; KeyError where it is not indexed."""
        for chunk in self.chunks():
            if chunk.first_height <= height <= chunk.last_height:
                hashes = self.read(chunk, "blocks", ["hash"]).column("hash")
                return str(hashes[height - chunk.first_height].as_py().hex())
        raise KeyError(height)

    def path(self, chunk: Chunk, table: str) -> Path:
        """Path of one table of a chunk."""
        return self.directory / chunk.name / f"{table}.parquet"

    def read(self, chunk: Chunk, table: str, columns: list[str]) -> pa.Table:
        """Columns of one table of a chunk, checked. Raises LakeDamaged."""
        with self._checked(chunk, table) as file, self._reading(chunk):
            return file.read(columns=columns)

    def batches(
        self, columns: dict[str, list[str]], first_height: int, last_height: int
    ) -> Iterator[dict[str, pa.Table]]:
        """The blocks of the range, some at a time: tables by name, with the wanted columns.

        `columns` must hold blocks' height and tx_count and txs' input_count and output_count, by which
        batches that reach across an end of the range are cut. Raises LakeDamaged.
        """
        for chunk in self.chunks():
            if chunk.last_height >= first_height and chunk.first_height <= last_height:
                for tables in self._chunk_batches(chunk, columns):
                    cut = cut_batch(tables, first_height, last_height)
                    if cut["blocks"].num_rows:
                        yield cut

    def _chunk_batches(self, chunk: Chunk, columns: dict[str, list[str]]) -> Iterator[dict[str, pa.Table]]:
        files = {table: self._checked(chunk, table) for table in columns}
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
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            raise _damaged(self.directory / chunk.name, str(error)) from error

    def _checked(self, chunk: Chunk, table: str) -> pq.ParquetFile:
        path, entry = self.path(chunk, table), chunk.files[table]
        folder = self.directory / chunk.name
        if not path.exists() or path.stat().st_size != entry.size:
            raise _damaged(folder, f"{table}.parquet is missing or has another size than written")
        if hashlib.sha256(_footer(path)).hexdigest() != entry.footer_sha256:
            raise _damaged(folder, f"the footer of {table}.parquet has changed")
        file = pq.ParquetFile(path, page_checksum_verification=True)
        if file.schema_arrow.names != TABLES[table].names:
            raise _damaged(folder, f"{table}.parquet has other columns than this minerflow writes")
        return file


def _read_together(txs: pq.FileMetaData) -> Iterator[list[int]]:
    """Row groups of a chunk, in runs that hold READ_TXS transactions or are the last."""
    run, rows = [], 0
    for group in range(txs.num_row_groups):
        run.append(group)
        rows += txs.row_group(group).num_rows
        if rows >= READ_TXS or group + 1 == txs.num_row_groups:
            yield run
            run, rows = [], 0


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
