"""A branch that the node has left by `invalidateblock` is still in its block files: a job says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from etl.jobs.left_branch import left_by_node
from etl.jobs.pipeline import run_backfill
from etl.jobs.verify import verify
from etl.options import JobOptions
from etl.progress import Silent
from etl.sources.opening import open_source
from tests.support.fakenode import FakeNode
from tests.support.golden import ECONOMY, block_files, job_options, node
from tests.support.wire import golden_blocks


@pytest.fixture
def fake() -> Iterator[FakeNode]:
    """The node of the economy's block files, which has left the last 12 blocks."""
    with FakeNode(golden_blocks("economy")) as running:
        running.set_chain(golden_blocks("economy")[:520])
        running.core.mark_left_branch("invalid")
        yield running


@pytest.fixture
def options(tmp_path: Path, fake: FakeNode) -> JobOptions:
    source = replace(block_files(ECONOMY.blocks_dir), rpc_url=node("rpc", fake).rpc_url)
    return job_options(ECONOMY, tmp_path, source)


def test_jobs_and_verify_say_so(options: JobOptions) -> None:
    report = run_backfill(options, "510:", Silent())
    (warning,) = report.warnings
    assert "the node has left the blocks 520 to 531" in warning and "--source rest or rpc" in warning
    found = {verdict.subject: verdict for verdict in verify(options, deep=True, progress=Silent())}
    assert found["node"].is_sound is False and "520 to 531" in found["node"].what
    assert found["tip"].is_sound  # these are the blocks of the files


@pytest.mark.parametrize("known", ["none named", "none there", "of another chain"])
def test_where_no_node_says_so_nothing_is_said(
    options: JobOptions, fake: FakeNode, known: str, tmp_path: Path
) -> None:
    source = options.source
    if known == "none named":
        source = replace(source, rpc_url=None)
    elif known == "none there":
        fake.stop()
    else:
        fake.set_chain(golden_blocks("mainnet_early")[:10])
    assert left_by_node(open_source(source, Silent()), source) is None
