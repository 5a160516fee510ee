"""A network that loses and changes what a node says: the right results or a clear error, nothing else."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from etl.errors import MinerflowError
from etl.jobs.pipeline import run_backfill, run_update
from etl.options import JobOptions
from etl.progress import Silent
from etl.sources.node import connection, retry
from tests.durability.faultproxy import FaultProxy
from tests.durability.results import Results, differing, published_results
from tests.support.fakenode import FakeNode
from tests.support.golden import ECONOMY, job_options, node
from tests.support.properties import scaled
from tests.support.wire import golden_blocks

BLOCKS = golden_blocks("economy")[:221]
INDEXED = 200
"""Blocks that are there before; the others come through the proxy."""
RUNS = scaled(10, 1000)
REQUEST_TIMEOUT_S = 0.3


@pytest.fixture
def fake() -> FakeNode:
    return FakeNode(BLOCKS)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_SHORTEST_REQUEST_TIMEOUT_S", REQUEST_TIMEOUT_S)
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0.005)
    monkeypatch.setattr(retry, "LONGEST_PAUSE_S", 0.05)


def _through(options: JobOptions, proxy: FaultProxy, fake: FakeNode) -> JobOptions:
    url = f"http://{fake.user}:{fake.password}@{proxy.netloc}"
    return replace(options, source=replace(options.source, rpc_url=url, timeout_s=0.2))


def _outcome(options: JobOptions, proxy: FaultProxy, fake: FakeNode) -> str:
    try:
        run_update(_through(options, proxy, fake), Silent())
    except MinerflowError as error:
        assert error.what and error.action
        return type(error).__name__
    return "identical"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", ["rest", "rpc"])
def test_never_wrong_data(fake: FakeNode, tmp_path: Path, kind: str) -> None:
    outcomes: Counter[str] = Counter()
    with fake:
        options = job_options(ECONOMY, tmp_path / "before", node(kind, fake))
        run_backfill(options, f":{INDEXED - 1}", Silent())
        before = published_results(tmp_path / "before")
        run_update(replace(options, data_dir=tmp_path / "expected"), Silent())
        expected = published_results(tmp_path / "expected", "entity")
        for seed in range(RUNS // 2):
            job = replace(options, data_dir=tmp_path / "job")
            shutil.copytree(tmp_path / "before", job.data_dir)
            rate = (0.005, 0.02, 0.1)[seed % 3]
            with FaultProxy("127.0.0.1", fake.address.parts.port or 0, (kind, seed), rate, 0.4) as proxy:
                outcome = _outcome(job, proxy, fake)
            outcomes[outcome] += 1
            _check(job, outcome, before, expected)
            shutil.rmtree(job.data_dir)
    assert outcomes["identical"] > RUNS // 2 * 0.2, outcomes
    assert outcomes.total() > outcomes["identical"], outcomes
    print(kind, dict(outcomes))  # noqa: T201


def _check(job: JobOptions, outcome: str, before: Results, expected: Results) -> None:
    if outcome != "identical":
        assert differing(published_results(job.data_dir), before) == [], outcome
        run_update(job, Silent())  # nothing wrong is left in the lake
    assert differing(published_results(job.data_dir, "entity"), expected) == [], outcome
