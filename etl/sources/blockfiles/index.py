"""The records of all block files, remembered between runs.

Invariant: what is remembered of a file counts only while its size and time of change are the same, and the
XOR key and magic too; the last file, to which the node still adds, is always looked at anew. Without this a
daily run would touch a page of disk per block of the whole chain.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from etl.disk.files import sync_file
from etl.sources.blockfiles.records import Records, block_file, scan_records

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


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
        facts = path.stat()
        remembered = known.get(number)
        if remembered is None or (remembered.size, remembered.changed_ns) != (
            facts.st_size, facts.st_mtime_ns,
        ):  # fmt: skip
            records = scan_records(path, key, magic, is_undo=False)
            remembered = _Remembered(facts.st_size, facts.st_mtime_ns, records)
        found[number] = remembered
    lasting = {number: found[number] for number in numbers[:-1]}
    if memory is not None and any(known.get(n) is not entry for n, entry in lasting.items()):
        _save(memory, secret, lasting)
    return [found[number].records for number in numbers]


def _save(memory: Path, secret: bytes, found: dict[int, _Remembered]) -> None:
    records = [entry.records for entry in found.values()]
    temporary = memory.with_name(memory.name + ".tmp")
    with temporary.open("wb") as file:
        np.savez(
            file,
            secret=np.frombuffer(secret, dtype=np.uint8),
            number=np.array(list(found), dtype=np.int64),
            file_size=np.array([entry.size for entry in found.values()], dtype=np.int64),
            changed_ns=np.array([entry.changed_ns for entry in found.values()], dtype=np.int64),
            garbage=np.array([part.garbage_bytes for part in records], dtype=np.int64),
            count=np.array([len(part.offset) for part in records], dtype=np.int64),
            offset=np.concatenate([part.offset for part in records]),
            size=np.concatenate([part.size for part in records]),
            head=np.concatenate([part.head for part in records]),
        )
    sync_file(temporary)
    temporary.replace(memory)


def _load(memory: Path, secret: bytes) -> dict[int, _Remembered]:
    """What is remembered, nothing where the file is missing, damaged or of other data."""
    try:
        with memory.open("rb") as file, np.load(file) as stored:
            arrays = {name: stored[name] for name in stored.files}
        if arrays["secret"].tobytes() != secret:
            return {}
        return _taken_apart(arrays)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}


def _taken_apart(arrays: dict[str, npt.NDArray[np.generic]]) -> dict[int, _Remembered]:
    ends = np.cumsum(arrays["count"].astype(np.int64))
    known = {}
    for at, number in enumerate(arrays["number"].tolist()):
        rows = slice(int(ends[at] - int(arrays["count"][at])), int(ends[at]))
        records = Records(
            arrays["offset"][rows].astype(np.int64),
            arrays["size"][rows].astype(np.int64),
            arrays["head"][rows].astype(np.uint8),
            int(arrays["garbage"][at]),
        )
        facts = int(arrays["file_size"][at]), int(arrays["changed_ns"][at])
        known[number] = _Remembered(*facts, records)
    return known
