"""Where compiled code is kept between runs.

Invariants: the folder's name is a digest of all sources that hold compiled functions or what they call, of
Numba's and Python's version and of the NUMBA_* variables, so code compiled from anything else is never
used; the folder can be written to. Numba is not imported here.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"

_ROOT = Path(__file__).resolve().parent.parent
COMPILED = ("clustering", "etl/compiled", "etl/chain", "etl/sources", "etl/lake")
"""The folders in which compiled functions, and all that they call, stand."""

_log = logging.getLogger(__name__)
_offered: list[Path] = []


def offer(data_dir: Path) -> None:
    """Name a data directory that may keep compiled code where the user has no cache folder."""
    _offered[:] = [data_dir]


def choose() -> Path:
    """The folder to be used: below NUMBA_CACHE_DIR, the user's cache folder or the data directory offered.

    Where none can be written to, a folder below the system's temporary one, and a warning says so.
    """
    name = digest()
    for base in _bases():
        folder = base if base.name == name else base / name
        if _can_be_written(folder):
            return folder
    folder = _temporary() / name
    folder.mkdir(exist_ok=True)
    _log.warning("no cache folder can be written to: code is compiled to %s", folder)
    return folder


def digest() -> str:
    """The name that goes with the sources, the compiler and its settings."""
    found = hashlib.sha256(f"{sys.version} {metadata.version('numba')}".encode())
    for name, value in sorted(os.environ.items()):
        if name.startswith("NUMBA_") and name != VARIABLE:
            found.update(f"{name}={value}\n".encode())
    for folder in COMPILED:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            found.update(f"{path}\n".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def _bases() -> Iterator[Path]:
    if os.environ.get(VARIABLE):
        yield Path(os.environ[VARIABLE])
    if os.environ.get("XDG_CACHE_HOME"):
        yield Path(os.environ["XDG_CACHE_HOME"]) / "minerflow"
    with contextlib.suppress(RuntimeError):  # of a user without a home
        yield Path.home() / ".cache" / "minerflow"
    for data_dir in _offered:
        if data_dir.is_dir():
            yield data_dir / "state" / "compiled"


def _can_be_written(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _temporary() -> Path:
    """A folder below the system's temporary one that nobody else can write to: what lies there is run."""
    folder = Path(tempfile.gettempdir()) / f"minerflow-{os.getuid()}"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        facts = folder.lstat()
        is_ours = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid()
        if is_ours and not stat.S_IMODE(facts.st_mode) & 0o077 and _can_be_written(folder):
            return folder
    return Path(tempfile.mkdtemp(prefix="minerflow-"))
