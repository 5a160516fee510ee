"""A profile as compiled code sees it: its rules, its columns of the addresses, and its sums.

Invariants: the ledgers of all profiles are of one type, so that what runs once per profile is compiled once.
They hold views, which are valid until the registry or a table of miners grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from clustering.attributes import CodeBook
from clustering.exchangeflows import Netted, no_flows
from clustering.holdings import BY_CODE
from clustering.miners import MinerTable, miner_rows, miner_table, reserved
from clustering.profiles import Profile, forests
from clustering.registry import Registry
from clustering.transfers import Quiet, no_traffic

Ints = npt.NDArray[np.int64]


class Ledger(NamedTuple):
    """One profile."""

    number: int
    """in the list of profiles, as rows bear it"""
    cluster_miners: bool
    """this and the next three as in clustering.profiles"""
    retroactive_exchanges: bool
    coinjoins_pay_hop_1: bool
    exchange_excludes_hop: bool
    code: npt.NDArray[np.unsignedinteger]
    """attributes by index of address, as are the next two"""
    parent: npt.NDArray[np.uint32]
    """towards the root of the cluster"""
    ring: npt.NDArray[np.uint32]
    """the next member of the cluster; not kept, and not looked at, where exchanges own retroactively"""
    miners: MinerTable
    supply: Ints
    """balances, see clustering.holdings"""
    quiet: Quiet
    netted: Netted


class Ledgers:
    """What the tracker keeps of each profile beside the columns of the registry."""

    def __init__(
        self, profiles: Sequence[Profile], codes: CodeBook, supply: Ints | None, miners: Ints
    ) -> None:
        """`supply` is that of a state, `miners` rows (profile, root, height of its first known pool)."""
        exchanges = len(codes.exchanges)
        balances = BY_CODE + exchanges * codes.layout.radix
        self._profiles = profiles
        self.supply = np.zeros((len(profiles), balances), np.int64) if supply is None else supply.copy()
        """(profiles, BY_CODE + codes)"""
        self._miners = [miner_table(miners[miners[:, 0] == number, 1:]) for number in range(len(profiles))]
        self._quiet = [no_traffic(exchanges) for _ in profiles]
        self._netted = [no_flows(exchanges) for _ in profiles]

    @property
    def nbytes(self) -> int:
        """Memory of the tables of miners."""
        return sum(table.root.nbytes + table.height.nbytes for table in self._miners)

    def miners(self) -> Ints:
        """(m, 3) rows (profile, root, height of its first known pool) of all mining clusters."""
        return np.concatenate(
            [np.insert(miner_rows(table), 0, number, axis=1) for number, table in enumerate(self._miners)]
        )

    def views(self, registry: Registry, new_miners: int) -> tuple[Ledger, ...]:
        """The ledgers over the registry as it is, with room for so many new mining clusters."""
        table = registry.table()
        self._miners = [reserved(miners, new_miners) for miners in self._miners]
        return tuple(
            Ledger(
                number, profile.cluster_miners, profile.retroactive_exchanges,
                profile.coinjoins_pay_hop_1, profile.exchange_excludes_hop, table.code[:, number],
                table.parent[:, forest],
                table.parent[:, forest] if profile.retroactive_exchanges else table.ring[:, forest],
                self._miners[number], self.supply[number], self._quiet[number], self._netted[number],
            )
            for number, (profile, forest) in enumerate(
                zip(self._profiles, forests(self._profiles), strict=True)
            )
        )  # fmt: skip
