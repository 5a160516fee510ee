"""The tracker's state on disk, at a few heights.

Invariants: a checkpoint appears whole, by one rename, and only once the results that end at its height and
those that follow are in the database; checkpoints above the one that a run goes on from are dropped before
its results are loaded. So the rows of the database never reach across the height of a checkpoint. It is
usable only for the same network, first height and digest of inputs, and while the block it names is still
in the chain.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from clustering.tracker import TrackerState
from etl.disk.files import commit, sync_tree

KEPT = 3
"""The latest, and two to fall back on where the chain was reorganised more deeply."""

_META = "checkpoint.json"
_ARRAYS = tuple(field.name for field in fields(TrackerState))


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint stands for: the state after the block at `height`."""

    height: int
    block_hash: str
    network: str
    first_height: int
    digest: str
    arrays_sha256: dict[str, str]


def _folder(directory: Path, height: int) -> Path:
    return directory / f"{height:09d}"


def _pending(directory: Path) -> Path:
    return directory / "pending"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save(
    directory: Path, state: TrackerState, *, height: int, block_hash: str, network: str,
    first_height: int, digest: str,
) -> None:  # fmt: skip
    """Write a checkpoint that counts once `appear` is called."""
    temporary = _pending(directory)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name in _ARRAYS:
        np.save(temporary / f"{name}.npy", getattr(state, name))
    sums = {name: _sha256(temporary / f"{name}.npy") for name in _ARRAYS}
    checkpoint = Checkpoint(height, block_hash, network, first_height, digest, sums)
    (temporary / _META).write_text(json.dumps(asdict(checkpoint), indent=1))
    sync_tree(temporary)


def appear(directory: Path, height: int) -> None:
    """Make the checkpoint that was saved last, at `height`, count; keep the KEPT highest."""
    folder = _folder(directory, height)
    shutil.rmtree(folder, ignore_errors=True)
    commit(_pending(directory), folder)
    kept = {_folder(directory, checkpoint.height) for checkpoint in list(stored(directory))[:KEPT]}
    for other in set(directory.iterdir()) - kept:
        shutil.rmtree(other)


def drop_above(directory: Path, height: int) -> None:
    """Remove the checkpoints above `height`."""
    for folder in directory.glob("?????????"):
        if int(folder.name) > height:
            shutil.rmtree(folder)


def stored(directory: Path) -> Iterator[Checkpoint]:
    """The checkpoints whose description can be read, the highest first."""
    for folder in sorted(directory.glob("?????????"), reverse=True):
        try:
            yield Checkpoint(**json.loads((folder / _META).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            continue


def load(directory: Path, checkpoint: Checkpoint) -> TrackerState | None:
    """The state of a checkpoint, None where its files are not what was written.

    The arrays are the files, mapped; changes stay in memory.
    """
    folder = _folder(directory, checkpoint.height)
    try:
        for name, digest in checkpoint.arrays_sha256.items():
            if _sha256(folder / f"{name}.npy") != digest:
                return None
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="c").view(np.ndarray) for name in _ARRAYS}
    except (FileNotFoundError, ValueError, KeyError):
        return None
    return TrackerState(**arrays)
