"""The tracker: from the lake's batches, in height order, to attributes and transfers.

Invariants:
- All joins up to the last block to be tracked are learnt first (`learn_ownership`) for the profiles whose
  exchanges own retroactively; then every batch is tracked (`track`) in all profiles; then `finish`.
- A tracker of a range that does not begin with the first block is given the records of all addresses that
  appear in it, of their roots, and of all members of the clusters that `foresee` names; what it gives back
  (`rested`) is all that carries over.
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
from clustering.foresight import foresee_batch
from clustering.holdings import note_holdings
from clustering.kernel import Rows, track_batch
from clustering.labels import Label
from clustering.ledger import Ledger, Ledgers
from clustering.noted import all_noted, none_noted
from clustering.owners import flatten, join_retroactively
from clustering.pools import PoolBook
from clustering.profiles import Profile, forests
from clustering.registry import Registry
from clustering.resting import Rested, changed_records, lie_below_roots, miner_records, new_members
from clustering.result_tables import (
    Tables,
    active_addresses_table,
    batch_tables,
    block_pools_table,
    chain_stats_table,
    coinjoins_table,
    conflicts_table,
    holdings_tables,
)
from clustering.waking import Carry, Ids, TrackerState, miner_places, wake
from etl.chain.networks import Network
from etl.chain.scripts import LAST_OWNABLE, P2PKH
from etl.compiled.sorting import distinct

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
        labels = sorted(labels, key=lambda label: label.address_id)
        self._label = np.array([numbers[label.exchange] for label in labels], dtype=np.uint32)
        labelled = np.array([label.address_id for label in labels], np.uint64)
        self._registry = Registry(self.codes.dtype, profiles)
        self._woken = wake(self._registry, labelled, state, profiles)
        miners = miner_places(state, self._woken, profiles)
        none = np.empty(0, np.uint64)
        if state is None:
            self._ledgers = Ledgers(profiles, self.codes, None, miners)
            self._active, self._coinbases = ActiveDay(-1, none, none), Coinbases(none)
        else:
            carry = state.carry
            self._ledgers = Ledgers(profiles, self.codes, carry.supply, miners)
            self._active = ActiveDay(carry.active_day, carry.active_ids, carry.active_others)
            self._coinbases = Coinbases(carry.coinbases)
        self._profiles = profiles
        self._foreseen: list[Ints] = []
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
        """What is learnt so far of who owns retroactively, as `rested` takes it: (addresses,)."""
        return self._retroactive_parents().copy()

    @contextmanager
    def rested(self, ownership: npt.NDArray[np.uint32] | None = None) -> Iterator[Rested]:
        """What the range so far gives back, within the context.

        With an earlier `ownership` it is as if nothing had been learnt since, of blocks that may yet be
        undone.
        """
        parents = self._retroactive_parents()
        latest = parents.copy() if ownership is not None else parents
        if ownership is not None:
            parents[: len(ownership)] = ownership
            parents[len(ownership) :] = np.arange(len(ownership), len(parents), dtype=np.uint32)
        try:
            yield self._rested()
        finally:
            parents[:] = latest

    def _rested(self) -> Rested:
        table = self._registry.table()
        lie_below_roots(table.parent, len(self._registry))
        ids = table.records["id"]
        point_in_time = range(table.ring.shape[1])
        return Rested(
            changed_records(table, self._woken),
            [new_members(table, self._woken, forest, len(self._label)) for forest in point_in_time],
            miner_records(ids, self._ledgers.miners(), self._profiles),
            Carry(self._ledgers.supply, *self._active.gathered(ids), self._coinbases.added()),
        )  # fmt: skip

    def _retroactive_parents(self) -> npt.NDArray[np.uint32]:
        """A view of the forest of the retroactive profiles; of no address where there are none."""
        parents: npt.NDArray[np.uint32] = self._registry.table().parent[:, self._shared_forest]
        return parents[: len(self._registry) if self._retroactive else 0]

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

    def foresee(self, tables: Tables) -> None:
        """Make the joins and credits of a batch for whose attributes owners share, and nothing else.

        Afterwards this tracker is good for `changing` alone.
        """
        t = _transactions(tables)
        batch, ledgers = self._batch(tables, t)
        rows = foresee_batch(batch, self._registry.table(), ledgers, self._label, self.codes.layout)
        self._foreseen.append(np.unique(rows, axis=0))

    def changing(self) -> dict[int, Ids]:
        """Per point-in-time forest, roots as they were woken, or else addresses without a record, whose
        clusters got other attributes in the batches foreseen."""
        rows = np.unique(np.concatenate([np.empty((0, 2), np.int64), *self._foreseen]), axis=0)
        ids = self._registry.table().records["id"]
        found = {}
        for number, forest in enumerate(forests(self._profiles)):
            index = rows[rows[:, 0] == number, 1]
            is_woken = index < len(self._woken.place)
            place = self._woken.place[index[is_woken]]
            known = self._woken.roots[place[place >= 0], forest]
            found[forest] = distinct(np.concatenate([known, ids[index[~is_woken]]]))
        return {forest: roots for forest, roots in found.items() if len(roots)}

    def held(self, height: int) -> Tables:
        """What pools and exchanges hold before the first batch, as of the block at `height`."""
        rows = [
            all_noted(note_holdings(ledger, height, self.codes.layout, none_noted(6)))
            for ledger in self._ledgers.views(self._registry, 0)
        ]
        return holdings_tables(np.concatenate(rows), self.codes, self._is_known)

    def track(self, tables: Tables) -> Tables:
        """Track the blocks of a batch; returns tables by the names of clustering.result_tables.TABLES."""
        t = _transactions(tables)
        txids = _whole(tables["txs"], "txid")
        self._flatten()
        batch, ledgers = self._batch(tables, t)
        height, day, pool = batch.height, batch.day, batch.pool
        rows = Rows(*track_batch(batch, self._registry.table(), ledgers, self._label, self.codes.layout))
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
        return {"active_addresses": active_addresses_table(self._active.running(self._ids()))}

    def _ids(self) -> Ids:
        ids: Ids = self._registry.table().records["id"]
        return ids

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
        ends = np.searchsorted(nobodys, inputs)
        return self._active.add(day, rows.active, rows.active_end, self._ids(), (t.in_id[nobodys], ends))

    def _flatten(self) -> None:
        if self._retroactive and not self._is_flat:
            flatten(self._retroactive_parents(), len(self._registry))
            self._is_flat = True

    def _batch(self, tables: Tables, t: _Transactions) -> tuple[Batch, tuple[Ledger, ...]]:
        """A batch for compiled code, and the ledgers with room for what it brings."""
        height = _numpy(tables["blocks"], "height").astype(np.int64)
        day = _numpy(tables["blocks"], "mediantime").astype(np.int64) // _SECONDS_A_DAY
        self._registry.reserve(len(t.in_id) + len(t.out_id))
        batch = Batch(
            height, day, self._block_pools(tables["blocks"], t),
            ~np.isin(height, list(self._network.overwritten_coinbase_heights)),
            t.tx_count, t.in_count, t.out_count, t.rule, t.in_id, t.in_kind, t.in_sat,
            t.out_id, t.out_kind, t.out_sat,
        )  # fmt: skip
        return batch, self._ledgers.views(self._registry, self._coinbase_outputs(t))

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
