"""What the tracker carries on beside records: sums, the running day, coinbases; one small file per delta.

Invariant: of the running day and of the coinbases a delta holds what its own blocks add, so a file grows
with these; sums are whole, those after its last block.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clustering.waking import Carry
from etl.compiled.sorting import distinct
from etl.disk.files import named, sync_file
from etl.tracking.store.segment import damaged


def joined(carries: Sequence[Carry]) -> Carry:
    """Of deltas that follow each other, as of one."""
    latest = carries[-1]
    today = [carry for carry in carries if carry.active_day == latest.active_day]
    return Carry(
        latest.supply, latest.active_day,
        distinct(np.concatenate([carry.active_ids for carry in today])),
        distinct(np.concatenate([carry.active_others for carry in today])),
        np.concatenate([carry.coinbases for carry in carries]),
    )  # fmt: skip


def write_carry(path: Path, carry: Carry) -> str:
    """Write it and have the disk hold it; returns the SHA-256 of the file."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, supply=carry.supply, active_day=np.array([carry.active_day]), active_ids=carry.active_ids,
        active_others=carry.active_others, coinbases=carry.coinbases,
    )  # fmt: skip
    with named(path):
        path.write_bytes(buffer.getvalue())
    sync_file(path)
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def read_carry(path: Path, digest: str) -> Carry:
    """Read it. Raises StoreDamaged where the file is not what was written."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise damaged(path, "it is missing") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise damaged(path, "it is not what was written")
    arrays = np.load(io.BytesIO(content))
    day = int(arrays["active_day"][0])
    return Carry(arrays["supply"], day, arrays["active_ids"], arrays["active_others"], arrays["coinbases"])
