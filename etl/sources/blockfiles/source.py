"""The source `blockfiles`: the chain of most work in a blocks directory, beside a running node or not.

Invariants: nothing but blk, rev and xor files is read; a missing file, a gap or a damaged record is an
error that names the file, never a shorter chain.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np

from etl.chain.blocks import HEADER_SIZE, decode_blocks
from etl.chain.spent import decode_spent
from etl.compiled.arrays import Bytes, Ints
from etl.errors import BlockDataError, BlocksDirectoryError
from etl.sources.blockfiles.genesis import network_of
from etl.sources.blockfiles.index import find_records
from etl.sources.blockfiles.losses import check_disconnected, check_genesis, check_torn, torn_blocks
from etl.sources.blockfiles.placement import copies, ranks, rivals, stored_blocks
from etl.sources.blockfiles.records import (
    block_file,
    file_numbers,
    map_file,
    read_xor_key,
    undo_file,
    unmask_into,
    unreadable_named,
)
from etl.sources.blockfiles.tree import build_tree
from etl.sources.blockfiles.undo import BlockPlace, NoUndoData, UndoFile
from etl.sources.source import RawBlocks


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
        self.network = network_of(blocks_dir, self._key)
        found = find_records(blocks_dir, numbers, self._key, self.network.magic, memory)
        self._blocks = stored_blocks(numbers, found)
        torn = torn_blocks(blocks_dir, numbers, found)
        check_genesis(torn, self._blocks, self.network.genesis_hash, blocks_dir)
        self._tree = build_tree(self._blocks.header, self.network.genesis_hash)
        check_torn(self._tree, torn)
        garbage_bytes = sum(records.garbage_bytes for records in found)
        check_disconnected(self._tree, self._blocks, blocks_dir, self._key, garbage_bytes)
        self._copies = copies(self._tree)
        self._rank = ranks(self._tree, self._blocks)
        self._rivals = rivals(self._tree, self._blocks)
        self.tip_height = self._connected_height()
        self._check_last_block(numbers[-1], found[-1].garbage_bytes)

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
        return self._reader(places)

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
                BlockDataError.REPAIR,
            )

    def _place(self, height: int) -> BlockPlace:
        row = int(self._tree.chain[height])
        places = [self._place_of(each, height) for each in self._copies.get(row, (row,))]
        return next(filter(self._is_whole, places), places[0]) if len(places) > 1 else places[0]

    def _place_of(self, row: int, height: int) -> BlockPlace:
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

    def _is_whole(self, place: BlockPlace) -> bool:
        """Whether a copy of a block is undamaged and lies beside its undo data."""
        try:
            raw = next(self._reader((place,)).batches(place.size))
            blocks = decode_blocks(raw.block, raw.block_offset, raw.first_height, raw.origin)
            decode_spent(
                raw.spent, raw.spent_offset, raw.spent_format, blocks.tx_count, blocks.input_count,
                raw.first_height, raw.origin,
            )  # fmt: skip
        except (BlockDataError, BlocksDirectoryError):
            return False
        return True

    def _reader(self, places: tuple[BlockPlace, ...]) -> BlockFilesChunk:
        return BlockFilesChunk(self.blocks_dir, self._opened, bytes(self._key), self.network.magic, places)


def _complete_file_numbers(blocks_dir: Path) -> list[int]:
    with unreadable_named(blocks_dir):
        is_directory = blocks_dir.is_dir()
    if not is_directory:
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
