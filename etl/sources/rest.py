"""The source `rest`: blocks and the outputs that they spend in binary (Bitcoin Core >= 30, rest=1).

Invariants: a chunk reader gives exactly the blocks whose hashes it was made with, each with its
header hash checked, or raises; spent outputs, which no hash protects, are asked for
twice, and both answers must be the same; after its last block the node's active chain still held them all, or
ChainMoved is raised. Endpoints: /rest/block, /rest/headers, /rest/blockhashbyheight,
/rest/chaininfo and, since release 30, /rest/spenttxouts. They ask for no credentials, and none are
sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import orjson

from etl.chain.blocks import HEADER_SIZE
from etl.compiled.arrays import Bytes, Ints
from etl.errors import MinerflowError, NodeIncapable
from etl.sources.node.address import NodeAddress
from etl.sources.node.answers import Fields
from etl.sources.node.connection import (
    MOST_BLOCK_BYTES,
    MOST_BYTES,
    Answer,
    NodeConnection,
    request_timeout,
)
from etl.sources.node.failures import (
    bad_answer,
    chain_moved,
    changed_on_the_way,
    check_not_pruned,
    not_downloaded,
    pruned,
    said_by,
    unavailable,
    undo_lacking,
)
from etl.sources.node.headers import HeaderPages
from etl.sources.node.probe import ChainFacts, chain_facts, described
from etl.sources.node.readahead import gather, read_in_order
from etl.sources.node.retry import Retry
from etl.sources.source import RawBlocks

CONNECTIONS = 4
"""Of one chunk reader. Core works on 16 requests at a time (rpcthreads; 4 before release 30)."""
_HASH_AT = "blockhashbyheight/{}.bin"
_HASH_SIZE = 32
_LEAST_ROOM = 10_000
"""Bytes that any answer may have, for it may tell an error instead."""
_LACKING = "start the node (Bitcoin Core 30 or newer) with rest=1, or use --source rpc or blockfiles"


@dataclass(frozen=True)
class RestChunk:
    """Reader for one range of heights; see etl.sources.source.ChunkReader."""

    address: NodeAddress
    first_height: int
    block_hash: tuple[str, ...]
    timeout_s: float

    def batches(self, max_bytes: int) -> Iterator[RawBlocks]:
        """The blocks in height order, each batch ending with the block that fills `max_bytes`."""
        timeout_s = request_timeout(self.timeout_s)
        connections = [NodeConnection(self.address, timeout_s) for _ in range(CONNECTIONS)]
        blocks = read_in_order(self.block_hash, self._read, connections, Retry(self.timeout_s))
        return gather(blocks, self.first_height, max_bytes, f"REST of {self.address}")

    def _read(self, connection: NodeConnection, block_hash: str) -> tuple[bytes, bytes]:
        block = rest_get(connection, self.address, f"block/{block_hash}.bin", MOST_BLOCK_BYTES)
        spent, again = (
            rest_get(connection, self.address, f"spenttxouts/{block_hash}.bin", MOST_BLOCK_BYTES)
            for _ in range(2)
        )
        if spent != again:
            raise changed_on_the_way(f"the spent outputs of block {block_hash}", self.address)
        header = block[:HEADER_SIZE]
        if sha256(sha256(header).digest()).digest()[::-1].hex() != block_hash:
            raise bad_answer(f"asked for block {block_hash}, REST gives another", self.address)
        if block_hash == self.block_hash[-1]:
            self._check_active(connection)
        return block, spent

    def _check_active(self, connection: NodeConnection) -> None:
        """The last block is in the active chain, and so are those before it."""
        height = self.first_height + len(self.block_hash) - 1
        active = rest_get(connection, self.address, _HASH_AT.format(height), _HASH_SIZE)
        if active[::-1].hex() != self.block_hash[-1]:
            raise chain_moved(f"block {self.block_hash[-1]} at height {height} left the node's active chain")


class RestSource:
    """A node's active chain over REST. Raises the node errors of etl.errors."""

    name = "rest"

    def __init__(self, address: NodeAddress, retry: Retry, facts: ChainFacts | None = None) -> None:
        self._address = address
        self._retry = retry
        self.facts = facts or probe_rest(address, retry)
        self.network = self.facts.network
        self.tip_height = self.facts.complete.height
        self._headers = HeaderPages(self.facts, self._fetch_headers, self._hash_at)

    def describe(self) -> str:
        """One line for people: what is read, from where."""
        return f"REST of {self._address} ({described(self.facts)})"

    def hashes(self, first_height: int, last_height: int) -> Bytes:
        """Block hashes (n, 32) of the range, both ends included."""
        return self._headers.hashes(first_height, last_height)

    def times(self, first_height: int, last_height: int) -> Ints:
        """Header times (n,) of the range, both ends included."""
        return self._headers.times(first_height, last_height)

    def chunk(self, first_height: int, last_height: int) -> RestChunk:
        """A reader for the range, both ends included. Raises NodeIncapable where it is pruned."""
        hashes = self.hashes(first_height, last_height)[:, ::-1]
        check_not_pruned(self.facts.prune_height, first_height, self._address)
        return RestChunk(
            address=self._address,
            first_height=first_height,
            block_hash=tuple(row.tobytes().hex() for row in hashes),
            timeout_s=self._retry.timeout_s,
        )

    def _get(self, path: str, most_bytes: int) -> bytes:
        with NodeConnection(self._address, request_timeout(self._retry.timeout_s)) as connection:
            return self._retry(lambda: rest_get(connection, self._address, path, most_bytes))

    def _hash_at(self, height: int) -> str:
        return self._get(_HASH_AT.format(height), _HASH_SIZE)[::-1].hex()

    def _fetch_headers(self, first_height: int, last_height: int) -> bytes:
        count = last_height - first_height + 1
        path = f"headers/{self._hash_at(first_height)}.bin?count={count}"
        data = self._get(path, count * HEADER_SIZE)
        if len(data) % HEADER_SIZE:
            raise bad_answer("/rest/headers ends inside a header", self._address)
        return data


def probe_rest(address: NodeAddress, retry: Retry) -> ChainFacts:
    """What REST says of the chain. Raises the node errors, also where blocks are not offered."""
    with NodeConnection(address, request_timeout(retry.timeout_s)) as connection:
        told = retry(lambda: rest_get(connection, address, "chaininfo.json", MOST_BYTES))
        try:
            facts = chain_facts(Fields(orjson.loads(told), "/rest/chaininfo", address))
        except orjson.JSONDecodeError as error:
            raise bad_answer("/rest/chaininfo is not what a node says", address) from error
        spent = f"spenttxouts/{facts.complete.block_hash}.bin"
        retry(lambda: rest_get(connection, address, spent, MOST_BLOCK_BYTES))
    return facts


def rest_get(connection: NodeConnection, address: NodeAddress, path: str, most_bytes: int) -> bytes:
    """The body of /rest/`path`. Raises the node errors of etl.errors."""
    answer = connection.get(f"/rest/{path}", max(most_bytes, _LEAST_ROOM))
    if answer.status == 200:
        return answer.body
    raise _failure(answer, path, address)


def _failure(answer: Answer, path: str, address: NodeAddress) -> MinerflowError:
    if answer.status == 503:
        return unavailable(answer.body, address)
    said = said_by(address, answer.body[:_LEAST_ROOM].decode("utf-8", "replace"))
    what = f"the node at {address} answers /rest/{path} with HTTP {answer.status}: {said}"
    if answer.status != 404:
        return bad_answer(f"HTTP {answer.status} to /rest/{path}: {said}", address)
    if not said:
        return NodeIncapable(f"the node at {address} does not offer /rest/{path.split('/')[0]}", _LACKING)
    if "pruned data" in said:
        return pruned(what)
    if "undo not available" in said:
        return undo_lacking(what)
    if "not fully downloaded" in said:
        return not_downloaded(what)
    return chain_moved(what)
