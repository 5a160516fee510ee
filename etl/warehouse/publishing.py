"""Whether the published database is what the work database says.

Invariant: the note exists only while nothing has been written to the work database since it was published, so
a run that finds a fitting note need not write the published database again. It is deleted before every write,
and fits no other file that somebody puts in the place of either.
"""

from __future__ import annotations

import json
import random
import zlib
from pathlib import Path
from typing import Any

from etl.disk.datadir import DataDirectory
from etl.disk.files import named, write_text
from etl.warehouse.models import sql_digest

_PIECE_BYTES = 1 << 24
"""The file is summed up piece by piece, so that a part of it can be checked."""
_PIECES_CHECKED = 8
"""In a run that has nothing else to do: 128 MiB, some of a larger file at random."""


def is_published(data_dir: DataDirectory) -> bool:
    """Whether the published file is the one that was written last, from what the work database holds.

    Every command that publishes asks this, also where the work database needs no change. Of a file of more
    than 128 MiB, parts are read at random: bit rot is found in some run.
    """
    note = _note(data_dir)
    if note is None or not data_dir.published.exists():
        return False
    sums = note.pop("pieces")
    if note != _facts(data_dir):
        return False
    chosen = random.sample(range(len(sums)), min(len(sums), _PIECES_CHECKED))
    return all(_sum(data_dir.published, number) == sums[number] for number in chosen)


def changed_bytes(data_dir: DataDirectory) -> int | None:
    """How many bytes of the published file lie in pieces that changed after it was written.

    None where that is not known: a job is to publish it anew.
    """
    note = _note(data_dir)
    if note is None or note["size"] != data_dir.published.stat().st_size:
        return None
    sums: list[int] = note["pieces"]
    return _PIECE_BYTES * sum(_sum(data_dir.published, number) != each for number, each in enumerate(sums))


def note_published(data_dir: DataDirectory) -> None:
    """Remember that the work database has just been published."""
    facts = _facts(data_dir)
    pieces = -(-data_dir.published.stat().st_size // _PIECE_BYTES)
    facts["pieces"] = [_sum(data_dir.published, number) for number in range(pieces)]
    write_text(_path(data_dir), json.dumps(facts))


def forget_published(data_dir: DataDirectory) -> bool:
    """Call this before the work database is written, or to have it published anew.

    Returns whether what is published was made from the work database as it is, by this version's SQL.
    """
    note = _note(data_dir)
    _path(data_dir).unlink(missing_ok=True)
    return note is not None and note.get("sql") == sql_digest()


def _path(data_dir: DataDirectory) -> Path:
    return data_dir.state / "published.json"


def _note(data_dir: DataDirectory) -> dict[str, Any] | None:
    """What was remembered, None where there is nothing that can be used."""
    try:
        note = json.loads(_path(data_dir).read_text())
    except (FileNotFoundError, ValueError):
        return None
    has_sums = isinstance(note, dict) and isinstance(note.get("pieces"), list)
    return note if has_sums else None


def _facts(data_dir: DataDirectory) -> dict[str, Any]:
    published = data_dir.published.stat()
    return {
        "size": published.st_size,
        "mtime_ns": published.st_mtime_ns,
        "work": _stamp(data_dir.work),
        "sql": sql_digest(),
    }


def _stamp(path: Path) -> list[int] | None:
    """Size and time of a file, which tell it from another in its place; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return [found.st_size, found.st_mtime_ns]


def _sum(path: Path, number: int) -> int:
    with named(path), path.open("rb") as file:
        file.seek(number * _PIECE_BYTES)
        return zlib.crc32(file.read(_PIECE_BYTES))
