from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bad_input.jobs import Refusals, Results, backfill, good_options

EARLIER = "0:399"
"""What is indexed and published already, where a data directory is not new."""


@pytest.fixture(autouse=True)
def _nobodys_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home and an environment without settings, which the command line would read."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name in [name for name in os.environ if name.startswith("MINERFLOW_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What an undisturbed job publishes; tests/test_golden.py holds it against the golden results."""
    return backfill(good_options(tmp_path_factory.mktemp("good")))


@pytest.fixture(scope="session")
def earlier_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a part of the chain is published; not to be changed."""
    options = good_options(tmp_path_factory.mktemp("earlier"))
    backfill(options, EARLIER)
    return options.data_dir


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory, expected: Results) -> Iterator[Refusals]:
    """Jobs on a data directory that does not exist before; in the end a good one."""
    jobs = Refusals(good_options(tmp_path_factory.mktemp("jobs") / "data"), None)
    yield jobs
    jobs.a_good_run_follows(expected)


@pytest.fixture(scope="module")
def earlier(
    tmp_path_factory: pytest.TempPathFactory, earlier_data_dir: Path, expected: Results
) -> Iterator[Refusals]:
    """Jobs on a data directory with an earlier publication; in the end a good one."""
    jobs = Refusals(good_options(tmp_path_factory.mktemp("jobs") / "data"), earlier_data_dir)
    yield jobs
    jobs.a_good_run_follows(expected)


@pytest.fixture(params=["new", "earlier"])
def jobs(request: pytest.FixtureRequest) -> Refusals:
    """Both, one after the other."""
    found: Refusals = request.getfixturevalue(request.param)
    return found
