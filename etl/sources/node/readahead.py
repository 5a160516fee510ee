"""Blocks over several connections at once, handed on in order.

Invariants: at most WINDOW_PER_CONNECTION results per connection wait to be handed on; a connection
serves one thread at a time; when the taker stops, by an error or Ctrl-C too, the threads stop
within moments.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

import numpy as np

from etl.compiled.arrays import Bytes, Ints
from etl.sources.node.connection import NodeConnection
from etl.sources.node.retry import Retry
from etl.sources.source import RawBlocks

Item = TypeVar("Item")
Result = TypeVar("Result")

WINDOW_PER_CONNECTION = 4


def read_in_order(
    items: Iterable[Item],
    read: Callable[[NodeConnection, Item], Result],
    connections: list[NodeConnection],
    retry: Retry,
) -> Iterator[Result]:
    """`read` of each item, in order; each is retried while that may help.

    The connections and the retry end with the iteration.
    """
    idle: SimpleQueue[NodeConnection] = SimpleQueue()
    for connection in connections:
        idle.put(connection)

    def job(item: Item) -> Result:
        connection = idle.get()
        try:
            return retry(lambda: read(connection, item))
        finally:
            idle.put(connection)

    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(len(connections))
    try:
        for item in items:
            waiting.append(pool.submit(job, item))
            if len(waiting) >= WINDOW_PER_CONNECTION * len(connections):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        retry.stop.set()
        for connection in connections:
            connection.abort()
        pool.shutdown(cancel_futures=True)
        for connection in connections:
            connection.close()


def gather(
    blocks: Iterable[tuple[bytes, bytes]], first_height: int, max_bytes: int, origin: str
) -> Iterator[RawBlocks]:
    """Pairs of block and spent outputs as batches.

    Each batch ends with the block that fills `max_bytes`.
    """
    raw: list[bytes] = []
    spent: list[bytes] = []
    filled = 0
    for block, outputs in blocks:
        raw.append(block)
        spent.append(outputs)
        filled += len(block)
        if filled >= max_bytes:
            yield _batch(first_height, raw, spent, origin)
            first_height += len(raw)
            raw, spent, filled = [], [], 0
    if raw:
        yield _batch(first_height, raw, spent, origin)


def _batch(first_height: int, raw: list[bytes], spent: list[bytes], origin: str) -> RawBlocks:
    return RawBlocks(
        first_height=first_height,
        block=_joined(raw),
        block_offset=_offsets(raw),
        spent=_joined(spent),
        spent_offset=_offsets(spent),
        spent_format="txouts",
        origin=origin,
    )


def _joined(parts: list[bytes]) -> Bytes:
    """The parts in one array; a writable one, for which the decoders are compiled."""
    return np.frombuffer(bytearray().join(parts), dtype=np.uint8)


def _offsets(parts: list[bytes]) -> Ints:
    return np.concatenate(([0], np.cumsum([len(part) for part in parts]))).astype(np.int64)
