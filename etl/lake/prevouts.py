"""Holding what inputs are said to spend against the outputs that the lake has of the transactions they name.

A block commits to its outputs and to which output each input spends, but not to that output's value and
script: these are the word of whoever gave the block, until they are held against the outputs themselves.

Invariants: an input is true if its value, kind and identity are those of an output of the transaction that it
names, and of no more inputs than such outputs. Two outputs of one transaction exchanged for each other are
told apart once both are spent. Rows are compared by 64-bit sums under a key of this process, which nobody can
aim at. Memory is bounded whatever the lake holds.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from etl.lake.chunk import Chunk
from etl.lake.lake import Lake

LOOK_BACK_OUTPUTS = 1 << 21
"""Outputs before new blocks, at least, that are looked through for what these spend: today two days."""

MOST_OUTPUTS = 1 << 28
"""Held in memory at once (16 bytes each) where all are looked through; more are read several times."""

Sums = npt.NDArray[np.uint64]

_COLUMNS = ["value_sat", "address_id", "kind"]


@dataclass(frozen=True)
class FalsePrevout:
    """An input that is not what any output says."""

    height: int
    value_sat: int
    chunks: list[Chunk]
    """all that hold such inputs"""

    def __str__(self) -> str:
        return (
            f"the block at height {self.height} spends an output of {self.value_sat} sat that the "
            "transaction it names does not have, or not so often"
        )


class _Key:
    """Sums rows up, so that nobody who does not know the key can find two rows of the same sum."""

    def __init__(self) -> None:
        self._factors = [np.uint64(secrets.randbits(64) | 1) for _ in range(4)]

    def __call__(self, txid: Sums, rows: pa.Table) -> Sums:
        found = txid * self._factors[0]
        for name, factor in zip(_COLUMNS, self._factors[1:], strict=True):
            found += rows.column(name).to_numpy().astype(np.uint64, copy=False) * factor
        return found


class _Outputs(NamedTuple):
    """What is held of chunks: the ids of their transactions, and the sums of their outputs."""

    txid: Sums
    created: Sums


def false_among(lake: Lake, new: list[Chunk]) -> FalsePrevout | None:
    """The first of the new chunks' inputs that spends a recent output as what it is not; None for none.

    Older outputs are not looked for: see `false_in_all`.
    """
    key, names = _Key(), {chunk.name for chunk in new}
    before = _Outputs(np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.uint64))
    for group in _groups(_recent(lake.chunks(), names)):
        outputs = _outputs(lake, group, key)
        wanted = [chunk for chunk in group if chunk.name in names]
        if wanted:
            known = _Outputs(*map(np.concatenate, zip(before, outputs, strict=True)))
            false = _false(lake, known, wanted, key)
            if len(false):
                return _located(lake, wanted, key, false)
        before = outputs
    return None


def false_in_all(lake: Lake) -> FalsePrevout | None:
    """The first false one of all inputs of a lake that starts at genesis and so has whatever is spent."""
    key = _Key()
    outputs = sum(chunk.files["outputs"].rows for chunk in lake.chunks())
    parts = outputs // MOST_OUTPUTS + 1
    for part in range(parts):
        created = np.concatenate([_created(lake, c, key, part, parts) for c in lake.chunks()])
        spent = [_spent(lake, c, key, part, parts) for c in lake.chunks()]
        false = _missing(np.concatenate(spent), created)
        if len(false):
            return _located(lake, lake.chunks(), key, false)
    return None


def _recent(chunks: list[Chunk], names: set[str]) -> list[Chunk]:
    """The chunks from LOOK_BACK_OUTPUTS before the first named one on."""
    at = next((place for place, chunk in enumerate(chunks) if chunk.name in names), len(chunks))
    outputs = 0
    while at and outputs < LOOK_BACK_OUTPUTS:
        at -= 1
        outputs += chunks[at].files["outputs"].rows
    return chunks[at:]


def _groups(chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    """Runs of chunks that hold LOOK_BACK_OUTPUTS or are the last."""
    group: list[Chunk] = []
    outputs = 0
    for chunk in chunks:
        group.append(chunk)
        outputs += chunk.files["outputs"].rows
        if outputs >= LOOK_BACK_OUTPUTS:
            yield group
            group, outputs = [], 0
    if group:
        yield group


def _outputs(lake: Lake, chunks: list[Chunk], key: _Key) -> _Outputs:
    created, ids = [], []
    for chunk in chunks:
        txids, counts = _txids(lake, chunk)
        ids.append(txids)
        created.append(key(np.repeat(txids, counts), lake.read(chunk, "outputs", _COLUMNS)))
    return _Outputs(np.concatenate(ids), np.concatenate(created))


def _false(lake: Lake, known: _Outputs, chunks: list[Chunk], key: _Key) -> Sums:
    """Sums of inputs that no output has, of those that spend what a known transaction made."""
    inputs = [_inputs(lake, chunk) for chunk in chunks]
    spent = np.concatenate([key(named, rows) for rows, named in inputs])
    named = np.concatenate([named for _, named in inputs])
    is_missing = np.isin(spent, _missing(spent, known.created))
    is_known = np.isin(named[is_missing], known.txid)
    return spent[is_missing][is_known]


def _missing(spent: Sums, created: Sums) -> Sums:
    """Sums that are spent more often than created."""
    created.sort()
    found, count = np.unique(spent, return_counts=True)
    held = np.searchsorted(created, found, "right") - np.searchsorted(created, found, "left")
    return found[held < count]


def _located(lake: Lake, chunks: Iterable[Chunk], key: _Key, false: Sums) -> FalsePrevout:
    """Where the inputs with one of the sums stand."""
    places = ((chunk, *_inputs(lake, chunk)) for chunk in chunks)
    found = [
        (chunk, rows, at)
        for chunk, rows, named in places
        if len(at := np.flatnonzero(np.isin(key(named, rows), false)))
    ]
    chunk, rows, at = found[0]
    blocks = lake.read(chunk, "blocks", ["height", "input_count"])
    ends = np.cumsum(blocks.column("input_count").to_numpy())
    height = blocks.column("height")[int(np.searchsorted(ends, at[0], "right"))].as_py()
    return FalsePrevout(height, rows.column("value_sat")[int(at[0])].as_py(), [each[0] for each in found])


def _txids(lake: Lake, chunk: Chunk) -> tuple[Sums, npt.NDArray[np.int64]]:
    """The ids of a chunk's transactions as inputs name them, and how many outputs each has."""
    txs = lake.read(chunk, "txs", ["txid", "output_count"])
    column = txs.column("txid").combine_chunks()
    display = np.frombuffer(column.buffers()[1], dtype=np.uint8)[32 * column.offset :][: 32 * len(column)]
    words = np.ascontiguousarray(display.reshape(-1, 32)[:, 24:]).view(">u8")[:, 0]
    return words.astype(np.uint64), txs.column("output_count").to_numpy().astype(np.int64)


def _created(lake: Lake, chunk: Chunk, key: _Key, part: int = 0, parts: int = 1) -> Sums:
    txids, counts = _txids(lake, chunk)
    named = np.repeat(txids, counts)
    return _part(key(named, lake.read(chunk, "outputs", _COLUMNS)), named, part, parts)


def _spent(lake: Lake, chunk: Chunk, key: _Key, part: int, parts: int) -> Sums:
    rows, named = _inputs(lake, chunk)
    return _part(key(named, rows), named, part, parts)


def _part(sums: Sums, named: Sums, part: int, parts: int) -> Sums:
    return sums if parts == 1 else sums[named % np.uint64(parts) == part]


def _inputs(lake: Lake, chunk: Chunk) -> tuple[pa.Table, Sums]:
    """A chunk's inputs, and the transactions whose outputs they spend."""
    rows = lake.read(chunk, "inputs", [*_COLUMNS, "spent_txid"])
    return rows, rows.column("spent_txid").to_numpy().astype(np.uint64, copy=False)
