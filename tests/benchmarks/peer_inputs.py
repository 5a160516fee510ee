"""What peers can read: plain block files with an index, or answers to getblock.

Peers know mainnet's magic and nothing of XORed files, so they get a copy without the key, with that
magic and without preallocated zero bytes. Invariants: a copy holds every block below a height, in
the files and the order of the original; all inputs are made once per chain and kept in the cache.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.chain_reader import Place, StoredChain, parse_block, parse_undo
from tests.benchmarks.core_json import block_json

MAINNET_MAGIC = bytes.fromhex("f9beb4d9")
CORE_VERSION = 259900
VALID_SCRIPTS_WITH_DATA = 5 | 8


def transaction_count(raw: bytes) -> int:
    """Number of transactions of a raw block."""
    wide = {0xFD: 2, 0xFE: 4}.get(raw[80], 0)
    return int.from_bytes(raw[81 : 81 + wide], "little") if wide else raw[80]


@dataclass(frozen=True)
class PlainCopy:
    """A data directory for peers that read block files."""

    data_directory: Path
    counts: tuple[int, ...]
    """Transactions by height."""

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return len(self.counts)

    @property
    def transactions(self) -> int:
        """Number of transactions."""
        return sum(self.counts)

    @property
    def index_records(self) -> Path:
        """What is to be written into the index, as JSON."""
        return self.data_directory / "index.json"

    def whole_blocks(self, transactions: int) -> int:
        """Transactions of the first blocks that hold `transactions` of them."""
        return next((n for n in accumulate(self.counts) if n >= transactions), self.transactions)

    @property
    def block_folder(self) -> Path:
        """Where the blk files are."""
        return self.data_directory / "blocks"

    @property
    def index(self) -> Path:
        """Core's block index, once `peer_runner` has written it."""
        return self.block_folder / "index"


def make_plain_copy(chain: StoredChain, folder: Path, transactions: int) -> PlainCopy:
    """Copy the blocks that hold the first `transactions` transactions."""
    counts = []
    for height in range(len(chain.places)):
        counts.append(transaction_count(chain.raw_block(height)))
        if sum(counts) >= transactions:
            break
    copy = PlainCopy(folder, tuple(counts))
    if not copy.index_records.exists():
        copy.block_folder.mkdir(parents=True, exist_ok=True)
        places = _copy_blocks(chain, copy)
        records = [_index_record(chain, *row) for row in _index_rows(counts, places)]
        copy.index_records.write_text(json.dumps(records), encoding="utf-8")
    return copy


def _copy_blocks(chain: StoredChain, copy: PlainCopy) -> list[Place]:
    """Write the blk files; gives the new places by height."""
    height_of = {place: height for height, place in enumerate(chain.places[: copy.blocks])}
    places: dict[int, Place] = {}
    for old in chain.stored:
        if old not in height_of:
            continue
        raw = chain.raw_block(height_of[old])
        path = copy.block_folder / f"blk{old.file_number:05d}.dat"
        fresh = old.file_number not in {place.file_number for place in places.values()}
        with path.open("wb" if fresh else "ab") as file:
            at = file.tell() + 8
            file.write(MAINNET_MAGIC + len(raw).to_bytes(4, "little") + raw)
        places[height_of[old]] = Place(old.file_number, at, len(raw))
    return [places[height] for height in range(copy.blocks)]


class IndexRow(NamedTuple):
    """What the block index says about a block."""

    height: int
    transactions: int
    place: Place


def _index_rows(counts: Sequence[int], places: list[Place]) -> Iterator[IndexRow]:
    for height, (count, place) in enumerate(zip(counts, places, strict=True)):
        yield IndexRow(height, count, place)


def varint(number: int) -> bytes:
    """VARINT of Core's serialize.h."""
    digits = [number & 0x7F]
    while number > 0x7F:
        number = (number >> 7) - 1
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))


def _index_record(chain: StoredChain, height: int, transactions: int, place: Place) -> tuple[str, str]:
    """Key and value (CDiskBlockIndex) of Core's block index, in hex."""
    numbers = (CORE_VERSION, height, VALID_SCRIPTS_WITH_DATA, transactions)
    value = b"".join(varint(number) for number in (*numbers, place.file_number, place.offset))
    header = chain.raw_block(height)[:80]
    return (b"b" + chain.hashes[height]).hex(), (value + header).hex()


@dataclass(frozen=True)
class RpcAnswers:
    """A folder for `peer_server`."""

    folder: Path
    first_height: int
    last_height: int
    transactions: int


def make_rpc_answers(chain: StoredChain, folder: Path, transactions: int) -> RpcAnswers:
    """Answers about the last blocks of the chain, until they hold `transactions`."""
    last = first = len(chain.places) - 1
    count = transaction_count(chain.raw_block(last))
    while first > 1 and count < transactions:
        first -= 1
        count += transaction_count(chain.raw_block(first))
    if not (folder / "hashes.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for height in range(first, last + 1):
            _write_answers(chain, folder, height)
        hashes = [block_hash[::-1].hex() for block_hash in chain.hashes[first:]]
        content = json.dumps({"first_height": first, "hashes": hashes})
        (folder / "hashes.json").write_text(content, encoding="utf-8")
    return RpcAnswers(folder, first, last, count)


def _write_answers(chain: StoredChain, folder: Path, height: int) -> None:
    last = len(chain.places) - 1
    block, undo = parse_block(chain.raw_block(height)), parse_undo(chain.raw_undo(height))
    for verbosity in (2, 3):
        answer = block_json(
            block,
            undo,
            height=height,
            tip_height=last,
            median_time_s=_median_time_s(chain, height),
            next_hash=chain.hashes[height + 1] if height < last else None,
            verbosity=verbosity,
        )
        name = f"{chain.hashes[height][::-1].hex()}.{verbosity}.json"
        (folder / name).write_bytes(answer)


def _median_time_s(chain: StoredChain, height: int) -> int:
    headers = [chain.raw_block(h)[68:72] for h in range(max(0, height - 10), height + 1)]
    times = sorted(int.from_bytes(raw, "little") for raw in headers)
    return times[len(times) // 2]
