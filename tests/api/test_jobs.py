"""The jobs of the API as far as nothing is tracked; whole runs go through the commands, which call them."""

from __future__ import annotations

from pathlib import Path

import minerflow
import pytest
from minerflow import errors

from tests.support.fakenode import FakeNode


class Heard:
    """A Progress that remembers what it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def station(self, name: str, total_blocks: int) -> None:
        self.texts.append(name)

    def advance(self, blocks: int, raw_bytes: int = 0) -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        self.texts.append(text)


def test_errors_of_jobs_say_what_to_do(tmp_path: Path) -> None:
    data_dir, none = tmp_path / "data", tmp_path / "none"
    with pytest.raises(errors.BlocksDirectoryError) as caught:
        minerflow.update(data_dir, source="blockfiles", blocks_dir=none)
    assert str(none) in caught.value.what and caught.value.action
    with pytest.raises(errors.BlocksDirectoryError):
        minerflow.backfill(data_dir, "0:10", source="blockfiles", blocks_dir=str(none))
    with pytest.raises(errors.UsageError, match="holds no blocks yet"):
        minerflow.restate(data_dir)


def test_progress_hears_what_is_waited_for(tmp_path: Path) -> None:
    heard = Heard()
    with FakeNode.golden("economy", warm_up_calls=1_000_000) as node:
        url = node.url.replace("//", f"//{node.user}:{node.password}@")
        with pytest.raises(minerflow.TransientError):
            minerflow.backfill(tmp_path, source="rpc", rpc_url=url, timeout_s=0.5, progress=heard)
    assert any("node is starting" in text for text in heard.texts)
    assert node.password not in "".join(heard.texts)
