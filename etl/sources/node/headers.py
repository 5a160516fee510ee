"""The headers of a node's active chain, fetched by the page and kept as hashes and times.

Invariants: within a page, and from page to page, each header names the one before it; after every
fetch the node's chain still holds the tip that was found when the source was opened. So all hashes
ever given belong to one chain, or ChainMoved is raised. 40 bytes a block are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from etl.chain.blocks import HEADER_SIZE, block_hashes
from etl.compiled.arrays import Bytes, Ints
from etl.errors import ChainMoved, UsageError, WrongChain
from etl.sources.node.failures import chain_moved
from etl.sources.node.probe import ChainFacts

PAGE = 2000
"""Headers of one fetch: the most that /rest/headers gives (MAX_REST_HEADERS_RESULTS)."""


@dataclass(frozen=True)
class _Page:
    previous_hash: bytes
    hashes: Bytes
    times: Ints


class HeaderPages:
    """Hashes and times by height up to the last block that a node has in full.

    `fetch(first, last)` gives the serialised headers of the active chain, at most PAGE of them;
    `hash_at(height)` the hash there, in hex.
    """

    def __init__(
        self,
        facts: ChainFacts,
        fetch: Callable[[int, int], bytes],
        hash_at: Callable[[int], str],
    ) -> None:
        self._network = facts.network
        self._tip_height, self._tip_hash = facts.complete.height, facts.complete.block_hash
        self._fetch = fetch
        self._hash_at = hash_at
        self._pages: dict[int, _Page] = {}

    def hashes(self, first_height: int, last_height: int) -> Bytes:
        """Block hashes (n, 32) in internal byte order. Raises UsageError, ChainMoved."""
        return np.concatenate([hashes for hashes, _ in self._spans(first_height, last_height)])

    def times(self, first_height: int, last_height: int) -> Ints:
        """Header times (n,). Raises UsageError, ChainMoved."""
        return np.concatenate([times for _, times in self._spans(first_height, last_height)])

    def _spans(self, first_height: int, last_height: int) -> list[tuple[Bytes, Ints]]:
        if not 0 <= first_height <= last_height <= self._tip_height:
            raise UsageError(
                f"there are no blocks {first_height} to {last_height} in a chain whose tip is at "
                f"height {self._tip_height}",
                "choose a range within the chain",
            )
        numbers = range(first_height // PAGE, last_height // PAGE + 1)
        self._add({n: self._page(n) for n in numbers if n not in self._pages})
        spans = []
        for number in numbers:
            start = max(first_height - number * PAGE, 0)
            stop = min(last_height + 1 - number * PAGE, PAGE)
            page = self._pages[number]
            spans.append((page.hashes[start:stop], page.times[start:stop]))
        return spans

    def _page(self, number: int) -> _Page:
        first, last = number * PAGE, min((number + 1) * PAGE - 1, self._tip_height)
        data = np.frombuffer(bytearray(self._fetch(first, last)), dtype=np.uint8)
        headers = data.reshape(-1, HEADER_SIZE)
        hashes = block_hashes(headers)
        if len(headers) != last - first + 1 or (headers[1:, 4:36] != hashes[:-1]).any():
            raise self._moved()
        if number == 0 and hashes[0, ::-1].tobytes().hex() != self._network.genesis_hash:
            raise WrongChain(
                f"the node says that it is on {self._network.name}, but its first block is another's",
                "check that the URL is a Bitcoin Core node's, with no other program in between",
            )
        times = np.ascontiguousarray(headers[:, 68:72]).view("<u4")[:, 0].astype(np.int64)
        return _Page(headers[0, 4:36].tobytes(), hashes, times)

    def _add(self, added: dict[int, _Page]) -> None:
        if not added:
            return
        pages = self._pages | added
        for number, page in pages.items():
            before = pages.get(number - 1)
            if before is not None and before.hashes[-1].tobytes() != page.previous_hash:
                raise self._moved()
        if self._hash_at(self._tip_height) != self._tip_hash:
            raise self._moved()
        self._pages = pages

    def _moved(self) -> ChainMoved:
        return chain_moved(
            f"the node's chain changed at or below height {self._tip_height} while it was read"
        )
