"""From a source to one chunk of the lake: a pure, restartable function, fit for a worker process.

Invariants, each checked for every block: its hash is the one that was asked for, its predecessor is the
one before it, and every count and amount is consistent (see etl.chain.blocks and etl.chain.spent). Memory
is bounded by BATCH_BYTES of raw blocks, whatever the size of the chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from etl.chain.blocks import BlockColumns, decode_blocks
from etl.chain.scripts import identify
from etl.chain.spent import SpentColumns, decode_spent
from etl.compiled.arrays import Bytes, Ids, Ints
from etl.disk.failures import failures_named
from etl.errors import WrongChain
from etl.lake.chunk import Chunk, ChunkWriter
from etl.lake.columns import BLOCKS, HASH, INPUTS, OUTPUTS, TXS
from etl.sources.source import ChunkReader, RawBlocks

BATCH_BYTES = 8 << 20
"""Raw block bytes decoded at once."""


@dataclass(frozen=True)
class ChunkTask:
    """Everything a worker needs to make one chunk."""

    reader: ChunkReader
    lake_dir: Path
    first_height: int
    last_height: int
    network: str
    block_hash: Bytes
    """(n, 32) internal byte order"""
    mediantime: Ints
    """(n,)"""
    with_input_scripts: bool
    """Kept where outputs before the indexed range are spent: only the inputs show their scripts."""


@dataclass(frozen=True)
class ExtractedChunk:
    """A finished chunk and what was read for it."""

    chunk: Chunk
    raw_bytes: int
    transactions: int


def extract_chunk(task: ChunkTask) -> ExtractedChunk:
    """Read, decode and write one chunk. Raises what the reader and the decoders raise."""
    with failures_named(task.lake_dir):
        writer = ChunkWriter(task.lake_dir, task.first_height, task.last_height)
        try:
            raw_bytes, transactions, prev_hash = 0, 0, b""
            for tables, size in _batches(task):
                writer.write(tables)
                raw_bytes += size
                transactions += tables["txs"].num_rows
                prev_hash = prev_hash or tables["blocks"].column("prev_hash")[0].as_py()
                del tables  # so that the next batch can lie where this one lay
            chunk = writer.commit(
                first_height=task.first_height,
                last_height=task.last_height,
                prev_hash=prev_hash.hex(),
                last_hash=task.block_hash[-1].tobytes()[::-1].hex(),
                network=task.network,
                has_input_scripts=task.with_input_scripts,
            )
        except BaseException:
            writer.discard()
            raise
    return ExtractedChunk(chunk, raw_bytes, transactions)


def chunk_tables(task: ChunkTask) -> Iterator[dict[str, pa.Table]]:
    """The tables of a chunk batch by batch, without writing them; raises what `extract_chunk` raises."""
    return (tables for tables, _ in _batches(task))


def _batches(task: ChunkTask) -> Iterator[tuple[dict[str, pa.Table], int]]:
    """Tables of each batch and how many raw bytes they were; `map` holds no batch while it gets the next."""
    return map(partial(_decode, task), task.reader.batches(BATCH_BYTES))


def _decode(task: ChunkTask, raw: RawBlocks) -> tuple[dict[str, pa.Table], int]:
    blocks = decode_blocks(raw.block, raw.block_offset, raw.first_height, raw.origin)
    _check_chain(task, raw, blocks)
    spent = decode_spent(
        raw.spent, raw.spent_offset, raw.spent_format, blocks.tx_count, blocks.input_count,
        raw.first_height, raw.origin,
    )  # fmt: skip
    return _tables(task, raw, blocks, spent), len(raw.block) + len(raw.spent)


def _check_chain(task: ChunkTask, raw: RawBlocks, blocks: BlockColumns) -> None:
    first = raw.first_height - task.first_height
    wanted = task.block_hash[first : first + len(blocks.block_hash)]
    wrong = np.flatnonzero((blocks.block_hash != wanted).any(axis=1))
    if len(wrong):
        raise WrongChain(
            f"{raw.origin}: the block at height {raw.first_height + int(wrong[0])} is not the one of "
            "the chain that was planned",
            "run the same command again; if it comes back, check the disk",
        )


def _per_block(values: Ints, tx_count: Ints) -> Ints:
    """Sums of what is given per transaction."""
    first = np.cumsum(tx_count) - tx_count
    return np.asarray(np.add.reduceat(values, first))


def _tables(
    task: ChunkTask, raw: RawBlocks, blocks: BlockColumns, spent: SpentColumns
) -> dict[str, pa.Table]:
    script = _binary(blocks.script, blocks.script_offset)
    spent_script = (
        _binary(spent.script, spent.script_offset)
        if task.with_input_scripts
        else pa.nulls(len(spent.value_sat), pa.binary())
    )
    return {
        "blocks": _block_table(task, raw, blocks, spent),
        "txs": pa.Table.from_arrays(
            [
                _hashes(blocks.txid),
                pa.array(blocks.input_count.astype(np.int32)),
                pa.array(blocks.output_count.astype(np.int32)),
            ],
            schema=TXS,
        ),
        "inputs": _io_table(
            INPUTS,
            spent.value_sat,
            *identify(spent.script, spent.script_offset),
            pa.array(blocks.spent_txid),
            spent_script,
        ),
        "outputs": _io_table(
            OUTPUTS, blocks.value_sat, *identify(blocks.script, blocks.script_offset), script
        ),
    }


def _io_table(
    schema: pa.Schema,
    value_sat: Ints,
    kind: Bytes,
    address_id: Ids,
    *others: pa.Array,
) -> pa.Table:
    arrays = [pa.array(value_sat), pa.array(address_id), pa.array(kind), *others]
    return pa.Table.from_arrays(arrays, schema=schema)


def _block_table(task: ChunkTask, raw: RawBlocks, blocks: BlockColumns, spent: SpentColumns) -> pa.Table:
    n = len(blocks.tx_count)
    first = raw.first_height - task.first_height
    coinbase = np.cumsum(blocks.tx_count) - blocks.tx_count
    paid, taken = blocks.paid_sat, spent.taken_sat
    overspending = paid > taken
    overspending[coinbase] = False
    output_count = _per_block(blocks.output_count, blocks.tx_count)
    columns = {
        "height": np.arange(raw.first_height, raw.first_height + n, dtype=np.int32),
        "hash": _hashes(blocks.block_hash),
        "prev_hash": _hashes(blocks.header[:, 4:36]),
        "time": _header_word(blocks.header, 68),
        "mediantime": task.mediantime[first : first + n],
        "bits": _header_word(blocks.header, 72),
        "size": blocks.size.astype(np.int32),
        "tx_count": blocks.tx_count.astype(np.int32),
        "input_count": _per_block(blocks.input_count, blocks.tx_count).astype(np.int32),
        "output_count": output_count.astype(np.int32),
        "spent_sat": _per_block(taken, blocks.tx_count),
        "created_sat": _per_block(paid, blocks.tx_count) - paid[coinbase],
        "coinbase_sat": paid[coinbase],
        "overspending_txs": _per_block(overspending.astype(np.int64), blocks.tx_count).astype(np.int32),
        "coinbase_script": _binary(blocks.coinbase_script, blocks.coinbase_offset),
    }
    return pa.Table.from_arrays([pa.array(column) for column in columns.values()], schema=BLOCKS)


def _header_word(header: Bytes, at: int) -> Ints:
    words = np.ascontiguousarray(header[:, at : at + 4]).view("<u4")[:, 0]
    return np.asarray(words.astype(np.int64))


def _hashes(internal: Bytes) -> pa.Array:
    """Hashes (n, 32) in internal byte order as an Arrow column in display order."""
    display = np.ascontiguousarray(internal[:, ::-1])
    return pa.Array.from_buffers(HASH, len(display), [None, pa.py_buffer(display)])


def _binary(data: Bytes, offset: Ints) -> pa.Array:
    """Spans of a byte buffer as an Arrow column, without a copy of the bytes."""
    offsets = offset.astype(np.int32)
    return pa.Array.from_buffers(
        pa.binary(), len(offset) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
