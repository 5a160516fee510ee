"""Whether a job would find all as the last one left it: told by the names, sizes and times of files alone.

Asked before anything else, so that a run every few minutes with nothing new opens no source and no database.

Invariants: a note is left only by a job that ended with everything published, and of block files as they were
before it opened them; where anything differs, cannot be told or has just been changed, the job runs in full.
A node that is asked for its blocks is always asked.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import clustering
import etl
from etl.disk.datadir import DataDirectory
from etl.disk.failures import failures_named
from etl.disk.files import write_text
from etl.disk.input_files import given_files
from etl.disk.lock import job_lock
from etl.errors import MinerflowError
from etl.jobs.report import RunReport
from etl.options import JobOptions
from etl.resources import config_dir, sql_dir
from etl.sources.node.address import blocks_dir
from etl.warehouse.publishing import is_published

_SETTLED_NS = 2_000_000_000
"""How long a block file must have been left alone: a file system's clock tells later changes apart."""

Facts = dict[str, Any]


def block_facts(options: JobOptions) -> str | None:
    """What tells the block files of a job from later ones; None where there are none, or no lasting ones."""
    if options.source.kind not in ("auto", "blockfiles"):
        return None
    if options.source.blocks_dir is None and options.source.rpc_url is not None:
        return None
    try:
        folder = options.source.blocks_dir or blocks_dir(options.source.bitcoin_datadir)
        rows = sorted(_row(entry) for entry in os.scandir(folder) if entry.name.endswith(".dat"))
    except (OSError, MinerflowError):
        return None
    if not rows or max(changed_ns for _, _, changed_ns in rows) > time.time_ns() - _SETTLED_NS:
        return None
    return _digest([str(folder.resolve()), rows])


def note_end(data_dir: DataDirectory, options: JobOptions, blocks: str | None, report: RunReport) -> None:
    """Remember how a job up to the tip left what it looked at; `blocks`: its `block_facts` at the start."""
    path = _path(data_dir)
    if blocks is None:
        path.unlink(missing_ok=True)
        return
    found = {key: asdict(report)[key] for key in ("source", "network", "first_height", "last_height")}
    text = json.dumps({"facts": _facts(data_dir, options, blocks), "found": found})
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def as_left(command: str, options: JobOptions) -> RunReport | None:
    """The report, saved, of a job up to the tip that has nothing to do; None where it must look.

    Raises MinerflowError.
    """
    data_dir = DataDirectory(options.data_dir)
    if not _path(data_dir).exists():
        return None
    with failures_named(data_dir.path), job_lock(data_dir):
        found = _found(data_dir, options)
        if found is None:
            return None
        report = RunReport(command, **found, is_current=True)
        report.save(data_dir.logs)
        return report


def _found(data_dir: DataDirectory, options: JobOptions) -> dict[str, Any] | None:
    blocks = block_facts(options)
    try:
        note = json.loads(_path(data_dir).read_text(encoding="utf-8"))
        if blocks is None or note["facts"] != _facts(data_dir, options, blocks):
            return None
        found: dict[str, Any] = note["found"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if is_published(data_dir) else None


def _facts(data_dir: DataDirectory, options: JobOptions, blocks: str) -> Facts:
    """Of all that a job looks at but what is published, which `is_published` tells."""
    given = [str(path.resolve()) for path in given_files(options).values()]
    return {
        "minerflow": _digest(_rows(map(str, _program()))),
        "asked": [options.confirmations, options.source.kind],
        "blocks": blocks,
        "files": _digest(_rows([*given, *map(str, data_dir.inputs.iterdir())])),
        "lake": _digest(sorted(map(_row, os.scandir(data_dir.lake)))),
        "work": _rows([str(data_dir.work), f"{data_dir.work}.wal"]),
    }


def _program() -> Iterator[Path]:
    """The files of minerflow itself."""
    packages = Path(etl.__file__).parent, Path(clustering.__file__).parent
    for folder, pattern in (
        *((each, "*.py") for each in packages),
        (sql_dir(), "*.sql"),
        (config_dir(), "*"),
    ):
        yield from folder.rglob(pattern)


def _row(entry: os.DirEntry[str]) -> tuple[str, int, int]:
    facts = entry.stat()
    return entry.name, facts.st_size, facts.st_mtime_ns


def _rows(paths: Iterable[str]) -> list[list[Any]]:
    """Path, size and time of change of each; of one that is missing, -1."""
    rows = []
    for path in sorted(paths):
        try:
            facts = os.stat(path)  # noqa: PTH116, one of thousands
            rows.append([path, facts.st_size, facts.st_mtime_ns])
        except FileNotFoundError:
            rows.append([path, -1, -1])
    return rows


def _digest(rows: list[Any]) -> str:
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _path(data_dir: DataDirectory) -> Path:
    return data_dir.state / "unchanged.json"
