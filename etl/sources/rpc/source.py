"""The source `rpc`: `getblock <hash> 3`, which every node since Bitcoin Core 23 serves.

Invariants: a chunk reader gives exactly the blocks whose hashes it was made with, each with its
header hash checked, or raises; a block that left the active chain raises ChainMoved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from etl.chain.blocks import HEADER_SIZE
from etl.compiled.arrays import Bytes, Ints
from etl.errors import NodeIncapable
from etl.sources.node.address import NodeAddress
from etl.sources.node.connection import MOST_BLOCK_BYTES, NodeConnection, request_timeout
from etl.sources.node.failures import bad_answer, chain_moved, check_not_pruned, undo_lacking
from etl.sources.node.headers import HeaderPages
from etl.sources.node.probe import FIRST_VERSION_WITH_PREVOUTS, NodeFacts, described, probe_node
from etl.sources.node.readahead import gather, read_in_order
from etl.sources.node.retry import Retry
from etl.sources.rpc.bulk import call_batch, one_decoded_at_a_time, post_call, result_of
from etl.sources.rpc.getblock import MalformedBlock, NoPrevouts, block_and_spent
from etl.sources.source import RawBlocks

CONNECTIONS = 4
"""Of one chunk reader. Core works on 16 calls at a time (rpcthreads; 4 before release 30)."""

_HASH_DIGITS = 64

_Wanted = tuple[int, str]


@dataclass(frozen=True)
class RpcChunk:
    """Reader for one range of heights; see etl.sources.source.ChunkReader."""

    address: NodeAddress
    first_height: int
    block_hash: tuple[str, ...]
    timeout_s: float

    def batches(self, max_bytes: int) -> Iterator[RawBlocks]:
        """The blocks in height order, each batch ending with the block that fills `max_bytes`."""
        timeout_s = request_timeout(self.timeout_s)
        connections = [NodeConnection(self.address, timeout_s) for _ in range(CONNECTIONS)]
        wanted = enumerate(self.block_hash, self.first_height)
        blocks = read_in_order(wanted, self._read, connections, Retry(self.timeout_s))
        return gather(blocks, self.first_height, max_bytes, f"RPC of {self.address}")

    def _read(self, connection: NodeConnection, wanted: _Wanted) -> tuple[bytes, bytes]:
        height, block_hash = wanted
        answer = post_call(connection, MOST_BLOCK_BYTES, "getblock", block_hash, 3)
        with one_decoded_at_a_time():
            block = result_of(answer, "getblock", self.address)
            try:
                self._check_place(block, height, block_hash)
                return block_and_spent(block, block_hash)
            except MalformedBlock as error:
                raise bad_answer(f"block at height {height}: {error}", self.address) from error
            except NoPrevouts:
                raise undo_lacking(
                    f"the node at {self.address} does not know what the block at height {height} spends"
                ) from None

    def _check_place(self, block: object, height: int, block_hash: str) -> None:
        if not isinstance(block, dict) or "confirmations" not in block:
            raise MalformedBlock("it is no block")
        if block["confirmations"] == -1:
            raise chain_moved(f"block {block_hash} at height {height} left the node's active chain")
        said = block.get("height")
        if type(said) is not int or said != height:
            raise MalformedBlock(f"it says that its height is {said if type(said) is int else 'no number'}")


class RpcSource:
    """A node's active chain over JSON-RPC. Raises the node errors of etl.errors."""

    name = "rpc"

    def __init__(self, address: NodeAddress, retry: Retry, facts: NodeFacts | None = None) -> None:
        self._address = address
        self._retry = retry
        self.facts = facts or probe_node(address, retry)
        if self.facts.version < FIRST_VERSION_WITH_PREVOUTS:
            raise NodeIncapable(
                f"the node at {address} is {self.facts.subversion}, whose getblock lacks prevouts",
                "use Bitcoin Core 23 or newer, or --source blockfiles",
            )
        self.network = self.facts.network
        self.tip_height = self.facts.complete.height
        self._headers = HeaderPages(self.facts, self._fetch_headers, self._hash_at)

    def describe(self) -> str:
        """One line for people: what is read, from where."""
        return f"RPC of {self._address} ({described(self.facts)})"

    def hashes(self, first_height: int, last_height: int) -> Bytes:
        """Block hashes (n, 32) of the range, both ends included."""
        return self._headers.hashes(first_height, last_height)

    def times(self, first_height: int, last_height: int) -> Ints:
        """Header times (n,) of the range, both ends included."""
        return self._headers.times(first_height, last_height)

    def chunk(self, first_height: int, last_height: int) -> RpcChunk:
        """A reader for the range, both ends included. Raises NodeIncapable where it is pruned."""
        hashes = self.hashes(first_height, last_height)[:, ::-1]
        check_not_pruned(self.facts.prune_height, first_height, self._address)
        return RpcChunk(
            address=self._address,
            first_height=first_height,
            block_hash=tuple(row.tobytes().hex() for row in hashes),
            timeout_s=self._retry.timeout_s,
        )

    def _fetch_headers(self, first_height: int, last_height: int) -> bytes:
        heights = [[height] for height in range(first_height, last_height + 1)]
        hashes = self._batch("getblockhash", heights, _HASH_DIGITS)
        headers = self._batch("getblockheader", [[each, False] for each in hashes], 2 * HEADER_SIZE)
        return bytes.fromhex("".join(headers))

    def _hash_at(self, height: int) -> str:
        return self._batch("getblockhash", [[height]], _HASH_DIGITS)[0]

    def _batch(self, method: str, params: Sequence[Sequence[object]], digits: int) -> list[str]:
        """Results of a method that gives so many hexadecimal digits, with each of `params`."""
        with NodeConnection(self._address, request_timeout(self._retry.timeout_s)) as connection:
            found = self._retry(partial(call_batch, connection, method, params, self._address))
        is_hex = re.compile(f"[0-9a-f]{{{digits}}}").fullmatch
        if not all(isinstance(each, str) and is_hex(each) for each in found):
            raise bad_answer(f"{method} does not give {digits} hexadecimal digits", self._address)
        return found
