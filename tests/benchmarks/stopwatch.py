"""Where the time of a job goes: clocks around functions of minerflow, put there from outside.

Invariants: a part's seconds leave out those of the parts called within it, so all parts and what is
left over add up to the whole; the program measured holds no trace of this.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, NamedTuple

from etl.tracking import run as tracking


class Spot(NamedTuple):
    """A function where its caller looks it up, and the part that its time belongs to."""

    station: str
    part: str
    module: str
    name: str


_FILES = "etl.sources.blockfiles.source"
SPOTS = (
    Spot("extract", "find and order the blocks", "etl.jobs.pipeline", "open_source"),
    Spot("extract", "read and undo XOR", _FILES, "BlockFilesChunk._read_blocks"),
    Spot("extract", "match undo data", _FILES, "BlockFilesChunk._find_spent"),
    Spot("extract", "parse", "etl.chain.blocks", "_read_blocks"),
    Spot("extract", "transaction ids", "etl.chain.blocks", "sha256_padded"),
    Spot("extract", "merkle roots", "etl.chain.blocks", "_check_merkle_roots"),
    Spot("extract", "decode spent outputs", "etl.lake.extract", "decode_spent"),
    Spot("extract", "kinds and ids of scripts", "etl.lake.extract", "identify"),
    Spot("extract", "write Parquet", "etl.lake.chunk", "ChunkWriter.write"),
    Spot("extract", "finish files: footer, digest, sync", "etl.lake.chunk", "ChunkWriter.commit"),
    Spot("extract", "other", "etl.jobs.pipeline", "_fill"),
    Spot("track", "read the lake", "etl.lake.lake", "Lake._chunk_batches"),
    Spot("track", "CoinJoin rules", "clustering.tracker", "coinjoin_rules"),
    Spot("track", "ownership: lookup and joins", "clustering.tracker", "join_retroactively"),
    Spot("track", "flows: lookup, joins, hops, transfers", "clustering.tracker", "track_batch"),
    Spot("track", "pools", "clustering.tracker", "Tracker._block_pools"),
    Spot("track", "grow the registry", "clustering.registry", "Registry.reserve"),
    Spot("track", "results to tables", "clustering.tracker", "batch_tables"),
    Spot("track", "write results", "etl.tracking.run", "ResultWriter.write"),
    Spot("track", "store", "etl.tracking.store.store", "Store.write"),
    Spot("track", "other", "etl.jobs.pipeline", "track"),
    Spot("load", "addresses that results name", "etl.jobs.pipeline", "name_addresses"),
    Spot("load", "address texts", "etl.jobs.pipeline", "write_address_texts"),
    Spot("load", "blocks", "etl.warehouse.loading", "_load_blocks"),
    Spot("load", "results", "etl.warehouse.loading", "_load_results"),
    Spot("load", "daily tables", "etl.warehouse.loading", "build_tables"),
    Spot("load", "views", "etl.warehouse.loading", "apply_views"),
    Spot("load", "checks", "etl.warehouse.loading", "run_checks"),
    Spot("load", "other, with commit", "etl.warehouse.loading", "load"),
    Spot("publish", "checkpoint, copy, sync", "etl.warehouse.database", "publish"),
)
_GENERATORS = {"Lake._chunk_batches"}


def read_in_turn() -> None:
    """Have the lake be read in turn with tracking: clocks add up within one thread only."""
    vars(tracking)["ahead"] = iter


class Stopwatch:
    """Seconds and calls by "station: part"."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self._inner: list[float] = []

    def install(self) -> None:
        """Put clocks around all spots. Raises AttributeError where one is gone."""
        for spot in SPOTS:
            owner: Any = importlib.import_module(spot.module)
            *path, name = spot.name.split(".")
            for step in path:
                owner = getattr(owner, step)
            function = owner.__dict__[name] if path else getattr(owner, name)
            setattr(owner, name, self._clocked(spot, function))

    def _clocked(self, spot: Spot, function: Any) -> Any:
        key = f"{spot.station}: {spot.part}"
        plain = function.__func__ if isinstance(function, staticmethod) else function
        clocked = self.around_generator if spot.name in _GENERATORS else self.around
        wrapped = clocked(key, plain)
        return staticmethod(wrapped) if isinstance(function, staticmethod) else wrapped

    def around(self, key: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with a clock."""

        @wraps(function)
        def clocked(*args: Any, **kwargs: Any) -> Any:
            self._inner.append(0.0)
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self._add(key, time.perf_counter() - started)

        return clocked

    def around_generator(self, key: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The generator function with a clock that runs while it makes the next item."""

        @wraps(function)
        def clocked(*args: Any, **kwargs: Any) -> Iterator[Any]:
            items = iter(function(*args, **kwargs))
            following = self.around(key, lambda: next(items, self))
            while (item := following()) is not self:
                yield item

        return clocked

    def _add(self, key: str, spent: float) -> None:
        own = spent - self._inner.pop()
        self.seconds[key] = self.seconds.get(key, 0.0) + own
        self.calls[key] = self.calls.get(key, 0) + 1
        if self._inner:
            self._inner[-1] += spent
