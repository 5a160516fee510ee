"""What every source of blocks offers, so that the rest of the house need not know where they come from.

Invariants: heights are those of the source's active chain when it was opened; hashes are in internal
byte order; a chunk reader is small and picklable, works in another process, and gives exactly the
blocks whose hashes it was made for, or an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from etl.chain.networks import Network
from etl.chain.spent import SpentFormat
from etl.compiled.arrays import Bytes, Ints


@dataclass(frozen=True)
class RawBlocks:
    """`n` consecutive blocks as serialised, with the outputs that they spend."""

    first_height: int
    block: Bytes
    """the blocks, one after the other"""
    block_offset: Ints
    """(n + 1,) into block"""
    spent: Bytes
    """undo data or spenttxouts of the blocks, one after the other"""
    spent_offset: Ints
    """(n + 1,) into spent"""
    spent_format: SpentFormat
    origin: str
    """where the bytes came from, for error messages"""


class ChunkReader(Protocol):
    """Reads one range of blocks; picklable."""

    def batches(self, max_bytes: int) -> Iterator[RawBlocks]:
        """The blocks in height order, each batch ending with the block that fills `max_bytes`."""


class Source(Protocol):
    """A chain of blocks with the outputs that they spend."""

    name: str
    """"blockfiles", "rest" or "rpc" """
    network: Network
    tip_height: int

    def describe(self) -> str:
        """One line for people: what is read, from where."""

    def hashes(self, first_height: int, last_height: int) -> Bytes:
        """Block hashes (n, 32) of the range, both ends included."""

    def times(self, first_height: int, last_height: int) -> Ints:
        """Header times (n,) of the range, both ends included."""

    def chunk(self, first_height: int, last_height: int) -> ChunkReader:
        """A reader for the range, both ends included."""
