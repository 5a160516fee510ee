"""What the tracker yields, as Arrow tables ready for the warehouse.

Invariants: `profile` is a profile's number in the list of profiles, codes are those of the run's CodeBook;
address ids become text only in the warehouse. Balances are NULL unless the chain is known from genesis on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from clustering.attributes import CodeBook
from clustering.coinjoin import RULES
from clustering.holdings import EXCHANGE, POOL
from clustering.kernel import Rows
from clustering.names import ALL_EXCHANGES
from clustering.transfers import NO_SOURCE

_HASH = pa.binary(32)
_PROFILE, _HEIGHT, _DAY = ("profile", pa.int8()), ("height", pa.int32()), ("day", pa.date32())
_RUN = (_PROFILE, ("first_height", pa.int32()), _DAY)
_FLOW = (("is_coinbase", pa.bool_()), ("src", pa.int32()), ("dst", pa.int32()), ("value_sat", pa.int64()))
_HOPS = (("hop0_sat", pa.int64()), ("hop1_sat", pa.int64()))

TABLES = {
    "facts": pa.schema([_PROFILE, _HEIGHT, ("tx_index", pa.int32()), ("txid", _HASH), _DAY, *_FLOW]),
    "quiet": pa.schema([*_RUN, *_FLOW, ("tx_count", pa.int64())]),
    "changes": pa.schema([_PROFILE, _HEIGHT, ("address_id", pa.uint64()), ("code", pa.int32())]),
    "conflicts": pa.schema([_PROFILE, _HEIGHT, ("txid", _HASH), ("a", pa.uint64()), ("b", pa.uint64())]),
    "coinjoins": pa.schema([_HEIGHT, ("txid", _HASH), ("rule", pa.string())]),
    "supply": pa.schema([_PROFILE, _HEIGHT, *_HOPS]),
    "block_pools": pa.schema([_HEIGHT, ("pool", pa.string())]),
    "chain_stats": pa.schema(
        [
            _HEIGHT, ("transfer_count", pa.int32()), ("transfer_sat", pa.int64()),
            ("moved_coinbase_sat", pa.int64()),
        ]
    ),
    "active_addresses": pa.schema([_DAY, ("address_count", pa.int64())]),
    "exchange_flows": pa.schema(
        [*_RUN, ("exchange", pa.string()), ("in_sat", pa.int64()), ("out_sat", pa.int64())]
    ),
    "pool_supply": pa.schema([_PROFILE, _HEIGHT, ("pool", pa.string()), *_HOPS]),
    "exchange_supply": pa.schema(
        [_PROFILE, _HEIGHT, ("exchange", pa.string()), ("balance_sat", pa.int64())]
    ),
}  # fmt: skip
"""Schemas by name."""

Tables = dict[str, pa.Table]
Ints = npt.NDArray[np.int64]
Ids = npt.NDArray[np.uint64]


def _column(values: npt.NDArray[np.generic] | pa.Array, kind: pa.DataType) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    if kind == pa.date32():
        return pa.array(values.astype(np.int32)).cast(kind)
    return pa.array(values).cast(kind)


def _table(name: str, *columns: Any) -> pa.Table:
    schema = TABLES[name]
    arrays = [_column(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _source(code: Ints) -> pa.Array:
    return pa.array(code.astype(np.int32), mask=code == NO_SOURCE)


def _names(numbers: Ints, names: tuple[str | None, ...]) -> pa.Array:
    return pa.array([names[number] for number in numbers.tolist()], pa.string())


def _amounts(column: Ints, is_known: bool) -> pa.Array:
    return pa.array(column, mask=np.full(len(column), not is_known))


def batch_tables(
    rows: Rows, *, height: Ints, day: Ints, txids: pa.Array, ids: Ids, codes: CodeBook, is_known: bool
) -> Tables:
    """The tables of the kernel's rows of one batch.

    `height` and `day` are (n,) by block, `txids` by transaction, `ids` by index of address.
    """
    return {
        "facts": _facts(rows.facts, height, day, txids),
        "quiet": _quiet(rows.quiet, codes),
        "changes": _table(
            "changes", rows.changes[:, 0], rows.changes[:, 1], ids[rows.changes[:, 2]], rows.changes[:, 3]
        ),
        "conflicts": conflicts_table(rows.conflicts, txids, ids),
        "supply": _supply(rows.supply, height, is_known),
        "exchange_flows": _exchange_flows(rows.exchange_flows, codes),
        **holdings_tables(rows.holdings, codes, is_known),
    }


def _facts(rows: Ints, height: Ints, day: Ints, txids: pa.Array) -> pa.Table:
    profile, at, position, tx, source, destination, value_sat = rows.T
    return _table(
        "facts", profile, at, position, txids.take(pa.array(tx)), day[at - height[0]], source == NO_SOURCE,
        _source(source), destination, value_sat,
    )  # fmt: skip


def _quiet(rows: Ints, codes: CodeBook) -> pa.Table:
    """Of sums by exchange; the row after the last exchange stands for the coinbase."""
    profile, first_height, day, row, column, value_sat, tx_count = rows.T
    is_coinbase = row == len(codes.exchanges)
    radix = codes.layout.radix
    source = np.where(is_coinbase, NO_SOURCE, row * radix)
    return _table(
        "quiet", profile, first_height, day, is_coinbase, _source(source), column * radix, value_sat, tx_count
    )


def _supply(supply: Ints, height: Ints, is_known: bool) -> pa.Table:
    blocks, profiles, _ = supply.shape
    by_profile = supply.transpose(1, 0, 2).reshape(-1, 2)
    return _table(
        "supply", np.repeat(np.arange(profiles), blocks), np.tile(height, profiles),
        _amounts(by_profile[:, 0], is_known), _amounts(by_profile[:, 1], is_known),
    )  # fmt: skip


def _exchange_flows(rows: Ints, codes: CodeBook) -> pa.Table:
    profile, first_height, day, exchange, in_sat, out_sat = rows.T
    names = _names(exchange, (ALL_EXCHANGES, *codes.exchanges[1:]))
    return _table("exchange_flows", profile, first_height, day, names, in_sat, out_sat)


def holdings_tables(rows: Ints, codes: CodeBook, is_known: bool) -> Tables:
    """Balances by pool and by exchange, of rows as holdings.note_holdings has them."""
    of_pools, of_exchanges = rows[rows[:, 2] == POOL], rows[rows[:, 2] == EXCHANGE]
    return {
        "pool_supply": _table(
            "pool_supply", of_pools[:, 0], of_pools[:, 1], _names(of_pools[:, 3], codes.pools),
            _amounts(of_pools[:, 4], is_known), _amounts(of_pools[:, 5], is_known),
        ),
        "exchange_supply": _table(
            "exchange_supply", of_exchanges[:, 0], of_exchanges[:, 1],
            _names(of_exchanges[:, 3], codes.exchanges), _amounts(of_exchanges[:, 4], is_known),
        ),
    }  # fmt: skip


def conflicts_table(rows: Ints, txids: pa.Array, ids: Ids) -> pa.Table:
    """Refused joins, of rows (profile, height, tx in batch, index a, index b)."""
    profile, height, tx, a, b = rows.T
    return _table("conflicts", profile, height, txids.take(pa.array(tx)), ids[a], ids[b])


def coinjoins_table(rule: npt.NDArray[np.uint8], tx_height: Ints, txids: pa.Array) -> pa.Table:
    """Transactions that a rule names."""
    found = np.flatnonzero(rule)
    names = _names(rule[found].astype(np.int64), RULES)
    return _table("coinjoins", tx_height[found], txids.take(pa.array(found)), names)


def block_pools_table(height: Ints, pool: Ints, codes: CodeBook) -> pa.Table:
    """The pool of each block."""
    return _table("block_pools", height, _names(pool, codes.pools))


def chain_stats_table(height: Ints, transfers: Ints, moved: Ints, *, is_known: bool) -> pa.Table:
    """Of `transfers` as kernel.Rows has them, and satoshis of coinbases moved per block."""
    return _table("chain_stats", height, transfers[:, 0], transfers[:, 1], _amounts(moved, is_known))


def active_addresses_table(rows: Ints) -> pa.Table:
    """Of rows (day, distinct addresses)."""
    return _table("active_addresses", rows[:, 0], rows[:, 1])
