"""What lies in memory when a clock starts: the files that a run reads, and free pages that are really there.

    python -m tests.benchmarks.memory

touches free pages. A host gives a virtual machine a page when it is first touched and may take back what
lies free or holds a file unread for a while; a run that meets such pages measures the host, not the program.
"""

from __future__ import annotations

import mmap
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

TOUCHED_BYTES = 4 << 30
"""At most, which is more than a process of any run needs; pages touched last are handed out first."""
_LEFT_BYTES = 128 << 20
"""Not touched, so that no file has to leave memory."""
_PAGE_BYTES = 4096
_ROOT = Path(__file__).parent.parent.parent


def make_ready(files: Iterable[Path]) -> None:
    """Touch free memory, in a process that ends, then read the files."""
    subprocess.run([sys.executable, "-m", "tests.benchmarks.memory"], cwd=_ROOT, check=True)
    load_files(files)


def load_files(files: Iterable[Path]) -> None:
    """Read files and keep nothing; what fits stays in the system's memory."""
    names = [str(path) for path in files]
    if names:
        subprocess.run(["cat", *names], stdout=subprocess.DEVNULL, check=True)


def stored_files(folder: Path) -> list[Path]:
    """The blk and rev files of a folder."""
    return sorted([*folder.glob("blk*.dat"), *folder.glob("rev*.dat")])


def touch_free_memory() -> None:
    """Touch free pages, up to TOUCHED_BYTES; nothing where the system does not say how many there are."""
    size = min(_free_bytes() - _LEFT_BYTES, TOUCHED_BYTES) // _PAGE_BYTES * _PAGE_BYTES
    if size > 0:
        np.frombuffer(mmap.mmap(-1, size), dtype=np.uint8)[::_PAGE_BYTES] = 1


def _free_bytes() -> int:
    path = Path("/proc/meminfo")
    if not path.exists():
        return 0
    lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return next((int(line[1]) * 1024 for line in lines if line[0] == "MemFree:"), 0)


if __name__ == "__main__":
    touch_free_memory()
