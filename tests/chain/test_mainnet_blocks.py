"""Real mainnet blocks of all eras: they parse, and the outputs that they spend survive undo data.

The prevouts that tests/data/mainnet_blocks holds are written as Bitcoin Core writes undo data, put into a
blocks directory with their block, and read back through the source's undo path.
"""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from etl.chain.address_reading import address_id, address_of, script_kind, script_of
from etl.chain.blocks import BlockColumns, decode_blocks
from etl.chain.networks import MAINNET
from etl.chain.scripts import P2PK, identify
from etl.chain.spent import SpentColumns, decode_spent
from etl.sources.blockfiles.source import BlockFilesChunk
from etl.sources.blockfiles.undo import BlockPlace
from tests.support.blockfiles import MAINNET_MAGIC, read_records, undo_path, write_directory
from tests.support.encoding import Spent, block_undo, merkle_root, undo_checksum

FOLDER = Path(__file__).parent.parent / "data" / "mainnet_blocks"
KEY = bytes.fromhex("0123456789abcdef")
BIP34_HEIGHT = 227_931


@dataclass(frozen=True)
class RealBlock:
    """A row of the manifest."""

    height: int
    hash: str
    tx_count: int
    size: int
    has_prevouts: bool

    @property
    def raw(self) -> bytes:
        """As serialised."""
        return (FOLDER / f"{self.height}.blk").read_bytes()

    def prevouts(self) -> list[dict[str, object]]:
        """The outputs spent, in the order of the inputs."""
        with gzip.open(FOLDER / f"{self.height}.prevouts.json.gz") as file:
            found: list[dict[str, object]] = json.load(file)["prevouts"]
        return found


def _real_blocks() -> list[RealBlock]:
    with (FOLDER / "manifest.csv").open(newline="") as file:
        return [
            RealBlock(
                int(row["height"]), row["hash"], int(row["tx_count"]), int(row["size"]),
                row["has_prevouts"] == "yes",
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip


BLOCKS = _real_blocks()
WITH_PREVOUTS = [block for block in BLOCKS if block.has_prevouts]


@cache
def _decoded(block: RealBlock) -> BlockColumns:
    data = np.frombuffer(bytearray(block.raw), dtype=np.uint8)
    return decode_blocks(data, np.array([0, len(data)], dtype=np.int64), block.height, "test")


def _rows(hashes: np.ndarray) -> list[bytes]:
    return [row.tobytes() for row in hashes]


def test_the_manifest_lists_every_file() -> None:
    assert sorted(FOLDER.glob("*.blk")) == sorted(FOLDER / f"{b.height}.blk" for b in BLOCKS)
    assert len(BLOCKS) == 30
    assert len(WITH_PREVOUTS) == len(list(FOLDER.glob("*.prevouts.json.gz"))) == 16


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: str(block.height))
def test_every_block_parses(block: RealBlock) -> None:
    found = _decoded(block)
    assert _rows(found.block_hash) == [bytes.fromhex(block.hash)[::-1]]
    assert found.tx_count.tolist() == [block.tx_count] == [len(found.txid)]
    assert found.size.tolist() == [block.size] == [len(block.raw)]
    assert merkle_root(_rows(found.txid)) == block.raw[36:68]
    assert found.output_count.sum() == len(found.value_sat) == len(found.script_offset) - 1
    assert found.input_count[0] == 0 < found.input_count[1:].min(initial=1)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: str(block.height))
def test_coinbases_claim_the_subsidy_and_name_their_height(block: RealBlock) -> None:
    """None of these left any of its subsidy; since BIP 34 the script starts with the height."""
    found = _decoded(block)
    claimed = int(found.value_sat[: found.output_count[0]].sum())
    halvings = block.height // 210_000
    assert claimed >= (50 * 10**8 >> halvings)
    if block.height >= BIP34_HEIGHT:
        script = found.coinbase_script.tobytes()
        assert int.from_bytes(script[1 : 1 + script[0]], "little") == block.height


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: str(block.height))
def test_every_output_has_an_identity_that_leads_back(block: RealBlock) -> None:
    found = _decoded(block)
    kinds, ids = identify(found.script, found.script_offset)
    bounds = zip(found.script_offset[:-1], found.script_offset[1:], strict=True)
    for kind, number, (start, end) in zip(kinds.tolist(), ids.tolist(), bounds, strict=True):
        script = found.script[start:end].tobytes()
        address = address_of(script, MAINNET)
        back = script_of(address, MAINNET)
        assert script_kind(script) == kind
        assert address_id(back) == number
        assert back == script or kind == P2PK


def _groups(block: RealBlock) -> list[list[Spent]]:
    """The block's prevouts by transaction; their heights are not known and made up."""
    spent = iter(
        Spent(int(str(p["value"])), bytes.fromhex(str(p["script"])), height=block.height - 1 - i % 3)
        for i, p in enumerate(block.prevouts())
    )
    counts = _decoded(block).input_count.tolist()
    groups = [[next(spent) for _ in range(count)] for count in counts[1:]]
    assert next(spent, None) is None, "prevouts are left over"
    return groups


def _place(block: RealBlock, offset: int) -> BlockPlace:
    return BlockPlace(
        height=block.height, file_number=0, offset=offset, size=block.size, rank=0,
        previous_hash=block.raw[4:36], rivals=(),
        subsidy_sat=MAINNET.subsidy_sat(block.height),
    )  # fmt: skip


def _read_back(directory: Path, blocks: list[RealBlock], undos: list[bytes]) -> SpentColumns:
    """The spent outputs of the blocks, by way of a block file and an undo file in another order."""
    records = [
        (undo, undo_checksum(block.raw[4:36], undo)) for block, undo in zip(blocks, undos, strict=True)
    ]
    write_directory(directory, [([b.raw for b in blocks], records[::-1])], KEY, MAINNET_MAGIC)
    starts = [8 + sum(8 + block.size for block in blocks[:i]) for i in range(len(blocks))]
    places = tuple(_place(block, start) for block, start in zip(blocks, starts, strict=True))
    chunk = BlockFilesChunk(blocks_dir=directory, opened=0, key=KEY, magic=MAINNET_MAGIC, places=places)
    (raw,) = chunk.batches(1 << 30)
    columns = decode_blocks(raw.block, raw.block_offset, blocks[0].height, raw.origin)
    assert _rows(columns.txid) == [txid for block in blocks for txid in _rows(_decoded(block).txid)]
    assert raw.spent_format == "undo"
    assert raw.spent.tobytes() == b"".join(undos)
    return decode_spent(
        raw.spent, raw.spent_offset, raw.spent_format, columns.tx_count, columns.input_count,
        blocks[0].height, raw.origin,
    )  # fmt: skip


def _scripts(spent: SpentColumns) -> list[bytes]:
    bounds = zip(spent.script_offset[:-1], spent.script_offset[1:], strict=True)
    return [spent.script[start:end].tobytes() for start, end in bounds]


@pytest.mark.parametrize("block", WITH_PREVOUTS, ids=lambda block: str(block.height))
def test_spent_outputs_survive_undo_data(block: RealBlock, tmp_path: Path) -> None:
    undo = block_undo(_groups(block))
    found = _read_back(tmp_path / "blocks", [block], [undo])
    expected = block.prevouts()
    assert found.value_sat.tolist() == [prevout["value"] for prevout in expected]
    scripts = [bytes.fromhex(str(prevout["script"])) for prevout in expected]
    assert _scripts(found) == scripts
    _, ids = identify(found.script, found.script_offset)
    assert ids.tolist() == [address_id(script) for script in scripts]
    assert [address_of(s, MAINNET) for s in _scripts(found)] == [
        address_of(script, MAINNET) for script in scripts
    ]
    (record,) = read_records(undo_path(tmp_path / "blocks"), KEY, MAINNET_MAGIC)
    assert record.payload == undo


def test_blocks_of_one_file_find_their_own_undo_records(tmp_path: Path) -> None:
    blocks = [block for block in WITH_PREVOUTS if block.tx_count > 1]
    groups = [_groups(block) for block in blocks]
    found = _read_back(tmp_path / "blocks", blocks, [block_undo(each) for each in groups])
    spent = [each for block in groups for group in block for each in group]
    assert found.value_sat.tolist() == [each.value_sat for each in spent]
    assert _scripts(found) == [each.script for each in spent]


@pytest.mark.parametrize("block", WITH_PREVOUTS, ids=lambda block: str(block.height))
def test_no_transaction_pays_more_than_it_spends(block: RealBlock) -> None:
    """Prevouts and outputs belong together: fees are not negative and cover what the coinbase adds."""
    found = _decoded(block)
    ends = np.cumsum(found.output_count)
    paid = np.add.reduceat(found.value_sat, ends - found.output_count)
    spent = [sum(each.value_sat for each in group) for group in _groups(block)]
    fees = np.array(spent, dtype=np.int64) - paid[1:]
    assert (fees >= 0).all()
    assert paid[0] <= MAINNET.subsidy_sat(block.height) + fees.sum()


def test_keys_are_stored_as_half_their_point(tmp_path: Path) -> None:
    """Block 170 spends the 50 BTC of block 9, paid to a full key."""
    block = next(block for block in WITH_PREVOUTS if block.height == 170)
    (group,) = _groups(block)
    undo = block_undo([group])
    key = group[0].script[1:66]
    assert script_kind(group[0].script) == P2PK
    assert key not in undo
    assert undo.endswith(bytes([4 | key[-1] & 1]) + key[1:33])
    assert len(undo) == 2 + 2 + 1 + 1 + 33  # counts, height 169 and its zero, 50 BTC, script
    assert _scripts(_read_back(tmp_path / "blocks", [block], [undo])) == [group[0].script]
