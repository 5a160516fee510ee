"""Blocks that the files have lost: an error that names the place, never a shorter chain."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from etl.chain.blocks import HEADER_SIZE, block_hashes
from etl.compiled.arrays import Bytes
from etl.errors import BlockDataError, BlocksDirectoryError
from etl.sources.blockfiles.placement import StoredBlocks
from etl.sources.blockfiles.records import Records, block_file, map_file, read_payload
from etl.sources.blockfiles.tree import HeaderTree


@dataclass(frozen=True)
class TornBlock:
    """A block of which a file has the header, but not the rest."""

    path: Path
    offset: int
    header: Bytes
    """(80,)"""
    block_hash: bytes
    """internal byte order"""

    def error(self) -> BlockDataError:
        """What it is where no file has the block whole."""
        return BlockDataError(
            f"{self.path}, byte {self.offset}: block {self.block_hash[::-1].hex()} is torn: its header is "
            "there, but not the rest, nor is it whole in any other file",
            BlockDataError.REPAIR,
        )


def torn_blocks(blocks_dir: Path, numbers: list[int], found: list[Records]) -> list[TornBlock]:
    """The torn blocks of all files."""
    return [
        TornBlock(block_file(blocks_dir, number), int(offset), head, block_hashes(head[None])[0].tobytes())
        for number, part in zip(numbers, found, strict=True)
        for offset, head in zip(part.torn_offset, part.torn_head, strict=True)
    ]


def check_genesis(torn: list[TornBlock], blocks: StoredBlocks, genesis_hash: str, blocks_dir: Path) -> None:
    """Raise where no file has the genesis block whole: every chain begins with it."""
    wanted = bytes.fromhex(genesis_hash)[::-1]
    if (block_hashes(blocks.header) == np.frombuffer(wanted, np.uint8)).all(axis=1).any():
        return
    for block in torn:
        if block.block_hash == wanted:
            raise block.error()
    raise BlocksDirectoryError(
        f"{blocks_dir}: no file holds the genesis block: the node has pruned its oldest blocks, "
        "or xor.dat is not the key of these files",
        "use an unpruned node (prune=0 and -reindex), or copy the missing files and xor.dat here",
    )


def check_torn(tree: HeaderTree, torn: list[TornBlock]) -> None:
    """Raise where a block is torn that no file has whole, unless it lies on a branch below the tip."""
    if not torn:
        return
    row_of = {block_hash.tobytes(): row for row, block_hash in enumerate(tree.block_hash)}
    for block in torn:
        parent = row_of.get(block.header[4:36].tobytes())
        is_stale = parent is not None and 0 <= tree.height[parent] < len(tree.chain) - 1
        if block.block_hash not in row_of and not is_stale:
            raise block.error()


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


def check_disconnected(
    tree: HeaderTree, blocks: StoredBlocks, blocks_dir: Path, key: Bytes, garbage_bytes: int
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
                "let the node finish its first synchronisation, or validate what comes before its snapshot; "
                f"else {BlockDataError.REPAIR}; or use --source rest or rpc",
            )
