"""The tracker: from the lake's batches, in height order, to attributes and transfers.

Invariants:
- All joins up to the last block to be tracked are learnt first (`learn_ownership`) for the profiles whose
  exchanges own retroactively; then every batch is tracked (`track`) in all profiles; then `finish`.
- State is the registry, the mining clusters, balances, the running day's active addresses and the coinbases;
  nothing else carries over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from clustering.activity import ActiveDay
from clustering.attributes import CodeBook
from clustering.blocks import Batch
from clustering.coinbase_spends import Coinbases, short_ids
from clustering.coinjoin import coinjoin_rules
from clustering.kernel import Rows, track_batch
from clustering.labels import Label
from clustering.ledger import Ledgers
from clustering.owners import flatten, join_retroactively
from clustering.pools import PoolBook
from clustering.profiles import Profile, forests
from clustering.registry import Registry
from clustering.result_tables import (
    Tables,
    active_addresses_table,
    batch_tables,
    block_pools_table,
    chain_stats_table,
    coinjoins_table,
    conflicts_table,
)
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
    """see clustering.registry"""
    miners: Ints
    """(m, 3): (profile, root, height of its first known pool) of mining clusters"""
    supply: Ints
    """(profiles, 2 + codes): balances, see clustering.holdings"""
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


def _transactions(tables: Tables) -> _Transactions:
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
        profiles: Sequence[Profile],
        first_height: int,
        state: TrackerState | None = None,
    ) -> None:
        self.codes = CodeBook.of(pools.names, [label.exchange for label in labels])
        self._network = network
        self._pools = pools
        self._retroactive = [n for n, profile in enumerate(profiles) if profile.retroactive_exchanges]
        self._shared_forest = max(forests(profiles))
        self._is_known = first_height == 0
        numbers = {name: number for number, name in enumerate(self.codes.exchanges)}
        self._label = np.array([numbers[label.exchange] for label in labels], dtype=np.uint32)
        if state is None:
            self._registry = Registry(self.codes.dtype, profiles)
            self._registry.register(np.array([label.address_id for label in labels], np.uint64))
            self._ledgers = Ledgers(profiles, self.codes, None, None)
            self._active = ActiveDay.before_all()
            self._coinbases = Coinbases(np.empty(0, np.uint64))
        else:
            self._registry = Registry.restored(state.records, self.codes.dtype, profiles)
            self._ledgers = Ledgers(profiles, self.codes, state.supply, state.miners)
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
        return self._registry.nbytes + self._ledgers.nbytes

    def ownership(self) -> npt.NDArray[np.uint32]:
        """What is learnt so far of who owns retroactively, as `state_with` takes it: (addresses,)."""
        return self._retroactive_parents().copy()

    def state(self) -> TrackerState:
        """The state as it stands; its arrays are views until the next batch."""
        return TrackerState(
            self._registry.records(), self._ledgers.miners(), self._ledgers.supply, *self._active.state(),
            self._coinbases.state(),
        )  # fmt: skip

    @contextmanager
    def state_with(self, ownership: npt.NDArray[np.uint32]) -> Iterator[TrackerState]:
        """The state with an earlier `ownership` in place of what was learnt since, within the context.

        So it is as if nothing had been learnt of blocks that may yet be undone.
        """
        parents = self._retroactive_parents()
        latest = parents.copy()
        parents[: len(ownership)] = ownership
        parents[len(ownership) :] = np.arange(len(ownership), len(parents), dtype=np.uint32)
        try:
            yield self.state()
        finally:
            parents[:] = latest

    def _retroactive_parents(self) -> npt.NDArray[np.uint32]:
        """A view of the forest of the retroactive profiles; of no address where there are none."""
        parents: npt.NDArray[np.uint32] = self._registry.records()["parent"][:, self._shared_forest]
        return parents if self._retroactive else parents[:0]

    def learn_ownership(self, tables: Tables, txids: Callable[[], Tables]) -> Tables:
        """Make the joins of a batch for who owns retroactively; returns the table of conflicts.

        `txids` gives the tables of TXIDS of the same blocks; it is asked only where there are conflicts.
        """
        if not self._retroactive:
            return {}
        self._is_flat = False
        t = _transactions(tables)
        self._registry.reserve(len(t.in_id))
        table = self._registry.table()
        height = _numpy(tables["blocks"], "height").astype(np.int64)
        conflicts = join_retroactively(
            height, t.tx_count, t.in_count, t.rule, t.in_id, t.in_kind, table,
            table.parent[:, self._shared_forest], self._label,
        )  # fmt: skip
        if not len(conflicts):
            return {}
        rows = np.concatenate([conflicts + [number, 0, 0, 0, 0] for number in self._retroactive])
        ids = _whole(txids()["txs"], "txid")
        return {"conflicts": conflicts_table(rows, ids, table.records["id"])}

    def track(self, tables: Tables) -> Tables:
        """Track the blocks of a batch; returns tables by the names of clustering.result_tables.TABLES."""
        t = _transactions(tables)
        height = _numpy(tables["blocks"], "height").astype(np.int64)
        day = _numpy(tables["blocks"], "mediantime").astype(np.int64) // _SECONDS_A_DAY
        pool = self._block_pools(tables["blocks"], t)
        txids = _whole(tables["txs"], "txid")
        rows = self._run_kernel(t, height, day, pool)
        moved = self._moved_coinbases(tables["inputs"], t, txids)
        return {
            **batch_tables(
                rows, height=height, day=day, txids=txids, ids=self._registry.table().records["id"],
                codes=self.codes, is_known=self._is_known,
            ),
            "chain_stats": chain_stats_table(height, rows.transfers, moved, is_known=self._is_known),
            "active_addresses": active_addresses_table(self._active_rows(t, height, day, rows)),
            "coinjoins": coinjoins_table(t.rule, np.repeat(height, t.tx_count), txids),
            "block_pools": block_pools_table(height, pool, self.codes),
        }  # fmt: skip

    def finish(self) -> Tables:
        """What the running day has so far; call it after the last batch."""
        return {"active_addresses": active_addresses_table(self._active.running())}

    def _moved_coinbases(self, inputs: pa.Table, t: _Transactions, txids: pa.Array) -> Ints:
        first = np.concatenate(([0], np.cumsum(t.tx_count)[:-1])).astype(np.int64)
        self._coinbases.add(short_ids(txids, first))
        spent = _numpy(inputs, "spent_txid").astype(np.uint64, copy=False)
        return self._coinbases.moved(t.tx_count, t.in_count, spent, t.in_sat)

    def _active_rows(self, t: _Transactions, height: Ints, day: Ints, rows: Rows) -> Ints:
        inputs = np.cumsum(t.in_count)[np.cumsum(t.tx_count) - 1]
        nobodys = np.flatnonzero((t.in_kind < P2PKH) | (t.in_kind > LAST_OWNABLE))
        if height[0] == 0:
            nobodys = nobodys[nobodys >= inputs[0]]
        return self._active.add(
            day, rows.active, rows.active_end, t.in_id[nobodys], np.searchsorted(nobodys, inputs)
        )

    def _run_kernel(self, t: _Transactions, height: Ints, day: Ints, pool: Ints) -> Rows:
        if self._retroactive and not self._is_flat:
            flatten(self._retroactive_parents(), len(self._registry))
            self._is_flat = True
        self._registry.reserve(len(t.in_id) + len(t.out_id))
        batch = Batch(
            height, day, pool,
            ~np.isin(height, list(self._network.overwritten_coinbase_heights)),
            t.tx_count, t.in_count, t.out_count, t.rule, t.in_id, t.in_kind, t.in_sat,
            t.out_id, t.out_kind, t.out_sat,
        )  # fmt: skip
        ledgers = self._ledgers.views(self._registry, self._coinbase_outputs(t))
        return Rows(*track_batch(batch, self._registry.table(), ledgers, self._label, self.codes.layout))

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
