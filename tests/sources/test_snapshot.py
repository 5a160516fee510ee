"""A node that was started from a snapshot (assumeutxo) and still validates what comes before it."""

from __future__ import annotations

import pytest

from etl.errors import NodeIncapable, UsageError
from etl.sources.node.probe import probe_node
from etl.sources.node.retry import Retry
from etl.sources.rest import RestSource
from etl.sources.rpc.source import RpcSource
from tests.sources.check import joined
from tests.support.fakenode import FakeNode
from tests.support.wire import block_bytes, golden_blocks

VALIDATED = 300
ONCE = Retry(0)


def _node(version: int = 319900) -> FakeNode:
    fake = FakeNode.golden("economy", version=version)
    fake.core.background_height = VALIDATED
    return fake


@pytest.mark.parametrize("version", [260000, 300000, 319900])
def test_rpc_ends_where_the_node_has_validated(version: int) -> None:
    """getchainstates is of Bitcoin Core 26, `backgroundvalidation` of 31."""
    with _node(version) as fake:
        source = RpcSource(fake.address, ONCE)
        assert source.tip_height == VALIDATED
        assert (
            f"at height 531, was started from a snapshot and has validated the chain up to {VALIDATED}"
            in (source.describe())
        )
        blocks, _ = joined(source.chunk(0, VALIDATED).batches(1 << 20))
        assert blocks == [block_bytes(block) for block in golden_blocks("economy")[: VALIDATED + 1]]
        with pytest.raises(UsageError):
            source.chunk(0, VALIDATED + 1)


def test_rest_ends_there_too() -> None:
    with _node() as fake:
        source = RestSource(fake.address, ONCE)
        assert source.tip_height == VALIDATED
        assert "snapshot" in source.describe()
        blocks, _ = joined(source.chunk(0, VALIDATED).batches(1 << 20))
        assert len(blocks) == VALIDATED + 1


def test_rest_of_core_30_cannot_know_and_says_what_to_do() -> None:
    with _node(300000) as fake:
        source = RestSource(fake.address, ONCE)
        assert source.tip_height == 531
        with pytest.raises(NodeIncapable, match="not fully downloaded") as raised:
            list(source.chunk(VALIDATED, 400).batches(1))
        assert "reindex" not in raised.value.action
        assert "wait until the node has" in raised.value.action


def test_a_block_whose_undo_data_is_to_come_is_no_pruned_one() -> None:
    with _node() as fake:
        chunk = RestSource(fake.address, ONCE).chunk(0, VALIDATED)
        fake.core._rest_spenttxouts = lambda *_: (404, "text/plain", b"x undo not available\r\n")  # type: ignore[method-assign]
        with pytest.raises(NodeIncapable, match="undo not available") as raised:
            list(chunk.batches(1))
    assert "reindex" not in raised.value.action


def test_the_facts_say_so() -> None:
    with _node() as fake:
        facts = probe_node(fake.address, ONCE)
    assert (facts.active.height, facts.complete.height) == (531, VALIDATED)
    assert facts.complete.block_hash == golden_blocks("economy")[VALIDATED]["hash"]
    assert str(VALIDATED) in facts.snapshot_note


def test_a_snapshot_whose_past_is_validated_is_as_any_node() -> None:
    with FakeNode.golden("economy") as fake:
        facts = probe_node(fake.address, ONCE)
        assert RpcSource(fake.address, ONCE).tip_height == 531
    assert facts.snapshot_note == ""
