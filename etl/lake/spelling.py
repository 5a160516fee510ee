"""From 64-bit address ids to address text, by the scripts that the lake keeps.

Invariant: every id that the tracker names has been seen in an output of the lake, or, where the indexed
range does not start at genesis, in an input; an id without a script is a damaged lake.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from etl.chain import address_writing
from etl.chain.networks import Network
from etl.compiled.arrays import Ids
from etl.errors import LakeDamaged
from etl.lake.chunk import Chunk
from etl.lake.lake import Lake
from etl.lake.lookahead import ahead
from etl.lake.search import Wanted

SCHEMA = pa.schema([("address_id", pa.uint64()), ("address", pa.string())])


def write_address_texts(lake: Lake, ids: Ids, network: Network, path: Path) -> None:
    """(address_id, address) of the ids, which are sorted and distinct, as Parquet. Raises LakeDamaged."""
    with pq.ParquetWriter(path, SCHEMA, compression="lz4") as writer:
        for texts in ahead(address_texts(lake, ids, network)):
            writer.write_table(texts)


def address_texts(lake: Lake, ids: Ids, network: Network) -> Iterator[pa.Table]:
    """(address_id, address) of the ids, which are sorted and distinct, in parts. Raises LakeDamaged.

    The latest chunks are searched first: most addresses that change in a run have just been paid.
    """
    wanted = Wanted(ids)
    for scripts in _scripts(lake, wanted):
        yield _texts(scripts, network)
    if wanted.left:
        raise LakeDamaged(
            f"the lake holds no script for {wanted.left} addresses that were tracked",
            "delete the folder lake in the data directory and run backfill again",
        )


def _scripts(lake: Lake, wanted: Wanted) -> Iterator[pa.Table]:
    """One row per wanted id: address_id, script; scripts are read only where a wanted one stands."""
    for chunk, table, ids in ahead(_ids(lake)):
        first = wanted.new_among(ids.column("address_id").to_numpy())
        if len(first):
            scripts = lake.rows(chunk, table, ["script"], first)
            yield ids.take(pa.array(first)).append_column("script", scripts.column("script"))
        if not wanted.left:
            return


def _ids(lake: Lake) -> Iterator[tuple[Chunk, str, pa.Table]]:
    """All ids of the lake and where they stand, the latest chunks first."""
    for chunk in reversed(lake.chunks()):
        for table in ["outputs", "inputs"] if chunk.has_input_scripts else ["outputs"]:
            yield chunk, table, lake.read(chunk, table, ["address_id"])


def _texts(scripts: pa.Table, network: Network) -> pa.Table:
    column = scripts.column("script").combine_chunks()
    offset = np.frombuffer(column.buffers()[1], dtype=np.int32)[column.offset :][: len(column) + 1]
    data = np.frombuffer(column.buffers()[2] or b"", dtype=np.uint8)
    texts = address_writing.address_texts(data, offset.astype(np.int64), network)
    return pa.Table.from_arrays([scripts.column("address_id").combine_chunks(), texts], schema=SCHEMA)
