"""One chunk of the lake on disk: a folder with four tables and what it says of itself.

Invariants: a chunk appears whole, by one rename; chunk.json holds each file's size, row count and the digest
of its footer, and its own digest, and data pages carry checksums which every read verifies. What does not
match raises LakeDamaged and is never read. Chunks never reach across a multiple of CHUNK_BLOCKS.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from etl.chain.heights import HeightRange
from etl.disk.files import commit, sync_tree
from etl.errors import LakeDamaged
from etl.lake.columns import TABLES

CHUNK_BLOCKS = 128
"""Heights per full chunk: some 500,000 transactions of today's mainnet."""

MANIFEST = "chunk.json"


class FileEntry(NamedTuple):
    """What chunk.json says of one table's file."""

    rows: int
    size: int
    footer_sha256: str


class Chunk(NamedTuple):
    """A finished chunk, both heights included; hashes are hex in display order."""

    first_height: int
    last_height: int
    prev_hash: str
    last_hash: str
    network: str
    has_input_scripts: bool
    entries: list[list[Any]]
    """values of the FileEntry of each table, in the order of TABLES: thousands of chunks are read at once"""

    @property
    def files(self) -> dict[str, FileEntry]:
        """What chunk.json says of each table's file."""
        return dict(zip(TABLES, map(FileEntry._make, self.entries), strict=True))

    @property
    def name(self) -> str:
        """Name of the chunk's folder."""
        return chunk_name(self.first_height, self.last_height)

    @property
    def blocks(self) -> int:
        """How many it holds."""
        return self.last_height - self.first_height + 1

    @property
    def is_whole(self) -> bool:
        """Whether it is as wide as a chunk can be."""
        return self.blocks == CHUNK_BLOCKS


def chunk_name(first_height: int, last_height: int) -> str:
    """Folder name of the chunk from `first_height` to `last_height`."""
    return f"{first_height:09d}-{last_height:09d}"


def chunk_ranges(first_height: int, last_height: int) -> list[tuple[int, int]]:
    """The range, both ends included, cut at every multiple of CHUNK_BLOCKS."""
    starts = [first_height]
    starts += range((first_height // CHUNK_BLOCKS + 1) * CHUNK_BLOCKS, last_height + 1, CHUNK_BLOCKS)
    ends = [start - 1 for start in starts[1:]] + [last_height]
    return list(zip(starts, ends, strict=True)) if first_height <= last_height else []


def heights_of(folder_name: str) -> HeightRange:
    """The heights that a chunk's folder is named by."""
    return HeightRange(int(folder_name[:9]), int(folder_name[10:19]))


def stretch(height: int) -> int:
    """Which of the stretches of CHUNK_BLOCKS heights a block lies in."""
    return height // CHUNK_BLOCKS


def ends_stretch(height: int) -> bool:
    """Whether a chunk that ends with a block cannot grow."""
    return stretch(height) != stretch(height + 1)


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
        entries = [list(_file_entry(self._folder, name, rows)) for name, rows in self._rows.items()]
        chunk = Chunk(entries=entries, **facts)
        write_manifest(self._folder, chunk)
        sync_tree(self._folder)
        commit(self._folder, self._final)
        return chunk

    def discard(self) -> None:
        """Drop what was written; what the disk says of it no longer counts."""
        self._syncer.shutdown()
        for writer in self._writers.values():
            with suppress(OSError):
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


def _facts(chunk: Chunk) -> dict[str, Any]:
    facts = chunk._asdict()
    del facts["entries"]
    return {**facts, "files": {name: entry._asdict() for name, entry in chunk.files.items()}}


def _manifest_text(chunk: Chunk) -> str:
    facts = _facts(chunk)
    digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    return json.dumps({**facts, "sha256": digest}, indent=1)


def write_manifest(folder: Path, chunk: Chunk) -> None:
    """Write what a chunk says of itself; the tables are there already."""
    (folder / MANIFEST).write_text(_manifest_text(chunk))


def read_manifest(folder: Path) -> Chunk:
    """The chunk that a folder holds, by its chunk.json. Raises LakeDamaged."""
    try:
        text = (folder / MANIFEST).read_text()
        facts = json.loads(text)
        del facts["sha256"]
        files = facts.pop("files")
        chunk = Chunk(entries=[list(FileEntry(**files[table])) for table in TABLES], **facts)
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise damaged(folder, f"{MANIFEST} cannot be read ({error})") from error
    if _manifest_text(chunk) != text:
        raise damaged(folder, f"{MANIFEST} has changed")
    if chunk.name != folder.name:
        raise damaged(folder, f"{MANIFEST} is another chunk's")
    return chunk


def open_table(folder: Path, chunk: Chunk, table: str) -> pq.ParquetFile:
    """A table's file, whose size, footer and columns are what was written. Raises LakeDamaged."""
    path, entry = folder / f"{table}.parquet", chunk.files[table]
    if not path.exists() or path.stat().st_size != entry.size:
        raise damaged(folder, f"{table}.parquet is missing or has another size than written")
    if hashlib.sha256(_footer(path)).hexdigest() != entry.footer_sha256:
        raise damaged(folder, f"the footer of {table}.parquet has changed")
    file = pq.ParquetFile(path, page_checksum_verification=True)
    if file.schema_arrow.names != TABLES[table].names:
        raise damaged(folder, f"{table}.parquet has other columns than this minerflow writes")
    return file


def damaged(folder: Path, reason: str) -> LakeDamaged:
    """The error that names a damaged chunk."""
    error = LakeDamaged(
        f"chunk {folder.name} of the lake is damaged: {reason}",
        "check the disk, then run minerflow update: the chunk is read anew from the node",
    )
    error.folder = folder
    return error
