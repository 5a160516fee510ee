"""`auto` takes the best source that is to be had, and waits once for a node that is not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from etl.errors import NodeUnreachable, NodeWarmingUp
from etl.options import SourceOptions
from etl.sources.opening import open_source
from tests.support.fakenode import FakeNode
from tests.support.golden import ECONOMY, node


class _Messages:
    """A Progress that keeps what is said."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def station(self, name: str, total_blocks: int) -> None:
        """Nothing."""

    def advance(self, blocks: int, raw_bytes: int = 0) -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        self.texts.append(text)


def _auto(fake: FakeNode, timeout_s: float) -> SourceOptions:
    url = node("auto", fake).rpc_url
    return SourceOptions("auto", None, url, None, timeout_s)


def test_rest_is_taken_where_it_is_offered() -> None:
    with FakeNode.golden("economy") as fake:
        source = open_source(_auto(fake, 5), _Messages())
        assert (source.name, source.tip_height) == ("rest", 531)
        assert fake.core.calls["getblockchaininfo"] == 0


@pytest.mark.parametrize("lacking", [{"rest": False}, {"version": 290000}])
def test_rpc_is_taken_where_rest_is_not_enough(lacking: dict[str, int | bool]) -> None:
    said = _Messages()
    with FakeNode.golden("economy", **lacking) as fake:
        assert open_source(_auto(fake, 5), said).name == "rpc"
    assert "no REST (the node at" in said.texts[-1]


def test_block_files_go_before_a_node() -> None:
    options = SourceOptions("auto", ECONOMY.blocks_dir, None, None, 5)
    assert open_source(options, _Messages()).name == "blockfiles"


def test_a_node_that_starts_is_waited_for_once() -> None:
    said = _Messages()
    with FakeNode.golden("economy", warm_up_calls=6) as fake:
        assert open_source(_auto(fake, 30), said).name in ("rest", "rpc")
    assert [text for text in said.texts if "trying again" in text] == [
        "node is starting: Loading block index…; trying again for up to 30 s"
    ]


@pytest.mark.parametrize("is_there", [True, False])
def test_the_timeout_is_waited_for_once(is_there: bool) -> None:
    with FakeNode.golden("economy", warm_up_calls=10**9) as fake:
        options = _auto(fake, 0.8)
        if not is_there:
            fake.stop()
        start = time.monotonic()
        kind = NodeWarmingUp if is_there else NodeUnreachable
        with pytest.raises(kind, match="gave up after 0") as raised:
            open_source(options, _Messages())
        assert 0.8 <= time.monotonic() - start < 1.5
    notes = raised.value.__notes__
    assert any("block files are not looked for" in note for note in notes)
    assert any("no REST" in note for note in notes)


def test_without_block_files_the_reason_is_told(tmp_path: Path) -> None:
    (tmp_path / "bitcoin.conf").write_text("rpcuser=u\nrpcpassword=p\nrpcport=1\n")
    with pytest.raises(NodeUnreachable) as raised:
        open_source(SourceOptions("auto", None, None, tmp_path, 0), _Messages())
    assert any("no block files" in note for note in raised.value.__notes__)
