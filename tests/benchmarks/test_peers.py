"""What peers are given, and that a failing peer is reported."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import peers
from tests.benchmarks.chain_maker import make_chain
from tests.benchmarks.chain_reader import StoredChain
from tests.benchmarks.peer_inputs import (
    MAINNET_MAGIC,
    make_plain_copy,
    make_rpc_answers,
    transaction_count,
    varint,
)
from tests.benchmarks.shape import ChainShape


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> StoredChain:
    out = tmp_path_factory.mktemp("chain")
    make_chain(out, transactions=800, seed=3, shape=ChainShape(transactions_per_block=60))
    return StoredChain(out / "blocks")


@pytest.mark.parametrize(
    ("number", "coded"),
    [(0, "00"), (127, "7f"), (128, "8000"), (255, "807f"), (16511, "ff7f"), (65535, "82fe7f")],
)
def test_varint(number: int, coded: str) -> None:
    assert varint(number).hex() == coded


def test_plain_copy_holds_a_prefix_without_key_and_with_mainnets_magic(
    chain: StoredChain, tmp_path: Path
) -> None:
    copy = make_plain_copy(chain, tmp_path, 400)
    plain = StoredChain(copy.block_folder, magic=MAINNET_MAGIC, undo=False)
    assert plain.hashes == chain.hashes[: copy.blocks]
    last = copy.blocks - 1
    assert 400 <= copy.transactions == copy.whole_blocks(400) < 800
    assert [plain.raw_block(h) for h in (0, last)] == [chain.raw_block(h) for h in (0, last)]
    assert len(json.loads(copy.index_records.read_text())) == copy.blocks


def call(uri: str, content: Any) -> Any:
    port = uri.rsplit(":", 1)[1]
    request = urllib.request.Request(f"http://127.0.0.1:{port}", json.dumps(content).encode())
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def test_server_answers_calls_and_batches(chain: StoredChain, tmp_path: Path) -> None:
    answers = make_rpc_answers(chain, tmp_path, 100)
    height = answers.last_height
    with peers.rpc_server(answers.folder) as uri:
        ask = {"method": "getblockhash", "params": [height], "id": 1}
        block_hash = chain.hashes[height][::-1].hex()
        assert call(uri, ask) == {"result": block_hash, "error": None, "id": 1}
        calls = [{"method": "getblock", "params": [block_hash, v], "id": v} for v in (2, 3)]
        plain, full = (answer["result"] for answer in call(uri, calls))
        assert call(uri, {"method": "nothing", "id": 2})["error"]["code"] == -32601
    assert plain["nTx"] == len(full["tx"]) == transaction_count(chain.raw_block(height))
    assert "prevout" in full["tx"][1]["vin"][0] and "prevout" not in plain["tx"][1]["vin"][0]


def test_a_failing_peer_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(peers, "install", lambda peer, cache: Path(sys.executable))
    monkeypatch.setattr(peers, "make_ready", lambda files: None)
    peer = peers.Peer("nobody", "nobody==1")
    uri = {"uri": "http://127.0.0.1:1", "first_height": 1, "last_height": 2}
    record = peers.measure(peer, tmp_path, "task", 5, runner_task="bitcoin_etl", arguments=uri)
    assert record.error is not None and "bitcoinetl" in record.error
    assert "fails: " in peers.markdown([record])
