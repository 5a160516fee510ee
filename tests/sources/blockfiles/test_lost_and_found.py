"""Files as crashes and old releases of Core leave them: the same chain, or an error that names the loss."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.errors import BlockDataError
from etl.sources.blockfiles.source import BlockFilesSource
from tests.bad_input.chains import OTHER_KEY, hash_of, mined, regtest_genesis, undo_record
from tests.chain.random_blocks import Input, Tx
from tests.sources.check import joined
from tests.support.blockfiles import REGTEST_MAGIC, block_path, masked, undo_path
from tests.support.encoding import Spent


def _chain() -> tuple[list[bytes], list[bytes]]:
    """Genesis and seven blocks, and the undo records of the seven; each later block pays once."""
    blocks, undos = [regtest_genesis()], []
    for height in range(1, 8):
        outpoint = hash_of(blocks[-1]) + bytes(4)
        paid = ((height, b"\x00\x14" + bytes([height]) * 20),)
        payments = [Tx((Input(outpoint, b"\x51", b"\xff" * 4, ()),), paid)] if height > 1 else []
        blocks.append(mined(hash_of(blocks[-1]), height, payments))
        undos.append(undo_record(blocks[-1], [[Spent(height, b"\x51", height - 1)] for _ in payments]))
    return blocks, [undo + checksum for undo, checksum in undos]


BLOCKS, UNDOS = _chain()


def _records(payloads: list[bytes], trailer: int) -> list[bytes]:
    return [REGTEST_MAGIC + (len(p) - trailer).to_bytes(4, "little") + p for p in payloads]


R, U = _records(BLOCKS, 0), _records(UNDOS, 32)
"""The records of the block file and of the undo file."""


def _joined(parts: list[bytes]) -> bytes:
    return b"".join(parts)


def _directory(folder: Path, *files: tuple[bytes, bytes]) -> Path:
    folder.mkdir()
    (folder / "xor.dat").write_bytes(OTHER_KEY)
    for number, (blocks, undos) in enumerate(files):
        block_path(folder, number).write_bytes(masked(blocks, OTHER_KEY) + bytes(4096))
        undo_path(folder, number).write_bytes(masked(undos, OTHER_KEY) + bytes(4096))
    return folder


def _check_whole(directory: Path) -> None:
    source = BlockFilesSource(directory)
    assert source.tip_height == 7
    blocks, spent = joined(source.chunk(0, 7).batches(1 << 20))
    assert blocks == BLOCKS
    assert spent == [b"", *(undo[:-32] for undo in UNDOS)]


CASES = {
    "zeros (#14986)": (R[0] + bytes(8) + _joined(R[1:]), _joined(U)),
    "head of an overwritten record (#21379, #11736)": (
        _joined(R[:5]) + R[5][:8] + _joined(R[5:]),
        _joined(U),
    ),
    "the same at the end of the file": (_joined(R) + R[5][:8] + bytes(400), _joined(U)),
    "head without its block, then the node went on": (
        _joined(R[:7]) + R[7][:8] + bytes(len(R[7]) - 8) + _joined(R[7:]),
        _joined(U),
    ),
    "half a block, then the whole one (#5850, #5668)": (
        _joined(R[:5]) + R[5][:150] + _joined(R[5:]),
        _joined(U),
    ),
    "half a block, the whole one last in the file (#5850)": (
        _joined(R[:5]) + R[5][:150] + _joined(R[6:]) + R[5],
        _joined(U),
    ),
    "a block of which only the head was written, its place kept": (
        _joined(R[:5]) + R[5][:150] + bytes(len(R[5]) - 150) + _joined(R[5:]),
        _joined(U),
    ),
    "the undo file": (_joined(R), _joined(U[:4]) + U[4][:8] + _joined(U[4:])),
    "half an undo record": (_joined(R), _joined(U[:4]) + U[4][:30] + _joined(U[4:])),
    "the end of the undo file": (_joined(R), _joined(U) + U[4][:8]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_lost_is_read(tmp_path: Path, case: str) -> None:
    _check_whole(_directory(tmp_path / "blocks", CASES[case]))


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        (_joined(R[:5]) + R[5][:8] + _joined(R[6:]), "builds on .*, which the files do not hold"),
        (_joined(R[:5]) + R[5][:150] + _joined(R[6:]), "is torn: its header is there"),
        (_joined(R[:7]) + R[7][:150], "is torn: its header is there"),
    ],
    ids=["a head alone", "half of it", "half of the last one"],
)
def test_a_lost_block_is_named(tmp_path: Path, blocks: bytes, words: str) -> None:
    folder = _directory(tmp_path / "blocks", (blocks, _joined(U)))
    with block_path(folder).open("r+b") as file:
        file.truncate(len(blocks))
    with pytest.raises(BlockDataError, match=f"{block_path(folder)}, byte .*{words}"):
        BlockFilesSource(folder)


def test_a_torn_block_of_a_stale_branch_is_passed_over(tmp_path: Path) -> None:
    stale = _records([mined(hash_of(BLOCKS[3]), 4, paid=b"\x52")], 0)[0]
    _check_whole(_directory(tmp_path / "blocks", (_joined(R[:5]) + stale[:150] + _joined(R[5:]), _joined(U))))


TWICE = {
    "undo data beside the first copy": ((_joined(R[:6]), _joined(U[:5])), (_joined(R[5:]), _joined(U[5:]))),
    "undo data beside the second copy": ((_joined(R[:6]), _joined(U[:4])), (_joined(R[5:]), _joined(U[4:]))),
    "undo data beside both": ((_joined(R[:6]), _joined(U[:5])), (_joined(R[5:]), _joined(U[4:]))),
    "the first copy damaged": (
        (_joined(R[:6])[:-1] + b"\1", _joined(U[:4])),
        (_joined(R[5:]), _joined(U[4:])),
    ),
    "all blocks and all undo data twice": ((_joined(R), _joined(U)), (_joined(R), _joined(U))),
    "blocks twice in one file": (
        (_joined(R[:6]), _joined(U[:5])),
        (_joined([*R[5:], *R[5:]]), _joined(U[5:])),
    ),
}


@pytest.mark.parametrize("case", TWICE)
def test_a_block_that_lies_there_twice(tmp_path: Path, case: str) -> None:
    """bitcoin/bitcoin#5668: the copy is taken that is whole and lies beside its undo data."""
    _check_whole(_directory(tmp_path / "blocks", *TWICE[case]))


def test_twice_and_nowhere_whole_is_an_error(tmp_path: Path) -> None:
    files = (_joined(R[:6]), _joined(U[:4])), (_joined(R[5:]), _joined(U[5:]))
    source = BlockFilesSource(_directory(tmp_path / "blocks", *files))
    with pytest.raises(BlockDataError, match="undo data of the block at height 5"):
        list(source.chunk(0, 7).batches(1 << 20))
