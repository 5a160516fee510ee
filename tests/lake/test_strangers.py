"""A chunk of another chain in the middle of the lake: named, and read anew where there is a source."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from etl.disk.datadir import DataDirectory
from etl.errors import LakeDamaged
from etl.jobs.pipeline import run_backfill, run_restate, run_update
from etl.lake import chunk as chunks
from etl.lake.lake import Lake
from etl.options import JobOptions
from etl.progress import Silent
from tests.durability.blocktree import Node, ancestor, extended, genesis
from tests.durability.results import differing, published_results
from tests.support.fakenode import FakeNode
from tests.support.golden import ECONOMY, job_options, node


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> Node:
    monkeypatch.setattr(chunks, "CHUNK_BLOCKS", 32)
    return extended(genesis(), 127, random.Random(8))


def _indexed(data_dir: Path, tip: Node, fake: FakeNode) -> JobOptions:
    fake.set_chain(tip.documents())
    options = job_options(ECONOMY, data_dir, node("rest", fake))
    run_backfill(options, None, Silent())
    return options


@pytest.mark.parametrize("which", [1, 2, 3])
def test_it_is_named_and_read_anew(tmp_path: Path, chain: Node, which: int) -> None:
    """In the middle, and (which is a reorganisation) at the end."""
    with FakeNode(chain.documents()) as fake:
        other = extended(ancestor(chain, 3), 127, random.Random(9))
        foreign = Lake(DataDirectory(_indexed(tmp_path / "other", other, fake).data_dir).lake)
        options = _indexed(tmp_path / "data", chain, fake)
        expected = published_results(options.data_dir)
        lake = Lake(DataDirectory(options.data_dir).lake)
        stranger = lake.chunks()[which]
        shutil.rmtree(lake.folder(stranger))
        shutil.copytree(foreign.folder(foreign.chunks()[which]), lake.folder(stranger))
        with pytest.raises(LakeDamaged, match="is of another chain than chunk") as caught:
            run_restate(options, Silent())
        assert stranger.name in caught.value.what
        DataDirectory(options.data_dir).work.unlink()
        report = run_update(options, Silent())
    if which < 3:
        assert any(stranger.name in text and "another chain" in text for text in report.warnings)
    assert report.blocks == 32
    assert differing(published_results(options.data_dir), expected) == []
