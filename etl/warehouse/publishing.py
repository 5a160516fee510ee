"""Whether the published database is what the work database says.

Invariant: the note exists only while nothing has been written to the work database since it was published, so
a run that finds a fitting note need not write the published database again. It is deleted before every write.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from etl.disk.datadir import DataDirectory
from etl.disk.files import write_text
from etl.resources import sql_dir


def is_published(data_dir: DataDirectory) -> bool:
    """Whether the published file is the one that was written last, from what the work database holds."""
    try:
        return bool(json.loads(_note(data_dir).read_text()) == _facts(data_dir))
    except (OSError, ValueError):
        return False


def note_published(data_dir: DataDirectory) -> None:
    """Remember that the work database has just been published."""
    write_text(_note(data_dir), json.dumps(_facts(data_dir)))


def forget_published(data_dir: DataDirectory) -> None:
    """Call this before the work database is written, or to have it published anew."""
    _note(data_dir).unlink(missing_ok=True)


def _note(data_dir: DataDirectory) -> Path:
    return data_dir.state / "published.json"


def _facts(data_dir: DataDirectory) -> dict[str, object]:
    published = data_dir.published.stat()
    return {"size": published.st_size, "mtime_ns": published.st_mtime_ns, "sql": _sql_digest()}


def _sql_digest() -> str:
    """Of the SQL behind derived tables and views, which another version of minerflow may change."""
    digest = hashlib.sha256()
    for path in sorted(sql_dir().rglob("*.sql")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
