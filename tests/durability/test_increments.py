"""A backfill and any sequence of updates end in the same results, byte for byte."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from etl.jobs.pipeline import run_backfill, run_restate, run_update
from etl.lake import chunk, extract
from etl.lake import fill as extraction
from etl.options import JobOptions
from etl.progress import Silent
from etl.tracking import run as tracking
from tests.durability.results import Results, differing, published_results
from tests.support.fakenode import FakeNode
from tests.support.golden import ECONOMY, block_files, job_options, node
from tests.support.properties import FULL, scaled
from tests.support.wire import golden_blocks

BLOCKS = golden_blocks("economy")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Results of one backfill from block files, restated."""
    options = job_options(ECONOMY, tmp_path_factory.mktemp("whole"), block_files(ECONOMY.blocks_dir))
    run_backfill(options, None, Silent())
    before = published_results(options.data_dir)
    run_restate(options, Silent())
    assert differing(published_results(options.data_dir), before) == []
    return before


@pytest.fixture
def fake() -> Iterator[FakeNode]:
    with FakeNode.golden("economy") as running:
        yield running


def _grow(fake: FakeNode, options: JobOptions, tips: list[int]) -> int:
    """Update after each of the tips; returns how many blocks were tracked altogether."""
    tracked = 0
    for tip in tips:
        fake.set_chain(BLOCKS[: tip + 1])
        tracked += run_update(options, Silent()).tracked_blocks
    return tracked


def _check(options: JobOptions, expected: Results) -> None:
    """`entity` is the same at once, `coinmetrics` once ownership learnt later is taken in."""
    entity = published_results(options.data_dir, "entity")
    run_restate(options, Silent())
    assert differing(published_results(options.data_dir), expected) == []
    assert differing(entity, published_results(options.data_dir, "entity")) == []


def _random_tips(rng: random.Random, single_steps: int) -> list[int]:
    """A few long steps and one after another in between."""
    start = rng.randrange(150, 400)
    few = rng.sample(range(start + single_steps, len(BLOCKS) - 1), 3)
    return sorted({start // 2, *range(start, start + single_steps), *few, len(BLOCKS) - 1})


@pytest.mark.skipif(not FULL, reason="one of the long tests: MINERFLOW_FULL=1")
def test_update_after_every_block(
    fake: FakeNode, expected: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "LAST_RANGE", 5)
    options = job_options(ECONOMY, tmp_path, node("rest", fake))
    _grow(fake, options, list(range(len(BLOCKS))))
    _check(options, expected)


@pytest.mark.parametrize("seed", range(scaled(1, 10)))
def test_random_splits(
    fake: FakeNode, expected: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rng = random.Random(seed)
    depth = rng.choice([1, 3, 10, 40])
    monkeypatch.setattr(tracking, "LAST_RANGE", depth)
    monkeypatch.setattr(chunk, "CHUNK_BLOCKS", rng.choice([4, 32, 128, 1024]))
    monkeypatch.setattr(extract, "BATCH_BYTES", rng.choice([1, 20_000, 32 << 20]))
    options = job_options(ECONOMY, tmp_path, node(rng.choice(["rest", "rpc"]), fake))
    tips = _random_tips(rng, scaled(3, 30))
    tracked = _grow(fake, options, tips)
    assert tracked < len(BLOCKS) + len(tips) * 3 * depth, "the store was not used"
    _check(options, expected)


@pytest.mark.parametrize("chunk_blocks", [3, 100, 1000] if FULL else [100])
@pytest.mark.parametrize("batch_bytes", [1, 50_000] if FULL else [50_000])
@pytest.mark.parametrize("workers", [1, 2])
def test_chunks_batches_and_workers_change_nothing(
    expected: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    chunk_blocks: int, batch_bytes: int, workers: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(chunk, "CHUNK_BLOCKS", chunk_blocks)
    monkeypatch.setattr(extract, "BATCH_BYTES", batch_bytes)
    monkeypatch.setattr(extraction, "_SMALL_JOB_BLOCKS", 0)
    options = replace(job_options(ECONOMY, tmp_path, block_files(ECONOMY.blocks_dir)), workers=workers)
    run_backfill(options, None, Silent())
    assert differing(published_results(tmp_path), expected) == []


def test_ranges_backwards_and_forwards(expected: Results, tmp_path: Path) -> None:
    options = job_options(ECONOMY, tmp_path, block_files(ECONOMY.blocks_dir))
    for wanted in ("300:350", "100:360", ":399", "+50", None):
        run_backfill(options, wanted, Silent())
    _check(options, expected)
