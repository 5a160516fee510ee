"""Verdicts of verify: what is wrong is said to be, and nothing else."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from etl.disk.datadir import DataDirectory
from etl.jobs.pipeline import run_backfill, run_update
from etl.jobs.verify import Verdict, verify
from etl.lake import chunk as chunks
from etl.lake.lake import Lake
from etl.options import JobOptions
from etl.progress import Silent
from tests.durability.blocktree import Node, ancestor, extended, genesis
from tests.support.fakenode import FakeNode
from tests.support.golden import ECONOMY, job_options, node
from tests.support.wire import golden_blocks


def _verdicts(options: JobOptions, *, deep: bool = True) -> dict[str, Verdict]:
    return {verdict.subject: verdict for verdict in verify(options, deep=deep, progress=Silent())}


def _soundness(verdicts: dict[str, Verdict]) -> dict[str, bool | None]:
    return {subject: verdict.is_sound for subject, verdict in verdicts.items()}


@pytest.fixture(scope="module")
def chain() -> Node:
    """120 blocks."""
    return extended(genesis(), 120, random.Random(5))


def test_blocks_that_left_the_chain_are_wrong(tmp_path: Path, chain: Node) -> None:
    stale = extended(ancestor(chain, 115), 5, random.Random(6))
    with FakeNode(stale.documents()) as fake:
        options = job_options(ECONOMY, tmp_path, node("rpc", fake))
        run_backfill(options, None, Silent())
        fake.set_chain(chain.documents())
        found = _verdicts(options)
    assert found["lake"].is_sound and found["tip"].is_sound is False
    assert "the blocks 116 to 120 are not in the chain" in found["tip"].what
    assert "minerflow update" in found["tip"].what
    assert not {"sample", "unspent"} & found.keys()


def test_a_source_that_lags_behind_says_nothing_of_the_tip(tmp_path: Path, chain: Node) -> None:
    with FakeNode(chain.documents()) as fake:
        options = job_options(ECONOMY, tmp_path, node("rest", fake))
        run_backfill(options, None, Silent())
        fake.set_chain(ancestor(chain, 110).documents())
        found = _verdicts(options)
    assert found["tip"].is_sound is None and "ends at 110" in found["tip"].what
    assert found["sample"].is_sound


def test_blocks_that_a_node_has_pruned_cost_themselves(tmp_path: Path) -> None:
    with FakeNode(golden_blocks("economy")[:300]) as fake:
        options = job_options(ECONOMY, tmp_path, node("rpc", fake))
        run_backfill(options, None, Silent())
        fake.core.prune_height = 150
        found = _verdicts(options)
        fake.core.prune_height = 300
        nothing = _verdicts(options)
    assert found["sample"].is_sound and "others are not to be had" in found["sample"].what
    assert "50 random" not in found["sample"].what
    assert nothing["sample"].is_sound is None and "pruned" in nothing["sample"].what


def _empty(lake: Lake) -> None:
    shutil.rmtree(lake.directory)


def _bad_manifest(lake: Lake) -> None:
    (lake.directory / lake.chunks()[1].name / chunks.MANIFEST).write_text("{}")


def _lost_chunk(lake: Lake) -> None:
    shutil.rmtree(lake.directory / lake.chunks()[1].name)


@pytest.mark.parametrize(
    ("damage", "is_sound", "words"),
    [
        (_empty, None, "holds no blocks"),
        (_bad_manifest, False, "000000128-000000255"),
        (_lost_chunk, False, "lacks the blocks 128 to 255"),
    ],
)
def test_a_lake_that_is_not_whole(
    options: JobOptions, damage: Callable[[Lake], None], is_sound: bool | None, words: str
) -> None:
    damage(Lake(DataDirectory(options.data_dir).lake))
    found = _verdicts(options)
    assert found["lake"].is_sound is is_sound and words in found["lake"].what
    assert found["checks"].is_sound and not {"tip", "sample"} & found.keys()


class _Meanwhile(Silent):
    """Runs a job once a lake has been begun to be read."""

    def __init__(self, job: Callable[[], object]) -> None:
        self._job: Callable[[], object] | None = job

    def advance(self, blocks: int, raw_bytes: int = 0) -> None:
        job, self._job = self._job, None
        if job is not None:
            job()


def test_an_update_beside_it_is_nothing_wrong(options: JobOptions) -> None:
    """The chunk of blocks 384 to 400 goes while it is to be read, and a wider one is there."""
    update = _Meanwhile(lambda: run_update(options, Silent()))
    found = {v.subject: v for v in verify(options, deep=True, progress=update)}
    assert False not in _soundness(found).values(), found
    assert found["lake"].is_sound and found["tip"].is_sound and found["sample"].is_sound


def test_bit_rot_of_the_published_file_is_found_and_mended(options: JobOptions) -> None:
    run_update(options, Silent())
    published = DataDirectory(options.data_dir).published
    stat, content = published.stat(), bytearray(published.read_bytes())
    assert _verdicts(options, deep=False)["published file"].is_sound
    content[len(content) // 2] ^= 1
    published.write_bytes(content)
    import os

    os.utime(published, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert _verdicts(options, deep=False)["published file"].is_sound is False
    report = run_update(options, Silent())
    assert (report.is_current, report.blocks) == (False, 0)
    assert _verdicts(options, deep=False)["published file"].is_sound
    assert run_update(options, Silent()).is_current


def test_a_node_that_nobody_named_is_not_waited_for(options: JobOptions, tmp_path: Path) -> None:
    core = tmp_path / "core"
    core.mkdir()
    (core / "bitcoin.conf").write_text("regtest=1\n[regtest]\nrpcport=1\nrpcuser=a\nrpcpassword=b\n")
    source = replace(options.source, bitcoin_datadir=core, timeout_s=60.0)
    started = time.monotonic()
    found = _verdicts(replace(options, source=source))
    assert found["sample"].is_sound and found["unspent"].is_sound is None
    assert time.monotonic() - started < 30
