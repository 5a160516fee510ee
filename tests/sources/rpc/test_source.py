"""The source `rpc` against a node that answers, fails and reorganises as real ones do."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from etl.errors import (
    ChainMoved,
    MinerflowError,
    NodeAnswerError,
    NodeBusy,
    NodeIncapable,
    NodeRefused,
    NodeUnreachable,
    UsageError,
)
from etl.sources.node import connection
from etl.sources.node.address import Credentials, NodeAddress
from etl.sources.node.control import NodeControl
from etl.sources.node.retry import Retry
from etl.sources.rpc.bulk import post_call
from etl.sources.rpc.source import RpcChunk, RpcSource
from tests.sources.check import check_golden_chain, joined, rival_chain
from tests.support.fakenode import FakeNode, Fault
from tests.support.wire import block_bytes, golden_blocks

ONCE = Retry(0)


def _count(kept: connection.NodeConnection) -> bytes:
    return post_call(kept, connection.MOST_BYTES, "getblockcount").body


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode.golden("economy") as running:
        yield running


@pytest.mark.parametrize("name", ["economy", "mainnet_early"])
def test_blocks_hashes_and_times_are_the_golden_ones(name: str) -> None:
    with FakeNode.golden(name) as running:
        source = RpcSource(running.address, ONCE)
        check_golden_chain(source, golden_blocks(name))
        assert source.describe() == (f"RPC of {running.url} ({source.network.name}, tip {source.tip_height})")


@pytest.mark.parametrize(("first", "last"), [(-1, 5), (6, 5), (0, 532), (532, 600)])
def test_heights_beyond_the_chain_are_an_error(node: FakeNode, first: int, last: int) -> None:
    with pytest.raises(UsageError, match="tip is at height 531"):
        RpcSource(node.address, ONCE).chunk(first, last)


def test_headers_are_asked_for_once(node: FakeNode) -> None:
    source = RpcSource(node.address, ONCE)
    source.times(0, 531)
    asked = node.core.calls["getblockheader"]
    source.hashes(100, 200)
    assert asked == node.core.calls["getblockheader"] == 532


def test_order_holds_when_answers_are_slow(node: FakeNode) -> None:
    chunk = RpcSource(node.address, ONCE).chunk(100, 139)
    node.latency_s = 0.01
    blocks, _ = joined(chunk.batches(1000))
    assert blocks == [block_bytes(block) for block in golden_blocks("economy")[100:140]]


def test_a_reader_that_is_left_early_ends_its_threads(node: FakeNode) -> None:
    batches = RpcSource(node.address, ONCE).chunk(0, 531).batches(1)
    assert next(batches).first_height == 0
    ours = [thread for thread in threading.enumerate() if "ThreadPool" in thread.name]
    assert ours
    del batches
    assert not any(thread.is_alive() for thread in ours)


@pytest.mark.parametrize("fault", ["reset", "cut", "busy", "garbled"])
def test_passing_faults_are_survived(node: FakeNode, fault: Fault) -> None:
    source = RpcSource(node.address, Retry(30))
    source.hashes(0, 10)
    chunk = source.chunk(0, 49)
    node.faults.extend([fault] * 12)
    blocks, _ = joined(chunk.batches(1 << 20))
    assert blocks == [block_bytes(block) for block in golden_blocks("economy")[:50]]
    assert not node.faults


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("reset", NodeUnreachable, "hung up or cut its answer off"),
        ("cut", NodeUnreachable, "hung up or cut its answer off"),
        ("garbled", NodeUnreachable, "hung up or cut its answer off"),
        ("busy", NodeBusy, "HTTP 503: Work queue depth exceeded"),
        ("html", NodeAnswerError, "without JSON"),
        ("hang", NodeUnreachable, "does not answer in time"),
    ],
)
def test_each_fault_is_named_by_single_calls_and_in_bulk(
    node: FakeNode,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    error: type[MinerflowError],
    message: str,
) -> None:
    monkeypatch.setattr(connection, "_SHORTEST_REQUEST_TIMEOUT_S", 0.3)
    source = RpcSource(node.address, ONCE)
    node.faults.extend([fault] * 2)
    with NodeControl(node.address, ONCE) as control:
        with pytest.raises(error, match=message):
            control.call("getblockcount")
        with pytest.raises(error, match=message):
            source.hashes(0, 10)
        assert control.call("getblockcount") == 531


def test_a_connection_that_was_idle_too_long_is_replaced(node: FakeNode) -> None:
    with connection.NodeConnection(node.address, 5) as kept:
        for _ in range(2):
            assert _count(kept) == b'{"result":531,"error":null,"id":0}\n'
            node.hang_up()


def test_nothing_listening_is_said_so(node: FakeNode) -> None:
    address = node.address
    node.stop()
    with pytest.raises(NodeUnreachable, match="refuses connections"):
        RpcSource(address, ONCE)
    nowhere = NodeAddress("http://no-such-host.invalid:8332/", address.credentials)
    with pytest.raises(NodeUnreachable, match="cannot be resolved"):
        RpcSource(nowhere, ONCE)


def test_wrong_credentials_are_terminal_in_bulk_too(node: FakeNode) -> None:
    chunk = RpcSource(node.address, ONCE).chunk(0, 3)
    wrong = NodeAddress(node.url, Credentials("user", "s3cret"))
    with pytest.raises(NodeRefused) as raised:
        list(RpcChunk(wrong, 0, chunk.block_hash, 60).batches(1))
    assert "s3cret" not in str(raised.value)
    node.forbidden = True
    with pytest.raises(NodeRefused, match="forbids the call"):
        list(chunk.batches(1))
    with pytest.raises(NodeRefused, match="forbids the call"):
        NodeControl(node.address, Retry(60)).call("getblockcount")


def test_a_restart_in_mid_read_with_a_new_cookie_goes_unnoticed(node: FakeNode, tmp_path: Path) -> None:
    address = node.write_cookie(tmp_path / ".cookie", "one")
    batches = RpcSource(address, Retry(10)).chunk(0, 531).batches(1)
    read = [next(batches) for _ in range(10)]
    node.write_cookie(tmp_path / ".cookie", "two")
    node.core.warm_up_calls = 5
    node.hang_up()
    read += batches
    assert [batch.first_height for batch in read] == list(range(532))


def test_an_rpc_error_is_given_with_its_text(node: FakeNode) -> None:
    with NodeControl(node.address, Retry(60)) as control:
        with pytest.raises(NodeIncapable, match="error -32601: Method not found"):
            control.call("nosuchmethod")
        with pytest.raises(ChainMoved, match="error -8: Block height out of range"):
            control.call("getblockhash", 532)
        with pytest.raises(ChainMoved, match="error -5: Block not found"):
            control.call("getblock", "00" * 32, 3)
        with pytest.raises(NodeAnswerError, match='error -1: getblock "blockhash"'):
            control.call("getblock")


def test_a_node_without_prevouts_or_blocks_is_incapable() -> None:
    with (
        FakeNode.golden("economy", version=220000) as old,
        pytest.raises(NodeIncapable, match=r"/Satoshi:22\.0\.0/, whose getblock lacks prevouts"),
    ):
        RpcSource(old.address, ONCE)
    with FakeNode.golden("economy", prune_height=276) as pruned:
        source = RpcSource(pruned.address, ONCE)
        with pytest.raises(NodeIncapable, match="no blocks before height 276") as raised:
            source.chunk(275, 300)
        assert "prune=0" in raised.value.action
        assert next(source.chunk(276, 300).batches(1)).first_height == 276


def test_blocks_pruned_in_mid_read_are_incapable(node: FakeNode) -> None:
    chunk = RpcSource(node.address, Retry(60)).chunk(0, 100)
    node.core.prune_height = 50
    with pytest.raises(NodeIncapable, match=r"error -1: Block not available \(pruned data\)"):
        list(chunk.batches(1))


def test_prevouts_that_are_missing_are_incapable(node: FakeNode) -> None:
    chunk = RpcSource(node.address, Retry(60)).chunk(120, 130)
    node.core.version = 220000
    with pytest.raises(NodeIncapable, match="does not know what the block at height"):
        list(chunk.batches(1))


def test_a_block_that_left_the_chain_is_told_apart(node: FakeNode) -> None:
    source = RpcSource(node.address, Retry(60))
    chunk = source.chunk(500, 531)
    node.set_chain(rival_chain(golden_blocks("economy"), fork_height=520, length=20))
    with pytest.raises(ChainMoved, match="at height 521 left the node's active chain"):
        list(chunk.batches(1))
    with pytest.raises(ChainMoved):
        source._headers._pages.clear()
        source.hashes(0, 531)
    node.set_chain(golden_blocks("economy")[:400])
    with pytest.raises(ChainMoved):
        source.hashes(0, 531)


def test_another_nodes_chain_is_not_taken(node: FakeNode) -> None:
    chunk = RpcSource(node.address, ONCE).chunk(0, 3)
    with (
        FakeNode.golden("mainnet_early") as other,
        pytest.raises(ChainMoved, match="error -5: Block not found"),
    ):
        list(RpcChunk(other.address, 0, chunk.block_hash, 60).batches(1))


def test_a_block_at_another_height_is_not_taken(node: FakeNode) -> None:
    chunk = RpcSource(node.address, ONCE).chunk(5, 5)
    with pytest.raises(NodeAnswerError, match="block at height 6: it says that its height is 5"):
        list(RpcChunk(node.address, 6, chunk.block_hash, 60).batches(1))


def test_readers_are_picklable_and_small(node: FakeNode) -> None:
    chunk = RpcSource(node.address, ONCE).chunk(0, 531)
    copied = pickle.loads(pickle.dumps(chunk))
    assert copied == chunk
    assert np.concatenate([batch.block for batch in copied.batches(1 << 20)]).size > 0
