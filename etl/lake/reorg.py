"""Bringing the lake in line with the source's chain.

Invariants: where the chain was reorganised, what goes is whole chunks, from the one that holds the fork on;
they are read anew. A source that merely lags behind changes nothing. A chain that shares nothing, or genesis
alone, with what is indexed is another chain, not a reorganisation.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from etl.errors import WrongChain
from etl.lake.chunk import Chunk
from etl.lake.lake import Lake
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
    fork = fork_height(lake, source)
    doomed = [chunk for chunk in reversed(chunks) if chunk.last_height > fork]
    if not doomed:
        return 0
    if fork < max(1, chunks[0].first_height):
        raise _wrong_chain(lake, source, "no indexed block but genesis is in the source's chain")
    for chunk in doomed:
        lake.remove(chunk)
    orphaned: int = sum(chunk.last_height - max(fork, chunk.first_height - 1) for chunk in doomed)
    warn(f"{orphaned} blocks above height {fork} left the chain and are undone")
    return orphaned


def set_aside_strangers(lake: Lake, source: Source, warn: Callable[[str], None]) -> None:
    """Set aside chunks of another chain, which stand between some of the source's."""
    for chunk in {chunk.name: chunk for pair in lake.index.breaks() for chunk in pair}.values():
        reachable = min(chunk.last_height, source.tip_height) - chunk.first_height + 1
        if reachable > 0 and _shared_blocks(lake, chunk, source) < reachable:
            warn(f"chunk {chunk.name} of the lake is of another chain than its neighbours; it is read anew")
            lake.set_aside(lake.folder(chunk))


def fork_height(lake: Lake, source: Source) -> int:
    """The highest indexed block in the source's chain; the last one indexed where none left it.

    Blocks above the source's tip say nothing, but go with those below them.
    """
    chunks = lake.chunks()
    fork = chunks[-1].last_height
    for chunk in reversed(chunks):
        if chunk.first_height > source.tip_height:
            continue
        shared = _shared_blocks(lake, chunk, source)
        if shared == min(chunk.last_height, source.tip_height) + 1 - chunk.first_height:
            break
        fork = chunk.first_height + shared - 1
        if shared:
            break
    return fork


def _shared_blocks(lake: Lake, chunk: Chunk, source: Source) -> int:
    """How many of a chunk's blocks up to the source's tip are in its chain, from the first on."""
    last = min(chunk.last_height, source.tip_height)
    theirs = source.hashes(chunk.first_height, last)[:, ::-1]
    column = lake.read(chunk, "blocks", ["hash"]).column("hash").slice(0, last + 1 - chunk.first_height)
    ours = np.frombuffer(b"".join(column.to_pylist()), dtype=np.uint8).reshape(-1, 32)
    same = (ours == theirs).all(axis=1)
    return len(same) if same.all() else int(same.argmin())


def _wrong_chain(lake: Lake, source: Source, reason: str) -> WrongChain:
    return WrongChain(
        f"{lake.directory.parent} was indexed from another chain than {source.describe()}: {reason}",
        "use another --data-dir for this node",
    )
