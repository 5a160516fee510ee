"""Chunks of a lake that hold nothing but what their manifests say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from etl.lake.chunk import Chunk, chunk_name, write_manifest
from etl.lake.columns import TABLES


def empty_chunk(first_height: int, last_height: int, *, chain: str = "") -> Chunk:
    """A chunk that follows, and is followed by, those made for the same chain."""
    entries = [[0, 0, ""] for _ in TABLES]
    prev_hash, last_hash = f"{chain}{first_height - 1}", f"{chain}{last_height}"
    return Chunk(first_height, last_height, prev_hash, last_hash, "regtest", False, entries)


def write_chunks(lake_dir: Path, chunks: Sequence[Chunk]) -> None:
    """Folders with manifests and without tables."""
    for chunk in chunks:
        folder = lake_dir / chunk_name(chunk.first_height, chunk.last_height)
        folder.mkdir(parents=True)
        write_manifest(folder, chunk)
