"""Block files beside a node that has left their branch, or is only a moment behind them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from etl.errors import NodeAnswerError, WrongChain
from etl.sources.blockfiles.source import BlockFilesSource
from etl.sources.branch import LeftBranch, left_branch
from etl.sources.node.control import NodeControl
from etl.sources.node.retry import Retry
from tests.sources.check import rival_chain
from tests.support.fakenode import FakeNode
from tests.support.golden import ECONOMY
from tests.support.wire import golden_blocks

TIP = ECONOMY.last_height


@pytest.fixture(scope="module")
def files() -> BlockFilesSource:
    return BlockFilesSource(ECONOMY.blocks_dir)


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with FakeNode.golden("economy") as running:
        yield running


def _found(files: BlockFilesSource, node: FakeNode) -> LeftBranch | None:
    with NodeControl(node.address, Retry(0)) as control:
        return left_branch(files, control)


def test_the_same_chain(files: BlockFilesSource, node: FakeNode) -> None:
    assert _found(files, node) is None


def test_a_node_that_is_ahead(node: FakeNode) -> None:
    """Its files are a copy of an earlier day."""
    files = BlockFilesSource(ECONOMY.blocks_dir)
    files.tip_height = 400
    assert _found(files, node) is None


@pytest.mark.parametrize("left", [1, 17, TIP])
def test_after_invalidateblock_the_node_is_below(files: BlockFilesSource, node: FakeNode, left: int) -> None:
    node.set_chain(golden_blocks("economy")[: TIP + 1 - left])
    node.core.mark_left_branch("invalid")
    branch = _found(files, node)
    assert branch == LeftBranch(TIP - left, TIP)
    assert f"blocks {TIP - left + 1} to {TIP}" in str(branch)


@pytest.mark.parametrize("status", ["headers-only", "valid-headers"])
def test_a_node_that_has_yet_to_connect_the_last_block(
    files: BlockFilesSource, node: FakeNode, status: str
) -> None:
    node.set_chain(golden_blocks("economy")[:TIP])
    node.core.mark_left_branch(status)
    assert _found(files, node) is None


def test_a_node_on_another_branch(files: BlockFilesSource, node: FakeNode) -> None:
    """As after `invalidateblock` and new blocks, or `preciousblock`."""
    node.set_chain(rival_chain(golden_blocks("economy"), fork_height=500, length=20))
    assert _found(files, node) == LeftBranch(500, TIP)


def test_a_node_of_another_network(files: BlockFilesSource) -> None:
    with FakeNode.golden("mainnet_early") as other, pytest.raises(WrongChain, match="another chain"):
        _found(files, other)


def test_a_node_that_answers_nonsense(
    files: BlockFilesSource, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node.core, "_rpc_getblockhash", lambda height: 5)
    with pytest.raises(NodeAnswerError, match="no hash of a block"):
        _found(files, node)
