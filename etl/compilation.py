"""Where compiled code is cached between runs.

Invariant: numba looks at the file of a function alone, not at those of the functions that it calls, so the
cache folder's name holds a digest of all sources that hold such functions: code of another version is
never used.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_VARIABLE = "NUMBA_CACHE_DIR"


_COMPILED = ("clustering/*.py", "etl/chain/*.py", "etl/sources/blockfiles/records.py")
"""Where compiled functions stand."""


def _sources() -> list[Path]:
    root = Path(__file__).resolve().parent.parent
    return sorted(path for pattern in _COMPILED for path in root.glob(pattern))


def cache_compiled_code() -> Path:
    """Have numba cache below the user's cache folder; call it before numba is imported.

    A NUMBA_CACHE_DIR that is set already stays in force.
    """
    if _VARIABLE not in os.environ:
        digest = hashlib.sha256()
        for path in _sources():
            facts = path.stat()
            digest.update(f"{path} {facts.st_size} {facts.st_mtime_ns}\n".encode())
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        os.environ[_VARIABLE] = str(base / "minerflow" / digest.hexdigest()[:16])
    return Path(os.environ[_VARIABLE])
