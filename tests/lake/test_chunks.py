"""What the lake's writer promises beyond the bytes it writes."""

from __future__ import annotations

import errno
from pathlib import Path
from unittest.mock import patch

import pytest

from etl.disk.files import sync_tree
from etl.lake.chunk import ChunkWriter
from etl.lake.columns import TABLES


def test_what_the_disk_says_of_an_early_batch_is_not_lost(tmp_path: Path) -> None:
    """A disk reports a failed write once, to whoever syncs first, and that is not the commit."""
    failures = [OSError(errno.EIO, "the disk is failing")]

    def failing_once(folder: Path) -> None:
        if failures:
            raise failures.pop()
        sync_tree(folder)

    writer = ChunkWriter(tmp_path, 0, 0)
    with patch("etl.lake.chunk.sync_tree", failing_once):
        writer.write({name: schema.empty_table() for name, schema in TABLES.items()})
        with pytest.raises(OSError, match="the disk is failing"):
            writer.commit(
                first_height=0, last_height=0, prev_hash="", last_hash="", network="regtest",
                has_input_scripts=False,
            )  # fmt: skip
    writer.discard()
    assert list(tmp_path.iterdir()) == []
