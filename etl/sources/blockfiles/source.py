"""The source `blockfiles`: the chain of most work in a blocks directory, beside a running node or not.

Invariants: nothing but blk, rev and xor files is read; a missing file, a gap or a damaged record is an
error that names the file, never a shorter chain.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from etl.chain.blocks import HEADER_SIZE, block_hashes
from etl.chain.networks import NETWORKS, Network, network_by_genesis
from etl.errors import BlockDataError, BlocksDirectoryError
from etl.sources.blockfiles.index import find_records
from etl.sources.blockfiles.records import (
    Records,
    block_file,
    file_numbers,
    map_file,
    read_payload,
    read_xor_key,
    undo_file,
    unmask_into,
)
from etl.sources.blockfiles.tree import HeaderTree, build_tree
from etl.sources.blockfiles.undo import BlockPlace, NoUndoData, UndoFile
from etl.sources.source import RawBlocks

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _StoredBlocks:
    """Every block of every file, in storage order."""

    file_number: Ints
    offset: Ints
    size: Ints
    header: Bytes


@lru_cache(maxsize=4)
def _undo_file(path: Path, opened: int, key: bytes, magic: bytes) -> UndoFile:
    if not path.exists():
        raise BlocksDirectoryError(
            f"{path} is missing: without undo data the spent outputs are not known",
            "copy it from the node, or use --source rest or rpc",
        )
    return UndoFile(path, np.frombuffer(key, dtype=np.uint8), magic)


@dataclass(frozen=True)
class BlockFilesChunk:
    """Reader for one range of heights; see etl.sources.source.ChunkReader."""

    blocks_dir: Path
    opened: int
    """tells apart sources on the same files, which grow: what is kept of a file is one source's"""
    key: bytes
    magic: bytes
    places: tuple[BlockPlace, ...]

    def batches(self, max_bytes: int) -> Iterator[RawBlocks]:
        """The blocks in height order, each batch of one file and ending where it fills `max_bytes`."""
        for _, of_one_file in groupby(self.places, key=lambda place: place.file_number):
            first, filled, places = 0, 0, tuple(of_one_file)
            for at, place in enumerate(places):
                filled += place.size
                if filled >= max_bytes or at + 1 == len(places):
                    yield self._batch(places[first : at + 1])
                    first, filled = at + 1, 0

    def _batch(self, places: tuple[BlockPlace, ...]) -> RawBlocks:
        block_offset = _offsets([place.size for place in places])
        path = block_file(self.blocks_dir, places[0].file_number)
        block = self._read_blocks(path, places, block_offset)
        spent = self._find_spent(places, block, block_offset)
        return RawBlocks(
            first_height=places[0].height,
            block=block,
            block_offset=block_offset,
            spent=np.concatenate(spent),
            spent_offset=_offsets([len(undo) for undo in spent]),
            spent_format="undo",
            origin=str(path),
        )

    def _read_blocks(self, path: Path, places: tuple[BlockPlace, ...], offset: Ints) -> Bytes:
        stored, key = _map_block_file(path, self.opened), np.frombuffer(self.key, dtype=np.uint8)
        block = np.empty(int(offset[-1]), dtype=np.uint8)
        for place, (start, end) in zip(places, pairwise(offset), strict=True):
            unmask_into(block[start:end], stored, key, place.offset)
        return block

    def _find_spent(self, places: tuple[BlockPlace, ...], block: Bytes, offset: Ints) -> list[Bytes]:
        """Undo data of each block; the genesis block, which is the first if it is there, has none."""
        is_genesis = places[0].height == 0
        spent = [np.empty(0, dtype=np.uint8)] if is_genesis else []
        if len(places) > len(spent):
            undo = self.undo_of(places[-1])
            for at in range(len(spent), len(places)):
                own = block[offset[at] : offset[at + 1]]
                spent.append(undo.find(places[at], own, _tx_count(own)))
        return spent

    def undo_of(self, place: BlockPlace) -> UndoFile:
        """The undo records of the file that holds a block."""
        path = undo_file(self.blocks_dir, place.file_number)
        return _undo_file(path, self.opened, self.key, self.magic)


@lru_cache(maxsize=1)  # what is mapped counts as this process's memory
def _map_block_file(path: Path, opened: int) -> Bytes:
    return map_file(path).view(np.ndarray)


def _offsets(sizes: list[int]) -> Ints:
    return np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)


def _tx_count(block: Bytes) -> int:
    head = bytes(block[HEADER_SIZE : HEADER_SIZE + 9])
    width = {253: 2, 254: 4, 255: 8}.get(head[0], 0)
    return int.from_bytes(head[1 : 1 + width], "little") if width else head[0]


class BlockFilesSource:
    """The chain of most work of a blocks directory. Raises BlocksDirectoryError, BlockDataError.

    `memory` is a file in which to remember where blocks lie until the next time.
    """

    name = "blockfiles"

    def __init__(self, blocks_dir: Path, memory: Path | None = None) -> None:
        self.blocks_dir = blocks_dir
        self._opened = time.monotonic_ns()
        numbers = _complete_file_numbers(blocks_dir)
        self._key = read_xor_key(blocks_dir)
        self.network = _network(blocks_dir, self._key)
        found = find_records(blocks_dir, numbers, self._key, self.network.magic, memory)
        self._blocks = _stored_blocks(numbers, found)
        places = _Places(blocks_dir, self._blocks)
        self._tree = build_tree(self._blocks.header, places, self.network.genesis_hash)
        garbage_bytes = sum(records.garbage_bytes for records in found)
        _check_disconnected(self._tree, self._blocks, blocks_dir, self._key, garbage_bytes)
        self._rank = _ranks(self._tree, self._blocks)
        self._rivals = _rivals(self._tree, self._blocks)
        self.tip_height = self._connected_height()
        self._check_last_block(numbers[-1], found[-1].garbage_bytes)

    @property
    def has_xor_key(self) -> bool:
        """Whether the files are XORed."""
        return bool(self._key.any())

    def describe(self) -> str:
        """One line for people: what is read, from where."""
        waiting = len(self._tree.chain) - 1 - self.tip_height
        later = f"; {waiting} later blocks not connected yet" if waiting else ""
        return f"block files of {self.blocks_dir} ({self.network.name}, tip {self.tip_height}{later})"

    def hashes(self, first_height: int, last_height: int) -> Bytes:
        """Block hashes (n, 32) of the range, both ends included."""
        return self._tree.block_hash[self._tree.chain[first_height : last_height + 1]]

    def times(self, first_height: int, last_height: int) -> Ints:
        """Header times (n,) of the range, both ends included."""
        rows = self._tree.chain[first_height : last_height + 1]
        return self._blocks.header[rows, 68:72].copy().view("<u4")[:, 0].astype(np.int64)

    def chunk(self, first_height: int, last_height: int) -> BlockFilesChunk:
        """A reader for the range, both ends included."""
        places = tuple(self._place(height) for height in range(first_height, last_height + 1))
        return BlockFilesChunk(self.blocks_dir, self._opened, bytes(self._key), self.network.magic, places)

    def _connected_height(self) -> int:
        """Height of the last block that the node has connected: it stores blocks a moment before."""
        height = len(self._tree.chain) - 1
        while height > 0 and not self._is_connected(height):
            height -= 1
        return height

    def _is_connected(self, height: int) -> bool:
        """False where an intact undo file lacks a block. What is damaged is left for reading to report."""
        chunk = self.chunk(height, height)
        place = chunk.places[0]
        path = undo_file(self.blocks_dir, place.file_number)
        if not path.exists():
            return True
        undo = chunk.undo_of(place)
        try:
            next(chunk.batches(place.size))
        except NoUndoData:
            return not undo.is_intact
        except BlockDataError:
            return True
        return True

    def _check_last_block(self, number: int, garbage_bytes: int) -> None:
        """Raise where the last file holds undo data of a block that cannot be found there any more."""
        if not garbage_bytes or not undo_file(self.blocks_dir, number).exists():
            return
        if _undo_file(
            undo_file(self.blocks_dir, number), self._opened, bytes(self._key), self.network.magic
        ).has_orphan:
            raise BlockDataError(
                f"{block_file(self.blocks_dir, number)}: {garbage_bytes} bytes are no records, and beside "
                "it lies undo data of a block that is not there",
                "check the disk, then let the node rebuild its block files (-reindex)",
            )

    def _place(self, height: int) -> BlockPlace:
        row = int(self._tree.chain[height])
        return BlockPlace(
            height=height,
            file_number=int(self._blocks.file_number[row]),
            offset=int(self._blocks.offset[row]),
            size=int(self._blocks.size[row]),
            rank=int(self._rank[row]),
            previous_hash=bytes(self._blocks.header[row, 4:36]),
            rivals=self._rivals.get(row, ()),
            subsidy_sat=self.network.subsidy_sat(height),
        )


class _Places:
    """Where each stored block lies, as text made only when an error needs it."""

    def __init__(self, blocks_dir: Path, blocks: _StoredBlocks) -> None:
        self._blocks_dir = blocks_dir
        self._blocks = blocks

    def __getitem__(self, row: int) -> str:
        path = block_file(self._blocks_dir, int(self._blocks.file_number[row]))
        return f"{path}, byte {int(self._blocks.offset[row])}"


def _complete_file_numbers(blocks_dir: Path) -> list[int]:
    if not blocks_dir.is_dir():
        raise BlocksDirectoryError(
            f"{blocks_dir} is not a directory", "name the node's blocks directory with --blocks-dir"
        )
    numbers = file_numbers(blocks_dir)
    missing = sorted(set(range(numbers[-1])) - set(numbers))
    if missing:
        raise BlocksDirectoryError(
            f"{block_file(blocks_dir, missing[0])} is missing "
            f"({len(missing)} of {numbers[-1] + 1} block files are): "
            "the node is pruned, or the copy is incomplete",
            "use an unpruned node (prune=0 and -reindex), or copy the missing files",
        )
    return numbers


def _network(blocks_dir: Path, key: Bytes) -> Network:
    """The network, from the first record: by its genesis block, else by its magic."""
    path = block_file(blocks_dir, 0)
    data = map_file(path)
    if len(data) < 8 + HEADER_SIZE:
        raise BlockDataError(
            f"{path} is too short to hold a block", "copy it again from the node's blocks directory"
        )
    head = read_payload(data, key, 0, 8 + HEADER_SIZE)
    magic = bytes(head[:4])
    first_hash = block_hashes(head[8:].reshape(1, HEADER_SIZE))[0][::-1].tobytes().hex()
    network = network_by_genesis(first_hash)
    if network is not None:
        return replace(network, magic=magic)
    for known in NETWORKS:
        if known.magic == magic:
            return known
    raise BlocksDirectoryError(
        f"{path} starts with the bytes {magic.hex()}, which no Bitcoin network uses",
        "check that xor.dat lies beside the block files and that this is a node's blocks directory",
    )


def _stored_blocks(numbers: list[int], found: list[Records]) -> _StoredBlocks:
    return _StoredBlocks(
        file_number=np.repeat(np.array(numbers), [len(records.offset) for records in found]),
        offset=np.concatenate([records.offset for records in found]),
        size=np.concatenate([records.size for records in found]),
        header=np.concatenate([records.head for records in found]),
    )


def _ranks(tree: HeaderTree, blocks: _StoredBlocks) -> Ints:
    """Position of each block by height among the connected blocks of its file."""
    order = np.lexsort((tree.height, blocks.file_number))
    order = order[tree.height[order] > 0]
    numbers = blocks.file_number[order]
    starts = np.searchsorted(numbers, numbers, side="left")
    rank = np.zeros(len(tree.height), dtype=np.int64)
    rank[order] = np.arange(len(order)) - starts
    return rank


def _rivals(tree: HeaderTree, blocks: _StoredBlocks) -> dict[int, tuple[tuple[int, int], ...]]:
    """Offset and size of the other blocks of the same file with the same parent, by row of the block."""
    families: dict[tuple[int, int], list[int]] = {}
    parents, counts = np.unique(tree.parent[tree.parent >= 0], return_counts=True)
    for row in np.flatnonzero(np.isin(tree.parent, parents[counts > 1])).tolist():
        families.setdefault((int(tree.parent[row]), int(blocks.file_number[row])), []).append(row)
    places = {
        row: (int(blocks.offset[row]), int(blocks.size[row])) for rows in families.values() for row in rows
    }
    return {
        row: tuple(places[other] for other in rows if other != row)
        for rows in families.values()
        for row in rows
    }


def _claimed_height(head: bytes) -> int | None:
    """Height in the coinbase of a block that starts with `head` (BIP 34), None where none is."""
    at = HEADER_SIZE + {253: 3, 254: 5, 255: 9}.get(head[HEADER_SIZE], 1) + 4
    at += 2 if head[at : at + 2] == b"\0\1" else 0
    script = head[at + 1 + 36 + 1 :]
    if int.from_bytes(head[:4], "little", signed=True) < 2 or not script:
        return None
    if 81 <= script[0] <= 96:
        return script[0] - 80
    return int.from_bytes(script[1 : 1 + script[0]], "little") if script[0] <= 5 else None


def _check_disconnected(
    tree: HeaderTree, blocks: _StoredBlocks, blocks_dir: Path, key: Bytes, garbage_bytes: int
) -> None:
    """Raise where a block that connects to nothing may belong above the tip."""
    tip_height = len(tree.chain) - 1
    for row in np.flatnonzero(tree.height < 0).tolist():
        path = block_file(blocks_dir, int(blocks.file_number[row]))
        size = min(int(blocks.size[row]), 400)
        head = read_payload(map_file(path), key, int(blocks.offset[row]), size).tobytes()
        claimed = _claimed_height(head)
        if claimed is None or claimed > tip_height:
            previous = blocks.header[row, 4:36][::-1].tobytes().hex()
            raise BlockDataError(
                f"{path}, byte {int(blocks.offset[row])}: this block builds on {previous}, which the "
                f"files do not hold; the chain would end at height {tip_height} "
                f"({garbage_bytes} bytes of the files are no records)",
                "let the node finish its first synchronisation; else copy the files again, or let "
                "the node rebuild them (-reindex); or use --source rest or rpc",
            )
