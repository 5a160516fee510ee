"""The tracker: from the lake's batches, in height order, to attributes and transfers.

Invariants:
- All joins of the coinmetrics profile up to the last block to be tracked are learnt first
  (`learn_ownership`), because its exchanges own retroactively; then every batch is tracked (`track`).
- State is the registry, the table of mining clusters, balances and the running day's active addresses;
  nothing else carries over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from clustering.activity import ActiveDay
from clustering.attributes import CodeBook
from clustering.coinbase_spends import Coinbases, short_ids
from clustering.coinjoin import RULES, coinjoin_rules
from clustering.daytables import (
    active_addresses_table,
    chain_stats_table,
    exchange_flows_table,
    holdings_tables,
)
from clustering.exchangeflows import no_flows
from clustering.holdings import BY_CODE
from clustering.kernel import COINMETRICS, Batch, Rows, track_batch
from clustering.labels import Label
from clustering.miners import MinerTable, empty_miner_table, reserved
from clustering.owners import flatten, join_retroactively
from clustering.pools import PoolBook
from clustering.profiles import Profiles
from clustering.registry import Registry
from clustering.results import BLOCK_POOLS, batch_tables, coinjoins_table, conflicts_table
from clustering.transfers import Quiet
from etl.chain.networks import Network
from etl.chain.scripts import LAST_OWNABLE, P2PKH

COLUMNS = {
    "blocks": ["height", "mediantime", "tx_count", "coinbase_script"],
    "txs": ["txid", "input_count", "output_count"],
    "inputs": ["value_sat", "address_id", "kind", "spent_txid"],
    "outputs": ["value_sat", "address_id", "kind"],
}
"""What `track` reads of the lake."""

TXIDS = {"blocks": ["height", "tx_count"], "txs": ["txid", "input_count", "output_count"]}
"""Transaction ids, and what it takes to cut a batch of them."""

OWNERSHIP_COLUMNS = {
    **COLUMNS,
    "blocks": TXIDS["blocks"],
    "txs": ["input_count", "output_count"],
    "inputs": ["value_sat", "address_id", "kind"],
}
"""What `learn_ownership` reads of the lake."""

_SECONDS_A_DAY = 86_400

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TrackerState:
    """Everything a checkpoint must hold."""

    records: npt.NDArray[np.void]
    miner_root: npt.NDArray[np.uint32]
    miner_height: npt.NDArray[np.int32]
    miner_count: Ints
    supply: Ints
    """(2, 2 + codes): balances of coinmetrics and entity, see clustering.holdings"""
    active_day: Ints
    """(1,) the running day, see clustering.activity; the next two are what it has gathered"""
    active_indices: npt.NDArray[np.uint32]
    active_ids: npt.NDArray[np.uint64]
    coinbases: npt.NDArray[np.uint64]
    """see clustering.coinbase_spends"""


@dataclass(frozen=True)
class _Transactions:
    """The columns of a batch that both passes need."""

    tx_count: Ints
    in_count: Ints
    out_count: Ints
    rule: npt.NDArray[np.uint8]
    in_id: npt.NDArray[np.uint64]
    in_kind: npt.NDArray[np.uint8]
    in_sat: Ints
    out_id: npt.NDArray[np.uint64]
    out_kind: npt.NDArray[np.uint8]
    out_sat: Ints


def _whole(table: pa.Table, column: str) -> pa.Array:
    """A column as one array, without a copy where it is one already."""
    chunks = table.column(column)
    return chunks.chunk(0) if chunks.num_chunks == 1 else chunks.combine_chunks()


def _numpy(table: pa.Table, column: str) -> npt.NDArray[np.generic]:
    return np.asarray(_whole(table, column).to_numpy(zero_copy_only=False))


def _transactions(tables: dict[str, pa.Table]) -> _Transactions:
    txs, inputs, outputs = tables["txs"], tables["inputs"], tables["outputs"]
    in_count = _numpy(txs, "input_count").astype(np.int64)
    out_count = _numpy(txs, "output_count").astype(np.int64)
    in_id, in_sat = _numpy(inputs, "address_id"), _numpy(inputs, "value_sat")
    out_id, out_sat = _numpy(outputs, "address_id"), _numpy(outputs, "value_sat")
    return _Transactions(
        tx_count=_numpy(tables["blocks"], "tx_count").astype(np.int64),
        in_count=in_count,
        out_count=out_count,
        rule=coinjoin_rules(in_count, out_count, in_id, in_sat, out_id, out_sat),
        in_id=in_id.astype(np.uint64, copy=False),
        in_kind=_numpy(inputs, "kind").astype(np.uint8, copy=False),
        in_sat=in_sat.astype(np.int64, copy=False),
        out_id=out_id.astype(np.uint64, copy=False),
        out_kind=_numpy(outputs, "kind").astype(np.uint8, copy=False),
        out_sat=out_sat.astype(np.int64, copy=False),
    )


class Tracker:
    """Tracks one chain with one set of labels.

    `first_height` is where the indexed range starts: balances mean something from genesis only.
    """

    def __init__(
        self,
        network: Network,
        pools: PoolBook,
        labels: Sequence[Label],
        profiles: Profiles,
        first_height: int,
        state: TrackerState | None = None,
    ) -> None:
        self.codes = CodeBook.of(pools.names, [label.exchange for label in labels])
        self._network = network
        self._pools = pools
        self._profiles = profiles
        self._is_known = first_height == 0
        numbers = {name: number for number, name in enumerate(self.codes.exchanges)}
        self._label = np.array([numbers[label.exchange] for label in labels], dtype=np.uint32)
        exchanges = len(self.codes.exchanges)
        self._quiet = tuple(
            Quiet(
                np.zeros((exchanges + 1, exchanges), np.int64),
                np.zeros((exchanges + 1, exchanges), np.int64),
            )
            for _ in range(2)
        )
        self._netted = (no_flows(exchanges), no_flows(exchanges))
        if state is None:
            self._registry = Registry(self.codes.dtype)
            self._registry.register(np.array([label.address_id for label in labels], np.uint64))
            self._miners = empty_miner_table()
            codes = exchanges * self.codes.layout.radix
            self._supply = np.zeros((2, BY_CODE + codes), dtype=np.int64)
            self._active = ActiveDay.before_all()
            self._coinbases = Coinbases(np.empty(0, np.uint64))
        else:
            self._registry = Registry.restored(state.records)
            self._miners = MinerTable(state.miner_root, state.miner_height, state.miner_count)
            self._supply = state.supply.copy()
            self._active = ActiveDay.restored(state.active_day, state.active_indices, state.active_ids)
            self._coinbases = Coinbases(state.coinbases)
        self._is_flat = False

    @property
    def address_count(self) -> int:
        """Addresses registered."""
        return len(self._registry)

    @property
    def nbytes(self) -> int:
        """Memory of the state."""
        return self._registry.nbytes + self._miners.root.nbytes + self._miners.height.nbytes

    def state(self) -> TrackerState:
        """The state as it stands; its arrays are views until the next batch."""
        return TrackerState(
            self._registry.records(), self._miners.root, self._miners.height,
            self._miners.used, self._supply, *self._active.state(), self._coinbases.state(),
        )  # fmt: skip

    def learn_ownership(
        self, tables: dict[str, pa.Table], txids: Callable[[], dict[str, pa.Table]]
    ) -> dict[str, pa.Table]:
        """Make the coinmetrics joins of a batch; returns the table of conflicts.

        `txids` gives the tables of TXIDS of the same blocks; it is asked only where there are conflicts.
        """
        self._is_flat = False
        t = _transactions(tables)
        self._registry.reserve(len(t.in_id))
        records = self._registry.table().records
        height = _numpy(tables["blocks"], "height").astype(np.int64)
        conflicts = join_retroactively(
            height, t.tx_count, t.in_count, t.rule, t.in_id, t.in_kind, *self._registry.table(), self._label
        )
        if not len(conflicts):
            return {}
        ids = _whole(txids()["txs"], "txid")
        return {"conflicts": conflicts_table(COINMETRICS, conflicts, ids, records["id"])}

    def track(self, tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
        """Track the blocks of a batch; returns tables by the names of clustering.results.TABLES."""
        t = _transactions(tables)
        height = _numpy(tables["blocks"], "height").astype(np.int64)
        day = _numpy(tables["blocks"], "mediantime").astype(np.int64) // _SECONDS_A_DAY
        pool = self._block_pools(tables["blocks"], t)
        txids = _whole(tables["txs"], "txid")
        rows = self._run_kernel(t, height, day, pool)
        results = batch_tables(
            rows, txids=txids, height=height, day=day, ids=self._registry.table().records["id"],
            exchanges=len(self.codes.exchanges), layout=self.codes.layout, is_known=self._is_known,
        )  # fmt: skip
        moved = self._moved_coinbases(tables["inputs"], t, txids)
        results |= self._day_tables(t, height, day, rows, moved)
        results["coinjoins"] = coinjoins_table(t.rule, RULES, np.repeat(height, t.tx_count), txids)
        names = [self.codes.pools[number] for number in pool.tolist()]
        results["block_pools"] = pa.Table.from_arrays(
            [pa.array(height.astype(np.int32)), pa.array(names, pa.string())], schema=BLOCK_POOLS
        )
        return results

    def finish(self) -> dict[str, pa.Table]:
        """What the running day has so far; call it after the last batch."""
        return {"active_addresses": active_addresses_table(self._active.running())}

    def _moved_coinbases(self, inputs: pa.Table, t: _Transactions, txids: pa.Array) -> Ints:
        first = np.concatenate(([0], np.cumsum(t.tx_count)[:-1])).astype(np.int64)
        self._coinbases.add(short_ids(txids, first))
        spent = _numpy(inputs, "spent_txid").astype(np.uint64, copy=False)
        return self._coinbases.moved(t.tx_count, t.in_count, spent, t.in_sat)

    def _day_tables(
        self, t: _Transactions, height: Ints, day: Ints, rows: Rows, moved: Ints
    ) -> dict[str, pa.Table]:
        inputs = np.cumsum(t.in_count)[np.cumsum(t.tx_count) - 1]
        nobodys = np.flatnonzero((t.in_kind < P2PKH) | (t.in_kind > LAST_OWNABLE))
        if height[0] == 0:
            nobodys = nobodys[nobodys >= inputs[0]]
        active = self._active.add(
            day, rows.active, rows.active_end, t.in_id[nobodys], np.searchsorted(nobodys, inputs)
        )
        return {
            "chain_stats": chain_stats_table(height, rows.transfers, moved, is_known=self._is_known),
            "active_addresses": active_addresses_table(active),
            "exchange_flows": exchange_flows_table(rows.exchange_flows, self.codes),
            **holdings_tables(rows.holdings, self.codes, is_known=self._is_known),
        }

    def _run_kernel(self, t: _Transactions, height: Ints, day: Ints, pool: Ints) -> Rows:
        if not self._is_flat:
            flatten(self._registry.records(), len(self._registry))
            self._is_flat = True
        self._registry.reserve(len(t.in_id) + len(t.out_id))
        self._miners = reserved(self._miners, self._coinbase_outputs(t))
        batch = Batch(
            height, day, pool,
            ~np.isin(height, list(self._network.overwritten_coinbase_heights)),
            t.tx_count, t.in_count, t.out_count, t.rule, t.in_id, t.in_kind, t.in_sat,
            t.out_id, t.out_kind, t.out_sat,
        )  # fmt: skip
        return Rows(
            *track_batch(
                batch,
                self._registry.table(),
                self._miners,
                self._label,
                self.codes.layout,
                self._profiles.single.coinjoins_pay_hop_1,
                self._profiles.clustered.coinjoins_pay_hop_1,
                *self._quiet,
                *self._supply,
                *self._netted,
            )  # fmt: skip
        )

    @staticmethod
    def _coinbase_outputs(t: _Transactions) -> int:
        first = np.concatenate(([0], np.cumsum(t.tx_count)[:-1])).astype(np.int64)
        return int(t.out_count[first].sum())

    def _block_pools(self, blocks: pa.Table, t: _Transactions) -> Ints:
        scripts = blocks.column("coinbase_script").to_pylist()
        first_tx = np.concatenate(([0], np.cumsum(t.tx_count)[:-1])).astype(np.int64)
        ends = np.cumsum(t.out_count)
        pool = np.zeros(len(scripts), dtype=np.int64)
        for block, tx in enumerate(first_tx.tolist()):
            span = slice(int(ends[tx] - t.out_count[tx]), int(ends[tx]))
            kind = t.out_kind[span]
            paid = (kind >= P2PKH) & (kind <= LAST_OWNABLE) & (t.out_sat[span] > 0)
            pool[block] = self._pools.pool_of(t.out_id[span][paid].tolist(), scripts[block])
        return pool
