"""Nodes that cannot, or will not, give what a job asks for."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from etl.errors import (
    NodeAnswerError,
    NodeIncapable,
    NodeRefused,
    NodeUnreachable,
    NodeWarmingUp,
    WrongChain,
)
from etl.jobs.pipeline import run_backfill
from etl.options import JobOptions
from tests.bad_input.jobs import (
    Refusals,
    Results,
    arguments,
    differing,
    good_options,
    stored_results,
)
from tests.cli.run import minerflow
from tests.support.fakenode import FakeNode
from tests.support.golden import node

SOURCES = ("rpc", "rest")


@pytest.fixture
def fake() -> Iterator[FakeNode]:
    with FakeNode.golden("economy") as running:
        yield running


def _on_node(options: JobOptions, kind: str, fake: FakeNode, timeout_s: float = 20) -> JobOptions:
    return replace(options, source=replace(node(kind, fake), timeout_s=timeout_s))


class _Messages:
    """A Progress that keeps what is said."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def station(self, name: str, total_blocks: int) -> None:
        """Nothing."""

    def advance(self, blocks: int, raw_bytes: int = 0) -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        self.texts.append(text)


def test_a_wrong_password(jobs: Refusals, fake: FakeNode) -> None:
    """REST asks for none."""
    fake.password = "s3cret-and-unique"
    options = _on_node(jobs.options, "rpc", fake)
    fake.password = "another one"
    error = jobs.refused(options, NodeRefused, fake.url, "user or password")
    result = minerflow("backfill", *arguments(options), "-v", exit_code=error.exit_code)
    assert "s3cret" not in str(error) + result.output


def test_a_caller_who_is_not_allowed(jobs: Refusals, fake: FakeNode) -> None:
    fake.forbidden = True
    jobs.refused(_on_node(jobs.options, "rpc", fake), NodeRefused, fake.url, "403")


@pytest.mark.parametrize("kind", SOURCES)
def test_a_pruned_node(new: Refusals, fake: FakeNode, kind: str) -> None:
    fake.core.prune_height = 300
    new.refused(_on_node(new.options, kind, fake), NodeIncapable, fake.url, "pruned", "300")


@pytest.mark.parametrize("kind", SOURCES)
def test_a_pruned_node_gives_what_it_has(
    tmp_path: Path, expected: Results, fake: FakeNode, kind: str
) -> None:
    fake.core.prune_height = 300
    options = _on_node(good_options(tmp_path / "data"), kind, fake)
    run_backfill(options, "300:", _Messages())
    found = stored_results(options.data_dir)
    assert found["blocks"] == [row for row in expected["blocks"] if int(row[1:].split(",")[0]) >= 300]


def test_a_node_that_is_too_old_for_prevouts(new: Refusals, fake: FakeNode) -> None:
    fake.core.version = 220000
    error = new.refused(_on_node(new.options, "rpc", fake), NodeIncapable, fake.url, "22.0.0")
    assert "Bitcoin Core 23" in error.action


def test_a_node_without_rest(new: Refusals, fake: FakeNode) -> None:
    fake.core.rest = False
    new.refused(_on_node(new.options, "rest", fake), NodeIncapable, fake.url)


@pytest.mark.parametrize("kind", SOURCES)
def test_a_starting_node_is_waited_for(tmp_path: Path, expected: Results, fake: FakeNode, kind: str) -> None:
    fake.core.warm_up_calls = 4
    options = _on_node(good_options(tmp_path / "data"), kind, fake)
    progress = _Messages()
    run_backfill(options, None, progress)
    assert any("starting" in text and "Loading block index" in text for text in progress.texts)
    assert differing(stored_results(options.data_dir), expected) == []


@pytest.mark.parametrize("kind", SOURCES)
def test_a_node_that_never_starts_is_given_up(jobs: Refusals, fake: FakeNode, kind: str) -> None:
    fake.core.warm_up_calls = 10**9
    options = _on_node(jobs.options, kind, fake, timeout_s=0.4)
    error = jobs.refused(options, NodeWarmingUp, "gave up after", "Loading block index")
    assert "--timeout" in error.action
    assert error.exit_code == 3
    result = minerflow("backfill", *arguments(options), exit_code=3)
    assert "trying again for up to 0 s" in result.output


@pytest.mark.parametrize("kind", SOURCES)
def test_nobody_there(jobs: Refusals, fake: FakeNode, kind: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://user:password@127.0.0.1:{free.getsockname()[1]}/"
    source = replace(node(kind, fake), rpc_url=url, timeout_s=0.3)
    error = jobs.refused(replace(jobs.options, source=source), NodeUnreachable, "refuses connections")
    assert error.exit_code == 3


@pytest.mark.parametrize("kind", SOURCES)
def test_another_program_on_the_port(new: Refusals, fake: FakeNode, kind: str) -> None:
    for _ in range(2):  # for the library and for the command line
        fake.faults.extend(["html"] * 50)
    new.refused(_on_node(new.options, kind, fake, timeout_s=0.3), NodeAnswerError, fake.url)


@pytest.mark.parametrize("kind", SOURCES)
def test_a_node_of_another_network(earlier: Refusals, kind: str) -> None:
    with FakeNode.golden("mainnet_early") as mainnet:
        options = _on_node(earlier.options, kind, mainnet)
        labels = earlier.options.data_dir.parent / "none.csv"
        labels.write_text("")
        options = replace(options, exchanges=labels)
        earlier.refused(options, WrongChain, earlier.options.data_dir, "regtest", "mainnet")
