"""Chains that move, between runs and while they are read: the results are those of the final chain."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from etl.jobs.pipeline import run_backfill, run_restate, run_update
from etl.lake import chunk, extract
from etl.lake import fill as extraction
from etl.options import JobOptions, SourceOptions
from etl.progress import Silent
from etl.tracking import run as tracking
from tests.durability.blocktree import Node, ancestor, extended, genesis, write_exchanges
from tests.durability.kernel import Kernel
from tests.durability.results import differing, published_results
from tests.support.fakechain import Reply
from tests.support.fakenode import FakeNode
from tests.support.golden import ECONOMY, block_files, job_options, node
from tests.support.properties import scaled

DEEPEST = 100
TRUNK = 115
"""Blocks before the first fork: the first outputs can be spent after 100."""


class MovingNode(FakeNode):
    """A fake node whose chain moves at a request."""

    moves_in: int | None = None
    """requests until it moves"""
    next_tip: Node

    def answer(self, path: str, authorization: str | None, body: bytes | None) -> Reply:
        """The answer, from the next chain once it is time."""
        if self.moves_in is not None:
            self.moves_in -= 1
            if self.moves_in <= 0:
                self.moves_in = None
                self.set_chain(self.next_tip.documents())
        return super().answer(path, authorization, body)


class Hook(Silent):
    """Calls back once, at the n-th sign of progress."""

    def __init__(self, count: int, call: Callable[[], None]) -> None:
        self._left = count
        self._call = call

    def advance(self, blocks: int, raw_bytes: int = 0) -> None:
        self._left -= 1
        if self._left == 0:
            self._call()


def _options(data_dir: Path, source: SourceOptions) -> JobOptions:
    exchanges = write_exchanges(data_dir.parent / "exchanges.csv")
    return replace(job_options(ECONOMY, data_dir, source), exchanges=exchanges)


def _check(options: JobOptions, source: SourceOptions, fresh_dir: Path) -> None:
    """The data directory holds what a backfill of the source's chain yields."""
    run_backfill(replace(options, data_dir=fresh_dir, source=source), None, Silent())
    fresh = published_results(fresh_dir)
    entity = published_results(options.data_dir, "entity")
    assert differing(entity, published_results(fresh_dir, "entity")) == []
    run_restate(options, Silent())
    assert differing(published_results(options.data_dir), fresh) == []


def _small_pieces(monkeypatch: pytest.MonkeyPatch, rng: random.Random) -> None:
    monkeypatch.setattr(tracking, "LAST_RANGE", rng.choice([1, 5, 20, 50]))
    monkeypatch.setattr(chunk, "CHUNK_BLOCKS", rng.choice([8, 32, 128]))
    monkeypatch.setattr(extract, "BATCH_BYTES", rng.choice([1, 3000, 32 << 20]))


def _next_tip(tip: Node, tips: list[Node], rng: random.Random, *, heavier: bool) -> Node:
    """A tip of another branch, or of more blocks on this one; rarely one that was active before."""
    if not heavier and rng.random() < 0.25:
        return rng.choice(tips)
    depth = rng.choice([0, 1, 2, rng.randrange(1, DEEPEST + 1), DEEPEST])
    fork = ancestor(tip, max(1, tip.height - depth))
    least = depth + 1 if heavier else max(1, depth - 3)
    return extended(fork, rng.randrange(least, depth + 12), rng)


@pytest.mark.parametrize("seed", range(scaled(1, 15)))
@pytest.mark.parametrize("kind", ["rest", "rpc"])
def test_random_trees_over_a_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, seed: int
) -> None:
    rng = random.Random(f"{kind} {seed}")
    _small_pieces(monkeypatch, rng)
    tip = extended(genesis(), TRUNK, rng)
    fake = MovingNode(tip.documents())
    with fake:
        options = _options(tmp_path / "moved", node(kind, fake))
        run_update(options, Silent())
        tips = [tip]
        for _ in range(scaled(3, 8)):
            fake.next_tip = tip = _next_tip(tip, tips, rng, heavier=False)
            tips.append(tip)
            if rng.random() < 0.5:
                fake.set_chain(tip.documents())
            else:
                fake.moves_in = rng.randrange(1, 60)
            run_update(options, Silent())
        fake.set_chain(tip.documents())
        fake.moves_in = None
        last = run_update(options, Silent())
        if tip.height < (last.last_height or 0):
            pytest.skip("the last chain is but a lower part of the one before")
        _check(options, node(kind, fake), tmp_path / "fresh")


@pytest.mark.parametrize("seed", range(scaled(1, 15)))
def test_random_trees_in_block_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = random.Random(f"files {seed}")
    _small_pieces(monkeypatch, rng)
    monkeypatch.setattr(extraction, "_SMALL_JOB_BLOCKS", 0)
    tip = extended(genesis(), TRUNK, rng)
    kernel = Kernel(tmp_path / "core")
    kernel.connect(tip)
    options = _options(tmp_path / "moved", block_files(kernel.blocks_dir))
    run_update(options, Silent())
    for _ in range(scaled(3, 8)):
        tip = _next_tip(tip, [], rng, heavier=True)
        if rng.random() < 0.5:
            kernel.connect(tip)
            run_update(options, Silent())
        else:
            run_update(options, Hook(rng.randrange(1, 4), partial(kernel.connect, tip)))
            kernel.connect(tip)
    run_update(options, Silent())
    _check(options, options.source, tmp_path / "fresh")


def _switched(tmp_path: Path, first: list[Node]) -> tuple[MovingNode, JobOptions]:
    fake = MovingNode(first[0].documents())
    fake.__enter__()
    options = _options(tmp_path / "moved", node("rest", fake))
    run_update(options, Silent())
    for tip in first[1:]:
        fake.set_chain(tip.documents())
        run_update(options, Silent())
    return fake, options


def test_there_and_back_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A delta of a branch that was left and taken again cuts no rows that span it."""
    monkeypatch.setattr(tracking, "LAST_RANGE", 5)
    rng = random.Random(1)
    trunk = extended(genesis(), TRUNK, rng)
    one = extended(trunk, 20, rng)
    other = extended(trunk, 21, rng)
    fake, options = _switched(tmp_path, [trunk, one, other, one, extended(one, 1, rng)])
    with fake:
        _check(options, node("rest", fake), tmp_path / "fresh")


def test_a_lower_chain_that_differs(tmp_path: Path) -> None:
    """More work in fewer blocks, or blocks declared invalid: chunks above the new tip go too."""
    rng = random.Random(2)
    trunk = extended(genesis(), TRUNK, rng)
    tips = [trunk, extended(trunk, 20, rng)]
    lower = extended(ancestor(trunk, TRUNK - 10), 3, rng)
    fake, options = _switched(tmp_path, [*tips, extended(tips[1], 1, rng), lower])
    with fake:
        _check(options, node("rest", fake), tmp_path / "fresh")


def test_the_report_says_what_was_undone(tmp_path: Path) -> None:
    rng = random.Random(3)
    trunk = extended(genesis(), TRUNK, rng)
    fake, options = _switched(tmp_path, [trunk, extended(trunk, 3, rng)])
    with fake:
        fake.set_chain(extended(ancestor(trunk, TRUNK - 1), 6, rng).documents())
        report = run_update(options, Silent())
    assert report.orphaned_blocks == 4
    assert any(f"above height {TRUNK - 1}" in warning for warning in report.warnings)


def test_a_day_that_ends_where_a_delta_does(tmp_path: Path) -> None:
    """Pools' balances after a block that one of its day followed, and no longer does, are there again."""
    rng = random.Random(4)
    trunk = extended(genesis(), TRUNK, rng)
    same = extended(trunk, 1, rng)
    fake, options = _switched(tmp_path, [trunk, same, extended(trunk, 2, rng), same, trunk])
    with fake:
        fake.set_chain(extended(trunk, 40, rng).documents())
        run_update(options, Silent())
        _check(options, node("rest", fake), tmp_path / "fresh")
