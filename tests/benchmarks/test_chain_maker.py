"""The chain maker against a plain reader that shares no code with it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pbk
import pytest

from tests.benchmarks.chain_maker import make_chain
from tests.benchmarks.chain_reader import (
    ParsedBlock,
    SpentOutput,
    StoredChain,
    parse_block,
    parse_undo,
    sha256d,
)
from tests.benchmarks.shape import RICH, ChainShape

TRANSACTIONS = 3_000
SHAPE = ChainShape(transactions_per_block=120)
GENESIS_HASH = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
COIN = 100_000_000


@dataclass
class Level:
    """What stands at one height."""

    height: int
    block: ParsedBlock
    undo: list[list[SpentOutput]]


def median_time(times: list[int]) -> int:
    last = sorted(times[-11:])
    return last[len(last) // 2]


def merkle(level: list[bytes]) -> bytes:
    while len(level) > 1:
        level = level + level[-1:] if len(level) % 2 else level
        level = [sha256d(a + b) for a, b in zip(level[::2], level[1::2], strict=True)]
    return level[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("chain")
    make_chain(out, transactions=TRANSACTIONS, seed=7, shape=SHAPE)
    return out


@pytest.fixture(scope="module")
def chain(folder: Path) -> list[Level]:
    """Everything by height; links and undo checksums are verified by the reader."""
    stored = StoredChain(folder / "blocks")
    blocks = [parse_block(stored.raw_block(h)) for h in range(len(stored.places))]
    undo = [[], *(parse_undo(stored.raw_undo(h)) for h in range(1, len(blocks)))]
    return [Level(h, block, undo[h]) for h, block in enumerate(blocks)]


def test_headers(chain: list[Level]) -> None:
    assert chain[0].block.hash[::-1].hex() == GENESIS_HASH
    times = [level.block.time_s for level in chain]
    for height, level in enumerate(chain[1:], start=1):
        assert int.from_bytes(level.block.hash, "little") <= 0x7FFFFF << (8 * 29)
        assert level.block.bits == 0x207FFFFF
        assert level.block.time_s > median_time(times[:height])


def test_blocks_pass_the_checks_of_cores_own_engine(folder: Path) -> None:
    """Serialisation, size, coinbase, amounts, signature operations, proof of work, merkle root."""
    rules = pbk.ChainParameters(pbk.ChainType.REGTEST).consensus_params
    stored = StoredChain(folder / "blocks")
    for height in range(len(stored.places)):
        state = pbk.Block(stored.raw_block(height)).check(rules)
        assert state.validation_mode == pbk.ValidationMode.VALID, height


def test_merkle_roots_and_witness_commitments(chain: list[Level]) -> None:
    for level in chain:
        txs = level.block.txs
        assert level.block.merkle_root == merkle([tx.txid for tx in txs])
        if level.height:
            root = merkle([bytes(32)] + [tx.wtxid for tx in txs[1:]])
            script = bytes.fromhex("6a24aa21a9ed") + sha256d(root + bytes(32))
            assert (0, script) in txs[0].outputs


def test_coinbases_bear_their_height_and_claim_no_more_than_due(chain: list[Level]) -> None:
    for level in chain[1:]:
        height, txs = level.height, level.block.txs
        sig = txs[0].inputs[0].script_sig
        pushed = sig[0] - 0x50 if height <= 16 else int.from_bytes(sig[1 : 1 + sig[0]], "little")
        assert pushed == height and len(sig) <= 100
        spent = sum(coin.value_sat for group in level.undo for coin in group)
        paid = sum(output.value_sat for tx in txs[1:] for output in tx.outputs)
        claimed = sum(output.value_sat for output in txs[0].outputs)
        assert claimed <= (50 * COIN >> height // 150) + spent - paid


def test_inputs_spend_unspent_mature_outputs_that_the_undo_data_repeat(
    chain: list[Level],
) -> None:
    unspent: dict[tuple[bytes, int], SpentOutput] = {}
    for level in chain[1:]:
        assert len(level.undo) == len(level.block.txs) - 1
        for i, tx in enumerate(level.block.txs):
            if i:
                spent = [unspent.pop((entry.txid, entry.vout)) for entry in tx.inputs]
                assert spent == level.undo[i - 1]
                assert all(not c.is_coinbase or level.height - c.height >= 100 for c in spent)
                assert sum(c.value_sat for c in spent) >= sum(o.value_sat for o in tx.outputs)
            for k, (value_sat, script) in enumerate(tx.outputs):
                assert value_sat > 0 or script[0] == 0x6A
                if script[0] != 0x6A:
                    unspent[tx.txid, k] = SpentOutput(level.height, i == 0, value_sat, script)


def test_report_counts_what_is_there(folder: Path, chain: list[Level]) -> None:
    report = json.loads((folder / "chain.json").read_text())
    txs = [tx for level in chain for tx in level.block.txs]
    outputs = [output for tx in txs for output in tx.outputs]
    assert report["transactions"] == TRANSACTIONS == len(txs)
    assert report["last_height"] == len(chain) - 1
    assert report["tip_hash"] == chain[-1].block.hash[::-1].hex()
    assert report["inputs"] == sum(len(group) for level in chain for group in level.undo)
    assert report["outputs"] == len(outputs)
    assert report["addresses"] == len({o.script for o in outputs if o.script[0] != 0x6A})
    assert report["in_block_spends"] > 0


def test_blocks_are_out_of_order_on_disk(folder: Path) -> None:
    stored = StoredChain(folder / "blocks")
    height_of = {place: height for height, place in enumerate(stored.places)}
    heights = [height_of[place] for place in stored.stored]
    assert heights[0] == 0 and heights != sorted(heights)
    assert all(abs(place - height) <= 20 for place, height in enumerate(heights))


def test_same_seed_same_chain_and_plain_files_without_a_key(folder: Path, tmp_path: Path) -> None:
    make_chain(tmp_path, transactions=TRANSACTIONS, seed=7, shape=SHAPE, xor=False)
    plain, stored = StoredChain(tmp_path / "blocks"), StoredChain(folder / "blocks")
    assert plain.hashes == stored.hashes and plain.undo_places == stored.undo_places
    assert plain.key == bytes(8) and any(stored.key)


def test_a_long_chain_spans_files_with_undo_records_in_the_file_of_their_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.benchmarks.chain_writer.FILE_LIMIT_BYTES", 300_000)
    make_chain(tmp_path, transactions=TRANSACTIONS, seed=8, shape=SHAPE)
    stored = StoredChain(tmp_path / "blocks")
    assert stored.places[-1].file_number > 3
    for height in range(1, len(stored.places)):
        assert stored.raw_undo(height)


def test_pools_of_a_rich_chain_pay_most_miners_at_addresses_of_their_own(tmp_path: Path) -> None:
    """60 of 100 payouts, its shape says; otherwise a miner has one, and 30 miners share what a pool pays."""
    fresh = {}
    for name, shape in (("rich", RICH), ("usual", ChainShape())):
        few = replace(shape, transactions_per_block=12, miners=390)
        make_chain(tmp_path / name, transactions=TRANSACTIONS, seed=7, shape=few)
        paid = Counter(_payouts(tmp_path / name))
        fresh[name] = sum(count == 1 for count in paid.values()) / paid.total()
    assert fresh["rich"] > 0.55 and fresh["usual"] < 0.1


def _payouts(folder: Path) -> Iterator[bytes]:
    """Scripts of the outputs of transactions that spend coinbases and pay many."""
    stored = StoredChain(folder / "blocks")
    for height in range(1, len(stored.places)):
        txs = parse_block(stored.raw_block(height)).txs[1:]
        for tx, spent in zip(txs, parse_undo(stored.raw_undo(height)), strict=True):
            if spent[0].is_coinbase and len(tx.outputs) >= 40:
                yield from (each.script for each in tx.outputs)
