"""Files that this user may not read, or that the disk does not give: an error that names the file."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from etl.errors import BlocksDirectoryError
from etl.sources.blockfiles.source import BlockFilesSource
from tests.support.golden import ECONOMY


@pytest.fixture
def blocks_dir(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ECONOMY.blocks_dir, tmp_path / "blocks"))


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.EMFILE])
@pytest.mark.parametrize("name", ["blk00000.dat", "rev00000.dat"])
def test_a_file_that_cannot_be_opened(
    blocks_dir: Path, monkeypatch: pytest.MonkeyPatch, code: int, name: str
) -> None:
    real = np.memmap

    class Refusing(np.memmap):
        def __new__(cls, path: Path, **options: Any) -> Any:
            if path.name == name:
                raise OSError(code, os.strerror(code))
            return real(path, **options)

    monkeypatch.setattr(np, "memmap", Refusing)
    with pytest.raises(BlocksDirectoryError, match=f"{name} cannot be read: {os.strerror(code)}"):
        BlockFilesSource(blocks_dir).chunk(0, 531).batches(1)


def test_a_directory_that_cannot_be_listed(blocks_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> list[Path]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(BlocksDirectoryError, match=f"{blocks_dir} cannot be read: Permission denied"):
        BlockFilesSource(blocks_dir)
