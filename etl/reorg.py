"""Undoing blocks that the source's chain has left.

Invariants: what goes is whole chunks, from the one that holds the fork on; they are read anew. A source
that merely lags behind changes nothing. A chain that shares nothing, or genesis alone, with what is
indexed is another chain, not a reorganisation.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from etl.errors import WrongChain
from etl.lake import Chunk, Lake
from etl.sources.source import Source


def undo_orphans(lake: Lake, source: Source, warn: Callable[[str], None]) -> int:
    """Remove chunks with orphaned blocks; returns how many blocks the source's chain has left.

    Raises WrongChain.
    """
    chunks = lake.chunks()
    if not chunks:
        return 0
    if chunks[0].network != source.network.name:
        raise _wrong_chain(lake, source, f"it is {chunks[0].network}, the source {source.network.name}")
    if source.tip_height < chunks[-1].last_height:
        warn(
            f"the source's chain ends at {source.tip_height}, "
            f"below the last indexed block {chunks[-1].last_height}"
        )
    orphaned, doomed = 0, []
    for chunk in reversed(chunks):
        count = _orphans(lake, chunk, source)
        if count == 0:
            break
        orphaned += count
        doomed.append(chunk)
    if not doomed:
        return 0
    fork = chunks[-1].last_height - orphaned
    if fork < max(1, chunks[0].first_height):
        raise _wrong_chain(lake, source, "no indexed block but genesis is in the source's chain")
    for chunk in doomed:
        lake.remove(chunk)
    warn(f"{orphaned} blocks above height {fork} left the chain and are undone")
    return orphaned


def _orphans(lake: Lake, chunk: Chunk, source: Source) -> int:
    """How many of a chunk's blocks are not in the source's chain, those above its tip left out."""
    last = min(chunk.last_height, source.tip_height)
    if last < chunk.first_height:
        return 0
    theirs = source.hashes(chunk.first_height, last)[:, ::-1]
    column = lake.read(chunk, "blocks", ["hash"]).column("hash").slice(0, last + 1 - chunk.first_height)
    ours = np.frombuffer(b"".join(column.to_pylist()), dtype=np.uint8).reshape(-1, 32)
    same = (ours == theirs).all(axis=1)
    if same.all():
        return 0
    return int(chunk.last_height - chunk.first_height + 1 - same.argmin())


def _wrong_chain(lake: Lake, source: Source, reason: str) -> WrongChain:
    return WrongChain(
        f"{lake.directory.parent} was indexed from another chain than {source.describe()}: {reason}",
        "use another --data-dir for this node",
    )
