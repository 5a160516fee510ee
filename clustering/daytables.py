"""What the tracker sums up beside transfers, as Arrow tables ready for the warehouse."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from clustering.attributes import CodeBook
from clustering.holdings import EXCHANGE, POOL
from clustering.names import ALL_EXCHANGES

SCHEMAS = {
    "chain_stats": pa.schema(
        [
            ("height", pa.int32()),
            ("transfer_count", pa.int32()),
            ("transfer_sat", pa.int64()),
            ("moved_coinbase_sat", pa.int64()),
        ]
    ),
    "active_addresses": pa.schema([("day", pa.date32()), ("address_count", pa.int64())]),
    "exchange_flows": pa.schema(
        [
            ("profile", pa.int8()),
            ("first_height", pa.int32()),
            ("day", pa.date32()),
            ("exchange", pa.string()),
            ("in_sat", pa.int64()),
            ("out_sat", pa.int64()),
        ]
    ),
    "pool_supply": pa.schema(
        [
            ("profile", pa.int8()),
            ("height", pa.int32()),
            ("pool", pa.string()),
            ("hop0_sat", pa.int64()),
            ("hop1_sat", pa.int64()),
        ]
    ),
    "exchange_supply": pa.schema(
        [
            ("profile", pa.int8()),
            ("height", pa.int32()),
            ("exchange", pa.string()),
            ("balance_sat", pa.int64()),
        ]
    ),
}

Ints = npt.NDArray[np.int64]


def _table(name: str, columns: list[Any]) -> pa.Table:
    fields = zip(columns, SCHEMAS[name], strict=True)
    arrays = [
        column if isinstance(column, pa.Array) else _column(column, field.type) for column, field in fields
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMAS[name])


def _column(values: Ints, kind: pa.DataType) -> pa.Array:
    if kind == pa.date32():
        return pa.array(values.astype(np.int32)).cast(kind)
    return pa.array(values).cast(kind)


def _names(numbers: Ints, names: tuple[str | None, ...]) -> pa.Array:
    return pa.array([names[number] for number in numbers.tolist()], pa.string())


def chain_stats_table(height: Ints, transfers: Ints, moved: Ints, *, is_known: bool) -> pa.Table:
    """Of `transfers` as kernel.Rows has them, and satoshis of coinbases moved per block.

    The latter NULL unless the chain is known from genesis on.
    """
    moved_sat = pa.array(moved, mask=np.full(len(moved), not is_known))
    return _table("chain_stats", [height, transfers[:, 0], transfers[:, 1], moved_sat])


def active_addresses_table(rows: Ints) -> pa.Table:
    """Of rows (day, distinct addresses)."""
    return _table("active_addresses", [rows[:, 0], rows[:, 1]])


def exchange_flows_table(rows: Ints, codes: CodeBook) -> pa.Table:
    """Of rows as exchangeflows.flush_flows gives them."""
    names = _names(rows[:, 3], (ALL_EXCHANGES, *codes.exchanges[1:]))
    return _table("exchange_flows", [rows[:, 0], rows[:, 1], rows[:, 2], names, rows[:, 4], rows[:, 5]])


def holdings_tables(rows: Ints, codes: CodeBook, *, is_known: bool) -> dict[str, pa.Table]:
    """Of rows as holdings.note_holdings gives them, NULL unless the chain is known from genesis on."""
    of_pools, of_exchanges = rows[rows[:, 2] == POOL], rows[rows[:, 2] == EXCHANGE]

    def amounts(column: Ints) -> pa.Array:
        return pa.array(column, mask=np.full(len(column), not is_known))

    return {
        "pool_supply": _table(
            "pool_supply",
            [of_pools[:, 0], of_pools[:, 1], _names(of_pools[:, 3], codes.pools),
             amounts(of_pools[:, 4]), amounts(of_pools[:, 5])],
        ),
        "exchange_supply": _table(
            "exchange_supply",
            [of_exchanges[:, 0], of_exchanges[:, 1], _names(of_exchanges[:, 3], codes.exchanges),
             amounts(of_exchanges[:, 4])],
        ),
    }  # fmt: skip
