"""kill -9 at any point: the next run ends as if nothing had happened, and readers never notice."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest

from etl.disk.datadir import DataDirectory
from tests.durability.blocktree import ancestor, extended, genesis, write_exchanges
from tests.durability.kernel import Kernel
from tests.durability.killjob import SMALL, STARTED, Spec, run
from tests.durability.reader import Reader
from tests.durability.results import Results, differing, published_results
from tests.support.properties import scaled

KILLS = scaled(5, 240)
"""Of them two thirds at fault points inside the process, the others by the clock."""


@dataclass(frozen=True)
class Scenario:
    """A job on a data directory as it was before; what it ends in and how it gets there."""

    spec: Spec
    before: Path | None
    expected: Results
    lines: dict[str, int]
    seconds: float


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """The same small pieces in this process, which runs the next run, as in those that are killed."""
    with pytest.MonkeyPatch.context() as patched:
        for module, name, value in SMALL:
            patched.setattr(module, name, value)
        yield


def _start(spec: Spec) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.durability.killjob", json.dumps(asdict(spec))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == STARTED
    return process


def _scenario(spec: Spec, before: Path | None) -> Scenario:
    """Run the job undisturbed, in a process of its own, on a copy of `before`."""
    _reset(Path(spec.data_dir), before)
    lines = Path(spec.data_dir).with_suffix(".lines")
    start = time.monotonic()
    with _start(replace(spec, lines_to=str(lines))) as process:
        assert process.wait() == 0
    seconds = time.monotonic() - start
    expected = published_results(Path(spec.data_dir))
    return Scenario(spec, before, expected, json.loads(lines.read_text()), seconds)


def _reset(data_dir: Path, before: Path | None) -> None:
    shutil.rmtree(data_dir, ignore_errors=True)
    if before is not None:
        shutil.copytree(before, data_dir, copy_function=shutil.copy2)


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> list[Scenario]:
    """Backfill, update, update over a reorganisation, restate with other labels, and two workers."""
    folder = tmp_path_factory.mktemp("kill")
    rng = random.Random(7)
    exchanges, none = write_exchanges(folder / "exchanges.csv"), folder / "none.csv"
    none.write_text("address,exchange,source\n")
    short = extended(genesis(), 140, rng)
    long = extended(short, 24, rng)
    rival = extended(ancestor(short, 125), 45, rng)
    kernels = {name: Kernel(folder / name) for name in ("short", "long", "rival")}
    for name, tip in (("short", short), ("long", long), ("rival", rival)):
        kernels[name].connect(tip)
    blocks = {name: str(kernel.blocks_dir) for name, kernel in kernels.items()}
    before = folder / "before"
    backfill = Spec("backfill", str(folder / "job"), blocks["short"], str(exchanges))
    run(replace(backfill, data_dir=str(before)))
    update = replace(backfill, command="update")
    found = [
        _scenario(backfill, None),
        _scenario(replace(update, blocks_dir=blocks["long"]), before),
        _scenario(replace(update, blocks_dir=blocks["rival"]), before),
        _scenario(replace(update, command="restate", exchanges=str(none)), before),
        _scenario(replace(backfill, workers=2), None),
    ]
    merged = [site for site in found[1].lines if site.startswith("etl.tracking.store.merging")]
    assert len(merged) > 50, "the update merges nothing"
    return found


def _kill_at_a_line(scenario: Scenario, rng: random.Random) -> str:
    site = rng.choice(sorted(scenario.lines))
    hit = rng.choice([1, scenario.lines[site], rng.randint(1, scenario.lines[site])])
    with _start(replace(scenario.spec, site=site, hit=hit)) as process:
        process.wait()
    return f"{site}, time {hit} (exit {process.returncode})"


def _kill_by_the_clock(scenario: Scenario, rng: random.Random) -> str:
    after_s = rng.uniform(0, scenario.seconds)
    with _start(scenario.spec) as process:
        time.sleep(after_s)
        process.kill()
        process.wait()
    return f"{after_s:.2f} s (exit {process.returncode})"


def test_killed_at_any_point(scenarios: list[Scenario]) -> None:
    rng = random.Random(scaled(1, 2))
    killed = opened = 0
    with Reader() as reader:
        for number in range(KILLS):
            scenario = scenarios[number % len(scenarios)]
            data_dir = DataDirectory(Path(scenario.spec.data_dir))
            _reset(data_dir.path, scenario.before)
            reader.watch(data_dir.published)
            kill = _kill_by_the_clock if number % 3 == 2 else _kill_at_a_line
            where = kill(scenario, rng)
            killed += "exit -9" in where
            run(replace(scenario.spec, workers=1))
            opened += reader.stop()
            differ = differing(published_results(data_dir.path), scenario.expected)
            assert differ == [], f"{scenario.spec.command} killed at {where}"
            assert not list(data_dir.path.rglob("*.tmp")), where
    assert killed >= KILLS * 0.8
    assert opened > KILLS


def test_what_appears_was_synced_before(scenarios: list[Scenario], monkeypatch: pytest.MonkeyPatch) -> None:
    """Power loss: no name is given to contents that are not on the disk, and the name is synced too."""
    synced: set[int] = set()
    unsynced: list[str] = []
    renamed_in: list[str] = []
    fsync, rename, replace_ = os.fsync, os.rename, os.replace

    def recording_fsync(descriptor: int) -> None:
        fsync(descriptor)
        status = os.fstat(descriptor)
        synced.add(status.st_ino)
        renamed_in[:] = [folder for folder in renamed_in if Path(folder).stat().st_ino != status.st_ino]

    def check(source: str | Path, target: str | Path) -> None:
        inside = [Path(source), *Path(source).rglob("*")]
        if not str(target).endswith((".tmp", ".damaged")):
            unsynced.extend(str(path) for path in inside if path.stat().st_ino not in synced)
        renamed_in.append(str(Path(target).parent))

    def recording_rename(source: str | Path, target: str | Path) -> None:
        check(source, target)
        rename(source, target)

    def recording_replace(source: str | Path, target: str | Path) -> None:
        check(source, target)
        replace_(source, target)

    monkeypatch.setattr(os, "fsync", recording_fsync)
    monkeypatch.setattr(os, "rename", recording_rename)
    monkeypatch.setattr(os, "replace", recording_replace)
    for scenario in scenarios[:3]:
        _reset(Path(scenario.spec.data_dir), scenario.before)
        run(replace(scenario.spec, workers=1))
    assert unsynced == []
    assert renamed_in == []
