"""The source `rest` against a node that answers, fails and reorganises as real ones do."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace

import pytest

from etl.errors import (
    ChainMoved,
    MinerflowError,
    NodeAnswerError,
    NodeBusy,
    NodeIncapable,
    NodeUnreachable,
    NodeWarmingUp,
)
from etl.sources.node import connection
from etl.sources.node.address import Credentials, NodeAddress
from etl.sources.node.headers import PAGE
from etl.sources.node.retry import Retry
from etl.sources.rest import RestSource
from tests.sources.check import check_golden_chain, joined, rival_chain
from tests.support.fakenode import FakeNode, Fault
from tests.support.wire import block_bytes, golden_blocks

ONCE = Retry(0)


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode.golden("economy") as running:
        yield running


@pytest.mark.parametrize("name", ["economy", "mainnet_early"])
def test_blocks_hashes_and_times_are_the_golden_ones(name: str) -> None:
    with FakeNode.golden(name) as running:
        source = RestSource(running.address, ONCE)
        check_golden_chain(source, golden_blocks(name))
        assert source.describe() == (
            f"REST of {running.url} ({source.network.name}, tip {source.tip_height})"
        )


def test_headers_come_by_the_page_and_without_credentials() -> None:
    with FakeNode.golden("mainnet_early") as running:
        nobody = NodeAddress(running.url, Credentials("nobody", "wrong"))
        source = RestSource(nobody, ONCE)
        source.hashes(0, 4521)
        source.times(PAGE - 1, PAGE)
        assert running.core.calls["headers"] == 3


@pytest.mark.parametrize("fault", ["reset", "cut", "busy"])
def test_passing_faults_are_survived(node: FakeNode, fault: Fault) -> None:
    chunk = RestSource(node.address, Retry(30)).chunk(0, 49)
    node.faults.extend([fault] * 12)
    blocks, _ = joined(chunk.batches(1 << 20))
    assert blocks == [block_bytes(block) for block in golden_blocks("economy")[:50]]
    assert not node.faults


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("reset", NodeUnreachable, "hung up or cut its answer off"),
        ("cut", NodeUnreachable, "hung up or cut its answer off"),
        ("busy", NodeBusy, "HTTP 503: Work queue depth exceeded"),
        ("html", NodeAnswerError, "ends inside a header"),
        ("hang", NodeUnreachable, "does not answer in time"),
    ],
)
def test_each_fault_is_named(
    node: FakeNode,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    error: type[MinerflowError],
    message: str,
) -> None:
    monkeypatch.setattr(connection, "_SHORTEST_REQUEST_TIMEOUT_S", 0.3)
    source = RestSource(node.address, ONCE)
    source._hash_at = lambda height: golden_blocks("economy")[height]["hash"]  # type: ignore[method-assign]
    node.faults.extend([fault] * 2)
    with pytest.raises(error, match=message):
        source.hashes(0, 10)


def test_another_programs_page_is_not_taken_for_a_node(node: FakeNode) -> None:
    node.faults.append("html")
    with pytest.raises(NodeAnswerError, match="/rest/chaininfo is not what a node says"):
        RestSource(node.address, ONCE)


def test_a_starting_node_is_waited_for(node: FakeNode) -> None:
    messages: list[str] = []
    node.core.warm_up_calls = 3
    assert RestSource(node.address, Retry(10, messages.append)).tip_height == 531
    assert messages == ["node is starting: Loading block index…; trying again for up to 10 s"]
    node.core.warm_up_calls = 1000
    with pytest.raises(NodeWarmingUp, match="gave up"):
        RestSource(node.address, Retry(0.2))


@pytest.mark.parametrize(
    ("rest", "version", "endpoint"),
    [(False, 319900, "chaininfo"), (True, 290000, "spenttxouts")],
)
def test_a_node_without_the_interface_is_incapable(rest: bool, version: int, endpoint: str) -> None:
    with (
        FakeNode.golden("economy", rest=rest, version=version) as lacking,
        pytest.raises(NodeIncapable, match=f"does not offer /rest/{endpoint}") as raised,
    ):
        RestSource(lacking.address, Retry(60))
    assert "rest=1" in raised.value.action


def test_pruned_blocks_are_incapable(node: FakeNode) -> None:
    chunk = RestSource(node.address, ONCE).chunk(0, 100)
    node.core.prune_height = 50
    with pytest.raises(NodeIncapable, match=r"not available \(pruned data\)"):
        list(chunk.batches(1))
    source = RestSource(node.address, ONCE)
    with pytest.raises(NodeIncapable, match="no blocks before height 50"):
        source.chunk(49, 100)
    assert next(source.chunk(50, 100).batches(1)).first_height == 50


def test_a_chain_that_moves_is_told_apart(node: FakeNode) -> None:
    source = RestSource(node.address, Retry(60))
    kept, chunk = source.chunk(300, 399), source.chunk(500, 531)
    node.set_chain(rival_chain(golden_blocks("economy"), fork_height=520, length=20))
    with pytest.raises(ChainMoved, match="at height 531 left the node's active chain"):
        list(chunk.batches(1 << 20))
    with pytest.raises(ChainMoved, match="at or below height 531"):
        source._headers._pages.clear()
        source.hashes(0, 531)
    node.set_chain(golden_blocks("economy")[:400])
    with pytest.raises(ChainMoved):
        source.hashes(0, 531)
    assert len(joined(kept.batches(1))[0]) == 100


def test_a_reorganisation_between_two_pages_is_noticed() -> None:
    chain = golden_blocks("mainnet_early")
    with FakeNode(chain[:4100], chain="main") as running:
        source = RestSource(running.address, ONCE)
        source.hashes(0, 10)
        rival = rival_chain(chain, fork_height=1990, length=2200)
        running.set_chain(rival)
        source._headers._hash_at = lambda _: chain[4099]["hash"]
        with pytest.raises(ChainMoved):
            source.hashes(2000, 4099)


def test_a_block_the_node_never_had_is_chain_moved(node: FakeNode) -> None:
    chunk = replace(RestSource(node.address, ONCE).chunk(5, 5), block_hash=("00" * 32,))
    with pytest.raises(ChainMoved, match="not found"):
        list(chunk.batches(1))


def test_a_block_that_is_not_the_requested_one_is_refused(
    node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunk = RestSource(node.address, ONCE).chunk(5, 5)
    other = block_bytes(golden_blocks("economy")[6])
    monkeypatch.setattr(node.core, "_rest_block", lambda *_: (200, "application/octet-stream", other))
    with pytest.raises(NodeAnswerError, match="REST gives another"):
        list(chunk.batches(1))


def test_readers_are_picklable(node: FakeNode) -> None:
    chunk = RestSource(node.address, ONCE).chunk(0, 531)
    assert pickle.loads(pickle.dumps(chunk)) == chunk
