"""What the tracker yields, as Arrow tables ready for the warehouse.

Codes are those of the run's CodeBook; address ids become text only in the warehouse.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from clustering.attributes import Layout
from clustering.daytables import SCHEMAS
from clustering.kernel import COINMETRICS, ENTITY, Rows
from clustering.transfers import NO_SOURCE

_HASH = pa.binary(32)

FACTS = pa.schema(
    [
        ("profile", pa.int8()),
        ("height", pa.int32()),
        ("tx_index", pa.int32()),
        ("txid", _HASH),
        ("day", pa.date32()),
        ("is_coinbase", pa.bool_()),
        ("src", pa.int32()),
        ("dst", pa.int32()),
        ("value_sat", pa.int64()),
    ]
)
QUIET = pa.schema(
    [
        ("profile", pa.int8()),
        ("first_height", pa.int32()),
        ("day", pa.date32()),
        ("is_coinbase", pa.bool_()),
        ("src", pa.int32()),
        ("dst", pa.int32()),
        ("value_sat", pa.int64()),
        ("tx_count", pa.int64()),
    ]
)
CHANGES = pa.schema(
    [
        ("profile", pa.int8()),
        ("height", pa.int32()),
        ("address_id", pa.uint64()),
        ("code", pa.int32()),
    ]
)
CONFLICTS = pa.schema(
    [
        ("profile", pa.int8()),
        ("height", pa.int32()),
        ("txid", _HASH),
        ("a", pa.uint64()),
        ("b", pa.uint64()),
    ]
)
COINJOINS = pa.schema([("height", pa.int32()), ("txid", _HASH), ("rule", pa.string())])
SUPPLY = pa.schema(
    [
        ("profile", pa.int8()),
        ("height", pa.int32()),
        ("hop0_sat", pa.int64()),
        ("hop1_sat", pa.int64()),
    ]
)
BLOCK_POOLS = pa.schema([("height", pa.int32()), ("pool", pa.string())])

TABLES = {
    "facts": FACTS,
    "quiet": QUIET,
    "changes": CHANGES,
    "conflicts": CONFLICTS,
    "coinjoins": COINJOINS,
    "supply": SUPPLY,
    "block_pools": BLOCK_POOLS,
    **SCHEMAS,
}

Ints = npt.NDArray[np.int64]


def _column(values: npt.NDArray[np.generic], kind: pa.DataType) -> pa.Array:
    if kind == pa.date32():
        return pa.array(values.astype(np.int32)).cast(pa.date32())
    return pa.array(values).cast(kind)


def _table(schema: pa.Schema, columns: list[npt.NDArray[np.generic] | pa.Array]) -> pa.Table:
    arrays = [
        column if isinstance(column, pa.Array) else _column(column, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _source(code: Ints) -> pa.Array:
    return pa.array(code.astype(np.int32), mask=code == NO_SOURCE)


def facts_table(profile: int, rows: Ints, txids: pa.Array, day_of: Ints, first: int) -> pa.Table:
    """Transfers of a batch; `day_of` holds the days of its blocks, whose heights start at `first`."""
    return _table(
        FACTS,
        [
            np.full(len(rows), profile),
            rows[:, 0],
            rows[:, 1],
            txids.take(pa.array(rows[:, 2])),
            day_of[rows[:, 0] - first],
            rows[:, 3] == NO_SOURCE,
            _source(rows[:, 3]),
            rows[:, 4],
            rows[:, 5],
        ],
    )


def quiet_table(rows: Ints, exchanges: int, layout: Layout) -> pa.Table:
    """Sums of quiet traffic; row `exchanges` of the sources stands for the coinbase."""
    is_coinbase = rows[:, 3] == exchanges
    source = np.where(is_coinbase, NO_SOURCE, rows[:, 3] * layout.radix)
    return _table(
        QUIET,
        [rows[:, 0], rows[:, 1], rows[:, 2], is_coinbase, _source(source), rows[:, 4] * layout.radix,
         rows[:, 5], rows[:, 6]],
    )  # fmt: skip


def changes_table(profile: int, rows: Ints, ids: npt.NDArray[np.uint64]) -> pa.Table:
    """Changed attributes; `ids` are by address index."""
    return _table(CHANGES, [np.full(len(rows), profile), rows[:, 0], ids[rows[:, 1]], rows[:, 2]])


def conflicts_table(profile: int, rows: Ints, txids: pa.Array, ids: npt.NDArray[np.uint64]) -> pa.Table:
    """Refused joins."""
    return _table(
        CONFLICTS,
        [np.full(len(rows), profile), rows[:, 0], txids.take(pa.array(rows[:, 1])),
         ids[rows[:, 2]], ids[rows[:, 3]]],
    )  # fmt: skip


def coinjoins_table(
    rule: npt.NDArray[np.uint8], names: tuple[str, ...], tx_height: Ints, txids: pa.Array
) -> pa.Table:
    """Transactions that a rule names."""
    found = np.flatnonzero(rule)
    rules = pa.array([names[number] for number in rule[found].tolist()], pa.string())
    return _table(COINJOINS, [tx_height[found], txids.take(pa.array(found)), rules])


def supply_table(height: Ints, rows: Ints, *, is_known: bool) -> pa.Table:
    """Balances after each block, NULL unless the chain is known from genesis on."""
    unknown = np.full(len(height), not is_known)
    tables = [
        _table(
            SUPPLY,
            [
                np.full(len(height), profile),
                height,
                pa.array(rows[:, 2 * profile], mask=unknown),
                pa.array(rows[:, 2 * profile + 1], mask=unknown),
            ],
        )  # fmt: skip
        for profile in (COINMETRICS, ENTITY)
    ]
    return pa.concat_tables(tables)


def batch_tables(
    rows: Rows, *, txids: pa.Array, height: Ints, day: Ints, ids: npt.NDArray[np.uint64],
    exchanges: int, layout: Layout, is_known: bool,
) -> dict[str, pa.Table]:  # fmt: skip
    """The tables that come from the kernel's rows of one batch."""
    first = int(height[0])
    facts = [
        facts_table(profile, profile_rows, txids, day, first)
        for profile, profile_rows in enumerate((rows.cm_facts, rows.en_facts))
    ]
    changes = [
        changes_table(profile, profile_rows, ids)
        for profile, profile_rows in enumerate((rows.cm_changes, rows.en_changes))
    ]
    return {
        "facts": pa.concat_tables(facts),
        "quiet": quiet_table(rows.quiet, exchanges, layout),
        "changes": pa.concat_tables(changes),
        "conflicts": conflicts_table(ENTITY, rows.conflicts, txids, ids),
        "supply": supply_table(height, rows.supply, is_known=is_known),
    }
