from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.cli.run import minerflow
from tests.support.fakenode import FakeNode
from tests.support.golden import ECONOMY, MAINNET_EARLY
from tests.support.wire import golden_blocks


def doctor(*args: object, can_run: bool) -> dict[str, list[dict[str, Any]]]:
    """Findings by subject; the exit code must say whether a job could run."""
    result = minerflow("doctor", "--json", *args, exit_code=0 if can_run else 1)
    facts = json.loads(result.stdout)
    assert facts["can_run"] is can_run
    found: dict[str, list[dict[str, Any]]] = {}
    for finding in facts["findings"]:
        assert bool(finding["action"]) == (finding["state"] != "ok"), finding
        found.setdefault(finding["subject"], []).append(finding)
    return found


def at(node: FakeNode, kind: str = "auto") -> list[str]:
    url = node.url.replace("//", f"//{node.user}:{node.password}@")
    return ["--source", kind, "--rpc-url", url]


@pytest.fixture
def blocks(tmp_path: Path) -> Path:
    """A copy of the economy's block files, to be damaged."""
    return Path(shutil.copytree(ECONOMY.blocks_dir, tmp_path / "blocks"))


def test_block_files_are_enough(nobodys_home: Path) -> None:
    found = doctor("--blocks-dir", ECONOMY.blocks_dir, can_run=True)
    assert "1 block files with undo files" in found["block files"][0]["what"]
    assert "regtest, with an XOR key" in found["block files"][0]["what"]
    assert "holds no blocks yet" in found["data directory"][0]["what"]
    assert "GB needed" in found["disk"][0]["what"]
    assert list(nobodys_home.iterdir()) == []


def test_mainnet_is_recognised() -> None:
    found = doctor("--blocks-dir", MAINNET_EARLY.blocks_dir, can_run=True)
    assert found["network"][0]["what"] == "mainnet"


def test_without_anything_it_says_what_to_do() -> None:
    found = doctor(can_run=False)
    assert "--bitcoin-datadir" in found["block files"][0]["action"]
    assert "--rpc-url" in found["node"][0]["action"]


def test_a_node_is_described() -> None:
    with FakeNode.golden("economy") as node:
        found = doctor(*at(node), can_run=True)
    expected = "/Satoshi:31.99.0/, regtest, height 531, not pruned, REST on, with spent outputs"
    assert expected in found["node"][0]["what"]
    assert found["REST"][0]["state"] == "ok" and "block 0 was read" in found["REST"][0]["what"]
    assert found["RPC"][0]["what"] == "block 0 was read"
    assert "needed" in found["disk"][0]["what"]


def test_a_node_that_was_started_from_a_snapshot_is_told() -> None:
    with FakeNode.golden("economy") as node:
        node.core.background_height = 300
        found = doctor(*at(node), can_run=True)
    (note,) = [each for each in found["node"] if "snapshot" in each["what"]]
    assert "up to 300" in note["what"]
    assert "run it again later" in note["action"]


def test_block_files_of_the_datadir_are_found(tmp_path: Path) -> None:
    shutil.copytree(ECONOMY.blocks_dir, tmp_path / "regtest" / "blocks")
    found = doctor("--bitcoin-datadir", tmp_path, can_run=True)
    assert found["block files"][0]["state"] == "ok"
    assert found["REST"][0]["state"] == "note"
    assert "not running" in found["node"][0]["what"]


def test_missing_rest_is_but_a_note_where_rpc_works() -> None:
    with FakeNode.golden("economy", rest=False) as node:
        found = doctor(*at(node), can_run=True)
        assert found["REST"][0]["state"] == "note"
        assert "REST off" in found["node"][0]["what"]
        assert doctor(*at(node, "rest"), can_run=False)["REST"][0]["state"] == "problem"


def test_a_node_too_old_is_a_problem() -> None:
    with FakeNode.golden("economy", version=229900) as node:
        found = doctor(*at(node), can_run=False)
    assert "Bitcoin Core 23" in found["node"][0]["action"]


def test_a_pruned_node_is_a_problem_unless_it_has_what_comes_next(economy: Path) -> None:
    with FakeNode.golden("economy", prune_height=100) as node:
        found = doctor(*at(node), can_run=False)
        assert "pruned below 100" in found["node"][0]["what"]
        assert "pruned" in found["RPC"][0]["what"]
        assert found["RPC"][0]["action"].startswith("minerflow backfill 100: --source rpc ")
        doctor(*at(node), "--data-dir", economy, can_run=True)


def test_a_node_from_a_snapshot_is_described() -> None:
    with FakeNode.golden("economy") as node:
        node.core.background_height = 300
        found = doctor(*at(node), can_run=True)
    assert "has validated the chain up to 300 so far" in found["node"][1]["what"]
    assert "indexes up to height 300 for now" in found["node"][1]["action"]


def test_a_branch_that_the_node_has_left_is_told() -> None:
    blocks = golden_blocks("economy")
    with FakeNode.golden("economy") as node:
        node.core.set_chain(blocks[:501])
        before = doctor(*at(node), can_run=True)["node"]
        node.core.mark_left_branch("invalid")
        after = doctor(*at(node), can_run=True)["node"]
    (note,) = [finding for finding in after if finding not in before]
    assert note["state"] == "note" and "has left a branch up to height 531" in note["what"]
    assert f"reconsiderblock {blocks[531]['hash']}" in note["action"]


def test_a_node_that_starts_is_waited_for() -> None:
    with FakeNode.golden("economy", warm_up_calls=1000) as node:
        found = doctor(*at(node), can_run=True)
    assert found["node"][0]["state"] == "note"
    assert "node is starting" in found["node"][0]["what"]


def test_wrong_password_and_no_node_are_problems() -> None:
    with FakeNode.golden("economy") as node:
        wrong = node.url.replace("//", "//user:wrong@")
        found = doctor("--source", "rpc", "--rpc-url", wrong, can_run=False)
        assert "rejects the user or password" in found["node"][0]["what"]
    assert "refuses connections" in doctor(*at(node), can_run=False)["node"][0]["what"]


def test_a_url_that_makes_no_sense_is_a_problem() -> None:
    found = doctor("--rpc-url", "http://h:port", can_run=False)
    assert "cannot be understood" in found["node"][0]["what"]


def test_missing_undo_file(blocks: Path) -> None:
    (blocks / "rev00000.dat").unlink()
    found = doctor("--blocks-dir", blocks, can_run=False)
    assert "rev00000.dat is missing (1 of 2 files are)" in found["block files"][0]["what"]


def test_missing_block_file(blocks: Path) -> None:
    for kind in ("blk", "rev"):
        (blocks / f"{kind}00000.dat").rename(blocks / f"{kind}00002.dat")
    found = doctor("--blocks-dir", blocks, can_run=False)
    assert "blk00000.dat is missing (4 of 6 files are)" in found["block files"][0]["what"]


def test_missing_xor_key(blocks: Path) -> None:
    (blocks / "xor.dat").unlink()
    found = doctor("--blocks-dir", blocks, can_run=False)
    assert "xor.dat" in found["block files"][0]["action"]


def test_not_a_blocks_directory(tmp_path: Path) -> None:
    assert doctor("--blocks-dir", tmp_path, can_run=False)["block files"][0]["state"] == "problem"
    assert doctor("--blocks-dir", "/none", can_run=False)["block files"][0]["state"] == "problem"


def test_data_directory_of_another_network(economy: Path) -> None:
    args = ["--blocks-dir", MAINNET_EARLY.blocks_dir, "--data-dir", economy]
    found = doctor(*args, can_run=False)
    assert "blocks 0 to 531 of regtest" in found["data directory"][0]["what"]
    assert "on mainnet, the data directory holds regtest" in found["network"][0]["what"]


def test_data_directory_of_a_newer_schema(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "work.duckdb")) as con:
        con.execute("CREATE TABLE schema_version AS SELECT 999 AS version")
    found = doctor("--blocks-dir", ECONOMY.blocks_dir, "--data-dir", tmp_path, can_run=False)
    assert "schema 999" in found["data directory"][0]["what"]


def test_data_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    args = ["--blocks-dir", ECONOMY.blocks_dir, "--data-dir", tmp_path / "file"]
    assert "cannot be written" in doctor(*args, can_run=False)["data directory"][0]["what"]


def test_faulty_labels(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("address,exchange,colour\n")
    args = ["--blocks-dir", ECONOMY.blocks_dir, "--exchanges", labels]
    assert "colour" in doctor(*args, can_run=False)["labels and prices"][0]["what"]


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage)
    found = doctor("--blocks-dir", ECONOMY.blocks_dir, can_run=False)
    assert found["disk"][0]["state"] == "problem"


def test_text_for_people_has_all_findings_and_settings_with_v() -> None:
    args = ["doctor", "--blocks-dir", ECONOMY.blocks_dir]
    text = minerflow(*args).stdout
    assert "ok      block files: " in text
    assert text.endswith("a job could run\n")
    assert "\nsettings\n" not in text
    verbose = minerflow(*args, "-v").stdout
    assert f"blocks_dir       {ECONOMY.blocks_dir}  (command line)" in verbose
    problems = minerflow("doctor", exit_code=1).stdout
    assert "PROBLEM block files: " in problems
    assert problems.endswith("a job could not run yet\n")
