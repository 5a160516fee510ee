"""Whose undo data is whose, among blocks that share their predecessor.

Invariants:
- Undo records of rivals (same previous hash, same file) pass each other's checksum. Of different records
  each is one block's and a block has one at most (the same one may stand there twice after the node was
  killed), so a record is taken for a block's own only if every way to give each record to a block that it
  fits says so.
- A record fits a block in the number of inputs per transaction, in amounts (no negative fee, coinbase
  within subsidy and fees) and in the key hashes that the inputs reveal.
- Rivals that spend the same outputs in the same order have the same undo data.
Source: Bitcoin Core's node/blockstorage.cpp, WriteBlockUndo (release 31).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etl.chain.blocks import BlockColumns, decode_blocks
from etl.chain.spent import SpentColumns, decode_spent
from etl.compiled.arrays import Bytes, Ints
from etl.errors import BlockDataError
from etl.sources.blockfiles.reveal import Revealed, contradicts, revealed_by


class Contender:
    """A block among rivals. Raises BlockDataError where it is damaged; `origin` says where it lies."""

    def __init__(self, block: Bytes, height: int, subsidy_sat: int, origin: str) -> None:
        self._columns = decode_blocks(block, _whole(block), height, origin)
        self._height = height
        self._subsidy_sat = subsidy_sat
        self._revealed: list[Revealed] = list(revealed_by(block.tobytes()))

    @property
    def outpoints(self) -> list[bytes]:
        """Of the outputs that it spends, in order."""
        return [each.outpoint for each in self._revealed]

    def fits(self, undo: Bytes) -> bool:
        """Whether an undo record may be this block's."""
        try:
            spent = decode_spent(
                undo, _whole(undo), "undo", self._columns.tx_count, self._columns.input_count,
                self._height, "undo",
            )  # fmt: skip
        except BlockDataError:
            return False
        return _amounts_fit(self._columns, spent, self._subsidy_sat) and not contradicts(
            self._revealed, spent
        )


def own_undo(own: Contender, rivals: Sequence[Contender], found: Sequence[Bytes]) -> set[bytes | None]:
    """What the undo data of `own` may be, of the records `found`; None: it is not among them."""
    records = list({record.tobytes(): record for record in found}.values())
    blocks = [own, *rivals]
    twins = {at for at, block in enumerate(blocks) if block.outpoints == own.outpoints}
    others = frozenset(range(len(blocks))) - twins
    fitting = [frozenset(at for at, block in enumerate(blocks) if block.fits(record)) for record in records]
    possible: set[bytes | None] = set()
    for at, record in enumerate(records):
        rest = fitting[:at] + fitting[at + 1 :]
        free = others | twins
        if any(_can_be_given(rest, free - {twin}) for twin in fitting[at] & twins):
            possible.add(record.tobytes())
    if _can_be_given(fitting, others):
        possible.add(None)
    return possible


def _can_be_given(fitting: Sequence[frozenset[int]], free: frozenset[int]) -> bool:
    """Whether each record can be given to another one of the free blocks that it fits."""
    if not fitting:
        return True
    return any(_can_be_given(fitting[1:], free - {at}) for at in fitting[0] & free)


def _whole(data: Bytes) -> Ints:
    return np.array([0, len(data)], dtype=np.int64)


def _sums(values: Ints, counts: Ints) -> Ints:
    total = np.concatenate(([0], np.cumsum(values)))
    end = np.cumsum(counts)
    return np.asarray(total[end] - total[end - counts])


def _amounts_fit(columns: BlockColumns, spent: SpentColumns, subsidy_sat: int) -> bool:
    paid = _sums(columns.value_sat, columns.output_count)
    fees = _sums(spent.value_sat, columns.input_count) - paid
    return bool((fees[1:] >= 0).all() and paid[0] <= subsidy_sat + fees[1:].sum())
