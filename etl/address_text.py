"""From 64-bit address ids to address text, by the scripts that the lake keeps.

Invariant: every id that the tracker names has been seen in an output of the lake, or, where the indexed
range does not start at genesis, in an input; an id without a script is a damaged lake.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from etl.chain import text as chain_text
from etl.chain.networks import Network
from etl.errors import LakeDamaged
from etl.lake import Chunk, Lake

Ids = npt.NDArray[np.uint64]

SCHEMA = pa.schema([("address_id", pa.uint64()), ("address", pa.string())])


def address_texts(lake: Lake, ids: Ids, network: Network) -> pa.Table:
    """(address_id, address) of the ids, which are sorted and distinct. Raises LakeDamaged.

    The latest chunks are searched first: most addresses that change in a run have just been paid.
    """
    missing = ids
    found: list[pa.Table] = []
    for chunk in reversed(lake.chunks()):
        if not len(missing):
            break
        tables = ["outputs", "inputs"] if chunk.has_input_scripts else ["outputs"]
        for table in tables:
            if not len(missing):
                break
            scripts = _scripts(lake, chunk, table, missing)
            found.append(_texts(scripts, network))
            missing = np.setdiff1d(missing, scripts.column("address_id").to_numpy())
    if len(missing):
        raise LakeDamaged(
            f"the lake holds no script for {len(missing)} addresses that were tracked",
            "delete the folder lake in the data directory and run backfill again",
        )
    return pa.concat_tables(found) if found else SCHEMA.empty_table()


def _scripts(lake: Lake, chunk: Chunk, table: str, wanted: Ids) -> pa.Table:
    """One row per wanted id that the table holds: address_id, script."""
    rows = lake.read(chunk, table, ["address_id", "script"])
    ids = rows.column("address_id").to_numpy()
    at = np.searchsorted(wanted, ids)
    at[at == len(wanted)] = 0
    hits = np.flatnonzero(wanted[at] == ids)
    _, first = np.unique(ids[hits], return_index=True)
    return rows.take(pa.array(hits[first]))


def _texts(scripts: pa.Table, network: Network) -> pa.Table:
    column = scripts.column("script").combine_chunks()
    offset = np.frombuffer(column.buffers()[1], dtype=np.int32)[column.offset :][: len(column) + 1]
    data = np.frombuffer(column.buffers()[2] or b"", dtype=np.uint8)
    texts = chain_text.address_texts(data, offset.astype(np.int64), network)
    return pa.Table.from_arrays([scripts.column("address_id").combine_chunks(), texts], schema=SCHEMA)
