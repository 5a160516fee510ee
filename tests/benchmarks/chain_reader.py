"""A plain, slow reader of block files, the judge of the chain maker and the feeder of peers.

It shares no code with the maker. Invariants: every record starts with the magic, and only zero
bytes follow the last one of a file; undo records of one file stand in height order, and each one's
checksum is verified when it is read; every parsed byte string is consumed to its end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

REGTEST_MAGIC = bytes.fromhex("fabfb5da")


def sha256d(data: bytes) -> bytes:
    """SHA-256 of the SHA-256."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


@dataclass(slots=True)
class Reader:
    """Reads numbers off a byte string."""

    data: bytes
    at: int = 0

    def take(self, size: int) -> bytes:
        """The next bytes."""
        self.at += size
        if self.at > len(self.data):
            raise ValueError(f"{self.at - len(self.data)} bytes are missing")
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        """A little-endian integer."""
        return int.from_bytes(self.take(size), "little")

    def compact(self) -> int:
        """A CompactSize, which must be in its shortest form as Core demands."""
        first = self.number(1)
        if first < 0xFD:
            return first
        size, least = {0xFD: (2, 0xFD), 0xFE: (4, 1 << 16), 0xFF: (8, 1 << 32)}[first]
        value = self.number(size)
        if value < least:
            raise ValueError(f"{value} is not written in its shortest form")
        return value

    def string(self) -> bytes:
        """Bytes after their CompactSize."""
        return self.take(self.compact())

    def varint(self) -> int:
        """A VARINT as undo data uses them."""
        value = 0
        while True:
            byte = self.number(1)
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
            value += 1

    def finish(self) -> None:
        """Raise where bytes are left."""
        if self.at != len(self.data):
            raise ValueError(f"{len(self.data) - self.at} bytes are left over")


@dataclass(slots=True)
class TxInput:
    """An input; `txid` is in serialised byte order."""

    txid: bytes
    vout: int
    script_sig: bytes
    sequence: int
    witness: tuple[bytes, ...] = ()


class TxOutput(NamedTuple):
    """An output."""

    value_sat: int
    script: bytes


class SpentOutput(NamedTuple):
    """An output as undo data describes it."""

    height: int
    is_coinbase: bool
    value_sat: int
    script: bytes


@dataclass(slots=True)
class Tx:
    """A transaction; ids are in serialised byte order."""

    raw: bytes
    txid: bytes
    wtxid: bytes
    version: int
    locktime: int
    stripped_size: int
    inputs: list[TxInput]
    outputs: list[TxOutput]


@dataclass(slots=True)
class ParsedBlock:
    """A block; `hash` and `previous` are in serialised byte order."""

    hash: bytes
    version: int
    previous: bytes
    merkle_root: bytes
    time_s: int
    bits: int
    nonce: int
    size: int
    txs: list[Tx]


def parse_tx(r: Reader) -> Tx:
    """Read a transaction with or without witness."""
    start = r.at
    version = r.number(4)
    segwit = r.data[r.at : r.at + 2] == b"\x00\x01"
    r.at += 2 if segwit else 0
    body = r.at
    inputs = [TxInput(r.take(32), r.number(4), r.string(), r.number(4)) for _ in range(r.compact())]
    outputs = [TxOutput(r.number(8), r.string()) for _ in range(r.compact())]
    end = r.at
    if segwit:
        for entry in inputs:
            entry.witness = tuple(r.string() for _ in range(r.compact()))
    locktime = r.number(4)
    raw = r.data[start : r.at]
    stripped = raw[:4] + r.data[body:end] + raw[-4:]
    ids = sha256d(stripped), sha256d(raw)
    return Tx(raw, *ids, version, locktime, len(stripped), inputs, outputs)


def parse_block(raw: bytes) -> ParsedBlock:
    """Read a block."""
    r = Reader(raw)
    version, previous, root = r.number(4), r.take(32), r.take(32)
    time_s, bits, nonce = r.number(4), r.number(4), r.number(4)
    txs = [parse_tx(r) for _ in range(r.compact())]
    r.finish()
    header = sha256d(raw[:80])
    return ParsedBlock(header, version, previous, root, time_s, bits, nonce, len(raw), txs)


def parse_undo(raw: bytes) -> list[list[SpentOutput]]:
    """Read CBlockUndo: the spent outputs of every transaction but the coinbase."""
    r = Reader(raw)
    groups = [[_spent_output(r) for _ in range(r.compact())] for _ in range(r.compact())]
    r.finish()
    return groups


def _spent_output(r: Reader) -> SpentOutput:
    height, is_coinbase = divmod(r.varint(), 2)
    if height and r.varint():
        raise ValueError("the version of a spent output is not 0")
    return SpentOutput(height, bool(is_coinbase), decompress_amount(r.varint()), _script(r))


def _script(r: Reader) -> bytes:
    code = r.varint()
    if code == 0:
        return b"\x76\xa9\x14" + r.take(20) + b"\x88\xac"
    if code == 1:
        return b"\xa9\x14" + r.take(20) + b"\x87"
    if code < 6:
        raise ValueError("compressed keys are not made by the chain maker")
    return r.take(code - 6)


def decompress_amount(code: int) -> int:
    """The inverse of Core's CompressAmount."""
    if code == 0:
        return 0
    code, zeros = divmod(code - 1, 10)
    if zeros == 9:
        return int((code + 1) * 10**9)
    return int((code // 9 * 10 + code % 9 + 1) * 10**zeros)


class Place(NamedTuple):
    """Where a record's payload stands."""

    file_number: int
    offset: int
    size: int


def _xor(data: bytes, key: bytes, offset: int) -> bytes:
    repeated = (key[offset % 8 :] + key[: offset % 8]) * (len(data) // 8 + 1)
    number = int.from_bytes(data, "little")
    mask = int.from_bytes(repeated[: len(data)], "little")
    return (number ^ mask).to_bytes(len(data), "little")


class StoredChain:
    """A blocks directory with one branch, by height."""

    def __init__(self, folder: Path, *, magic: bytes = REGTEST_MAGIC, undo: bool = True) -> None:
        self.folder = folder
        self.magic = magic
        key_file = folder / "xor.dat"
        self.key = key_file.read_bytes() if key_file.exists() else bytes(8)
        self.stored = list(self._scan("blk", 0))
        self.hashes, self.places = self._order()
        self.undo_places = self._match_undo() if undo else {}

    def raw_block(self, height: int) -> bytes:
        """Bytes of the block at `height`."""
        return self._read("blk", self.places[height])

    def raw_undo(self, height: int) -> bytes:
        """Bytes of CBlockUndo of the block at `height`, which is above 0."""
        place = self.undo_places[height]
        data = self._read("rev", place._replace(size=place.size + 32))
        undo, checksum = data[:-32], data[-32:]
        if checksum != sha256d(self.hashes[height - 1] + undo):
            raise ValueError(f"undo checksum of height {height} does not fit")
        return undo

    def _path(self, name: str, number: int) -> Path:
        return self.folder / f"{name}{number:05d}.dat"

    def _read(self, name: str, place: Place) -> bytes:
        with self._path(name, place.file_number).open("rb") as file:
            file.seek(place.offset)
            return _xor(file.read(place.size), self.key, place.offset)

    def _scan(self, name: str, trailer: int) -> Iterator[Place]:
        """Every record of the blk or rev files in the order of the files."""
        for path in sorted(self.folder.glob(f"{name}*.dat")):
            number, at, end = int(path.stem[3:]), 0, path.stat().st_size
            while at + 8 <= end:
                head = self._read(name, Place(number, at, 8))
                if head[:4] != self.magic:
                    self._check_zeros(path, at)
                    break
                size = int.from_bytes(head[4:], "little")
                yield Place(number, at + 8, size)
                at += 8 + size + trailer

    @staticmethod
    def _check_zeros(path: Path, at: int) -> None:
        with path.open("rb") as file:
            file.seek(at)
            if any(file.read()):
                raise ValueError(f"{path.name} holds something else than a record at {at}")

    def _order(self) -> tuple[list[bytes], list[Place]]:
        follower: dict[bytes, tuple[bytes, Place]] = {}
        for place in self.stored:
            header = self._read("blk", place._replace(size=80))
            follower[header[4:36]] = (sha256d(header), place)
        hashes: list[bytes] = []
        places: list[Place] = []
        tip = bytes(32)
        while tip in follower:
            tip, place = follower[tip]
            hashes.append(tip)
            places.append(place)
        if len(places) != len(self.stored):
            raise ValueError(f"{len(self.stored) - len(places)} blocks are not on the chain")
        return hashes, places

    def _match_undo(self) -> dict[int, Place]:
        heights: dict[int, list[int]] = {}
        for height, place in enumerate(self.places[1:], start=1):
            heights.setdefault(place.file_number, []).append(height)
        waiting = {number: iter(found) for number, found in heights.items()}
        matched = {next(waiting[place.file_number]): place for place in self._scan("rev", 32)}
        if len(matched) != len(self.places) - 1:
            raise ValueError(f"{len(matched)} undo records for {len(self.places)} blocks")
        return matched
