"""Mutated bytes for the decoders: python -m tests.durability.fuzz COUNT SEED.

With MINERFLOW_CHECKED=1 an index out of bounds is an IndexError instead of a read of whatever lies there.
"""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

if os.environ.pop("MINERFLOW_CHECKED", None):
    os.environ["NUMBA_BOUNDSCHECK"] = "1"

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402

from etl.chain.blocks import BlockColumns, decode_blocks  # noqa: E402
from etl.chain.networks import MAX_MONEY_SAT, REGTEST  # noqa: E402
from etl.chain.spent import SpentFormat, decode_spent  # noqa: E402
from etl.errors import BlockDataError  # noqa: E402
from etl.sources.blockfiles.scan import scan_blocks, scan_undo  # noqa: E402
from etl.sources.blockfiles.source import BlockFilesSource  # noqa: E402
from tests.support.golden import ECONOMY  # noqa: E402
from tests.support.wire import block_bytes, golden_blocks, spent_bytes  # noqa: E402

Bytes = npt.NDArray[np.uint8]

_TELLING = (b"\x00", b"\x01", b"\xfc", b"\xfd", b"\xfe", b"\xff", b"\x7f", b"\x80", b"\xfd\xff\xff",
            b"\xfe\xff\xff\xff\xff", b"\xff" * 9, b"\xfe\x00\x00\x00\x02", b"\x80" * 10)  # fmt: skip


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The bytes with one to four changes: bits flipped, bytes replaced, inserted, left out, cut off."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(changed) + 1)
        kind = rng.randrange(6)
        if kind < 2 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            value = rng.choice(_TELLING)
            changed[at : at + len(value)] = value
        elif kind == 3:
            changed[at:at] = rng.choice(_TELLING)
        elif kind == 4:
            del changed[at : at + rng.choice((1, 1, 4, 32))]
        elif rng.random() < 0.3:
            del changed[at:]
    return bytes(changed)


def _array(content: bytes) -> Bytes:
    return np.frombuffer(bytearray(content), dtype=np.uint8)


def _span(content: bytes) -> npt.NDArray[np.int64]:
    return np.array([0, len(content)], dtype=np.int64)


def _columns(content: bytes) -> BlockColumns:
    return decode_blocks(_array(content), _span(content), 7, "fuzz")


class Corpus:
    """Blocks of the economy with few transactions, as each format has them."""

    def __init__(self) -> None:
        documents = [block for block in golden_blocks("economy")[1:] if len(block["tx"]) <= 8]
        source = BlockFilesSource(ECONOMY.blocks_dir)
        self.blocks = [block_bytes(document) for document in documents]
        self.columns = [_columns(block) for block in self.blocks]
        self.txouts = [spent_bytes(document) for document in documents]
        heights = [document["height"] for document in documents]
        self.undo = [next(source.chunk(h, h).batches(1)).spent.tobytes() for h in heights]


def fuzz_block(corpus: Corpus, rng: random.Random) -> bool:
    """Whether a changed block is taken; if so it has the transactions that its merkle root is of."""
    number = rng.randrange(len(corpus.blocks))
    try:
        columns = _columns(mutated(corpus.blocks[number], rng))
    except BlockDataError:
        return False
    expected = corpus.columns[number]
    assert columns.txid.tobytes() == expected.txid.tobytes()
    assert columns.header[:, 36:68].tobytes() == expected.header[:, 36:68].tobytes()
    assert columns.value_sat.tolist() == expected.value_sat.tolist()
    assert columns.script.tobytes() == expected.script.tobytes()
    return True


def _fuzz_spent(corpus: Corpus, rng: random.Random, kind: SpentFormat, contents: list[bytes]) -> bool:
    number = rng.randrange(len(contents))
    content = mutated(contents[number], rng)
    block = corpus.columns[number]
    try:
        spent = decode_spent(
            _array(content), _span(content), kind, block.tx_count, block.input_count, 7, "fuzz"
        )
    except BlockDataError:
        return False
    assert len(spent.value_sat) == block.input_count.sum()
    assert ((spent.value_sat >= 0) & (spent.value_sat <= MAX_MONEY_SAT)).all()
    assert spent.script_offset[0] == 0
    assert spent.script_offset[-1] == len(spent.script)
    assert (np.diff(spent.script_offset) >= 0).all()
    return True


def fuzz_undo(corpus: Corpus, rng: random.Random) -> bool:
    """Whether changed undo data has the form of the block's."""
    return _fuzz_spent(corpus, rng, "undo", corpus.undo)


def fuzz_txouts(corpus: Corpus, rng: random.Random) -> bool:
    """The same for /rest/spenttxouts."""
    return _fuzz_spent(corpus, rng, "txouts", corpus.txouts)


def fuzz_records(corpus: Corpus, rng: random.Random) -> bool:
    """Whether a changed file of records can be scanned; its records then lie within it."""
    is_undo = rng.random() < 0.5
    contents = corpus.undo if is_undo else corpus.blocks
    parts: list[bytes] = []
    for _ in range(rng.randrange(1, 6)):
        content = rng.choice(contents) if rng.random() < 0.7 else b""
        parts += REGTEST.magic, len(content).to_bytes(4, "little"), content, bytes(32 if is_undo else 0)
    file = mutated(b"".join(parts) * rng.choice((1, 1, 30)), rng) + bytes(rng.choice((0, 3, 50)))
    key = _array(rng.choice((bytes(8), rng.randbytes(8))))
    mask = np.resize(key, len(file))
    path = Path(f"/dev/shm/minerflow-fuzz-{os.getpid()}")
    path.write_bytes((_array(file) ^ mask).tobytes())
    try:
        records = (
            scan_undo(path, key, REGTEST.magic, list) if is_undo else scan_blocks(path, key, REGTEST.magic)
        )
    except BlockDataError:
        return False
    finally:
        path.unlink()
    assert (records.offset >= 8).all()
    assert (records.offset + records.size <= len(file)).all()
    assert (np.diff(records.offset) > records.size[:-1]).all()
    return True


TARGETS: dict[str, Callable[[Corpus, random.Random], bool]] = {
    "block": fuzz_block, "undo": fuzz_undo, "txouts": fuzz_txouts, "records": fuzz_records,
}  # fmt: skip


def run(count: int, seed: int) -> Counter[str]:
    """Fuzz every target `count` times; how often each was given something that it took."""
    corpus, rng = Corpus(), random.Random(seed)
    taken: Counter[str] = Counter()
    for name, fuzz in TARGETS.items():
        for _ in range(count):
            taken[name] += fuzz(corpus, rng)
    return taken


if __name__ == "__main__":
    print(dict(run(int(sys.argv[1]), int(sys.argv[2]))))  # noqa: T201
