from __future__ import annotations

import json
from pathlib import Path

from tests.cli.run import minerflow
from tests.sources.check import rival_chain
from tests.support.fakenode import FakeNode
from tests.support.golden import ECONOMY
from tests.support.wire import golden_blocks


def test_status_equals_the_golden_results(economy: Path) -> None:
    status = json.loads(minerflow("status", "--json", "--data-dir", economy).stdout)
    blocks = ECONOMY.expected("blocks")
    assert (status["network"], status["first_height"], status["last_height"]) == ("regtest", 0, 531)
    assert status["tip_hash"] == blocks[-1]["hash"]
    assert status["last_final_day"] == sorted({block["day"] for block in blocks})[-2]
    for table in ("blocks", "daily_flows", "addresses", "conflicts", "coinjoins"):
        assert status["rows"][table] == len(ECONOMY.expected(table)), table


def test_status_sizes_are_those_on_the_disk(economy: Path) -> None:
    sizes = json.loads(minerflow("status", "--json", "--data-dir", economy).stdout)["bytes"]
    files = {path: path.stat().st_size for path in economy.rglob("*") if path.is_file()}
    assert sizes == {
        "lake": sum(size for path, size in files.items() if economy / "lake" in path.parents),
        "database": files[economy / "minerflow.duckdb"],
        "total": sum(files.values()),
    }


def test_status_for_people_says_the_same(economy: Path) -> None:
    text = minerflow("status", "--data-dir", economy).stdout
    assert "blocks 0 to 531" in text
    assert ECONOMY.expected("blocks")[-1]["hash"] in text
    assert "last price      2019-03-03" in text
    assert "none is named, and none is found" in text
    assert "daily_flows" not in text
    verbose = minerflow("status", "-v", "--data-dir", economy).stdout
    assert ["daily_flows", f"{len(ECONOMY.expected('daily_flows')):,}"] in [
        line.split() for line in verbose.splitlines()
    ]


def node_of(economy: Path, node: FakeNode) -> dict[str, object]:
    url = node.url.replace("//", f"//{node.user}:{node.password}@")
    text = minerflow("status", "--json", "--data-dir", economy, "--rpc-url", url).stdout
    said: dict[str, object] = json.loads(text)["node"]
    assert node.password not in text
    return said


def test_status_says_how_far_the_node_is(economy: Path) -> None:
    blocks = golden_blocks("economy")
    with FakeNode.golden("economy") as node:
        said = node_of(economy, node)
        assert (said["height"], said["has_our_tip"]) == (531, True)
        assert said["what"] == "height 531, 0 blocks ahead of what is indexed"
        node.core.set_chain(blocks[:501])
        assert node_of(economy, node) == {
            "node": node.address.url, "height": 500, "has_our_tip": None,
            "what": "height 500, 31 blocks below what is indexed",
        }  # fmt: skip


def test_status_says_that_our_tip_has_left_the_chain(economy: Path) -> None:
    with FakeNode.golden("economy") as node:
        node.core.set_chain(rival_chain(golden_blocks("economy"), 530, 3))
        said = node_of(economy, node)
    assert said["has_our_tip"] is False and "minerflow update follows it" in str(said["what"])


def test_status_does_not_need_the_node(economy: Path) -> None:
    with FakeNode.golden("economy") as node:
        pass
    said = node_of(economy, node)
    assert said["height"] is None and "refuses connections" in str(said["what"])


def test_nothing_published_is_told(tmp_path: Path) -> None:
    assert "holds no published results" in minerflow("status", exit_code=1).stderr
