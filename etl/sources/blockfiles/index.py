"""The records of all block files, remembered between runs.

Invariant: what is remembered of a file counts only while its size and time of change are the same, and the
XOR key and magic too; the last file, to which the node still adds, is always looked at anew; a memory that
cannot be read, or holds what no file can, is dropped, and one that cannot be written is left out. Without it
a daily run would touch a page of disk per block of the whole chain.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from etl.chain.blocks import HEADER_SIZE
from etl.compiled.arrays import Bytes
from etl.disk.files import sync_file
from etl.sources.blockfiles.records import Records, block_file, unreadable_named
from etl.sources.blockfiles.scan import scan_blocks

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Remembered:
    size: int
    changed_ns: int
    records: Records


def find_records(
    blocks_dir: Path, numbers: list[int], key: Bytes, magic: bytes, memory: Path | None
) -> list[Records]:
    """Records of each numbered file; `memory` is a file to remember them in, or None for none."""
    secret = key.tobytes() + magic
    known = _load(memory, secret) if memory is not None else {}
    found: dict[int, _Remembered] = {}
    for number in numbers:
        path = block_file(blocks_dir, number)
        with unreadable_named(path):
            facts = path.stat()
        remembered = known.get(number)
        if remembered is None or (remembered.size, remembered.changed_ns) != (
            facts.st_size, facts.st_mtime_ns,
        ):  # fmt: skip
            records = scan_blocks(path, key, magic)
            remembered = _Remembered(facts.st_size, facts.st_mtime_ns, records)
        found[number] = remembered
    lasting = {number: found[number] for number in numbers[:-1]}
    if memory is not None and any(known.get(n) is not entry for n, entry in lasting.items()):
        _save(memory, secret, lasting)
    return [found[number].records for number in numbers]


def _save(memory: Path, secret: bytes, found: dict[int, _Remembered]) -> None:
    temporary = memory.with_name(memory.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            np.savez(file, **_columns(secret, found))
        sync_file(temporary)
        temporary.replace(memory)
    except OSError as error:
        _log.warning("%s cannot be written (%s): the next run looks at all block files again", memory, error)
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _columns(secret: bytes, found: dict[int, _Remembered]) -> dict[str, Any]:
    records = [entry.records for entry in found.values()]
    return {
        "secret": np.frombuffer(secret, dtype=np.uint8),
        "number": np.array(list(found), dtype=np.int64),
        "file_size": np.array([entry.size for entry in found.values()], dtype=np.int64),
        "changed_ns": np.array([entry.changed_ns for entry in found.values()], dtype=np.int64),
        "garbage": np.array([part.garbage_bytes for part in records], dtype=np.int64),
        "count": np.array([len(part.offset) for part in records], dtype=np.int64),
        "offset": np.concatenate([part.offset for part in records]),
        "size": np.concatenate([part.size for part in records]),
        "head": np.concatenate([part.head for part in records]),
        "torn_count": np.array([len(part.torn_offset) for part in records], dtype=np.int64),
        "torn_offset": np.concatenate([part.torn_offset for part in records]),
        "torn_head": np.concatenate([part.torn_head for part in records]),
    }


def _load(memory: Path, secret: bytes) -> dict[int, _Remembered]:
    """What is remembered, nothing where the file is missing, damaged or of other data."""
    try:
        with memory.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            columns = {name: stored[name] for name in stored.files}
        if columns["secret"].tobytes() != secret:
            return {}
        known = _taken_apart(columns)
    except FileNotFoundError:
        return {}
    except Exception as error:  # a damaged file may fail in any way
        _log.warning("%s cannot be used (%s): all block files are looked at again", memory, error)
        return {}
    return known


def _taken_apart(columns: dict[str, npt.NDArray[Any]]) -> dict[int, _Remembered]:
    """By number of the file. Raises ValueError, KeyError, IndexError."""
    ends, torn_ends = np.cumsum(columns["count"]), np.cumsum(columns["torn_count"])
    if [ends[-1], torn_ends[-1]] != [len(columns["offset"]), len(columns["torn_offset"])]:
        raise ValueError("columns of another length")
    known = {}
    for at, number in enumerate(columns["number"].tolist()):
        rows = slice(int(ends[at] - columns["count"][at]), int(ends[at]))
        torn_rows = slice(int(torn_ends[at] - columns["torn_count"][at]), int(torn_ends[at]))
        records = Records(
            columns["offset"][rows],
            columns["size"][rows],
            columns["head"][rows],
            int(columns["garbage"][at]),
            columns["torn_offset"][torn_rows],
            columns["torn_head"][torn_rows],
        )
        facts = int(columns["file_size"][at]), int(columns["changed_ns"][at])
        _check(records, facts[0])
        known[number] = _Remembered(*facts, records)
    return known


def _check(records: Records, file_size: int) -> None:
    """Raise ValueError for records that no file of that size has."""
    kinds = [each.dtype for each in (records.offset, records.size, records.head)]
    shapes = records.offset.shape, records.size.shape, records.head.shape, records.torn_head.shape
    count, torn_count = len(records.offset), len(records.torn_offset)
    if kinds != [np.int64, np.int64, np.uint8] or shapes != (
        (count,), (count,), (count, HEADER_SIZE), (torn_count, HEADER_SIZE),
    ):  # fmt: skip
        raise ValueError("columns of another form")
    places = np.stack([records.offset, records.offset + records.size], axis=1).ravel()
    if count and (places[0] < 0 or places[-1] > file_size or (np.diff(places) < 0).any()):
        raise ValueError("records outside of their file")
