"""The endpoints that have data, from the catalogue's `vendor` column.

Invariant: what an endpoint's fields are, and per which windows they are known, is said by the catalogue
alone; here stand only the names of the vendor's parameters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from etl.serve.cryptoquant import COMMON
from etl.serve.snapshot import Snapshot
from etl.warehouse.catalogue import INTERVALS, Metric

WINDOWS = tuple(INTERVALS.values())
"""day, hour, block"""

_VENDOR = re.compile(r"CryptoQuant (btc/\S+) (\w+)")
_COLUMNS = {
    "btc/inter-entity-flows/miner-to-exchange": {"from_miner": "miner", "to_exchange": "counterparty"},
    "btc/inter-entity-flows/exchange-to-miner": {"from_exchange": "counterparty", "to_miner": "miner"},
    "btc/inter-entity-flows/miner-to-miner": {"from_miner": "miner", "to_miner": "counterparty"},
    "btc/flow-indicator/mpi": {},
    "btc/network-indicator/puell-multiple": {},
}
"""By path, the column of the metrics' views that each parameter chooses; other paths take a miner."""
_A_MINER = {"miner": "miner"}


@dataclass(frozen=True)
class Flows:
    """One endpoint: for each window that it is known at, its fields in the vendor's names."""

    path: str
    """without /v1/"""
    windows: dict[str, dict[str, Metric]]
    entities: dict[str, str]
    """the column that each required parameter chooses"""

    @property
    def parameters(self) -> tuple[str, ...]:
        """All that it takes."""
        return (*self.entities, "window", "from", "to", "limit", "format", *COMMON)


def endpoints(snapshot: Snapshot) -> dict[str, Flows]:
    """Every endpoint that has data, by its path."""
    found: dict[str, Flows] = {}
    for metric in snapshot.catalogue.metrics:
        named = _VENDOR.fullmatch(metric.vendor)
        if named is None:
            continue
        path, name = named[1], named[2]
        flows = found.setdefault(path, Flows(path, {}, _COLUMNS.get(path, _A_MINER)))
        fields = flows.windows.setdefault(metric.interval, {})
        # The vendor's flows are in BTC; a metric of the same name in dollars is ours alone.
        if name not in fields or metric.unit != "USD":
            fields[name] = metric
    return found


def symbols(snapshot: Snapshot, profile: str, parameter: str) -> dict[str, str]:
    """The values that an entity's parameter takes, and the names that they stand for."""
    entities = snapshot.entities[profile]
    return entities.exchanges if parameter.endswith("exchange") else entities.miners
