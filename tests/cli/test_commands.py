from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from etl import errors
from etl.cli import COMMANDS
from etl.errors import MinerflowError
from tests.cli.run import ROOT, minerflow, modules_after, process
from tests.support.fakenode import FakeNode


def all_errors(base: type[MinerflowError]) -> list[type[MinerflowError]]:
    return [base, *(leaf for each in base.__subclasses__() for leaf in all_errors(each))]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name: str) -> None:
    assert f"minerflow {name}" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_an_example_and_lists_the_common_options(name: str) -> None:
    text = minerflow(name, "--help").output
    example = text.partition("Example:\n")[2]
    assert example.strip().startswith(f"minerflow {name}")
    for option in ("--data-dir", "--config", "-v, --verbose"):
        assert option in text


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_of_examples_exist_with_their_options(name: str) -> None:
    text = minerflow(name, "--help").output
    options, _, example = text.partition("Example:\n")
    used = re.findall(r"(?<=\s)--?[a-z][a-z-]*", example)
    assert [option for option in used if option not in options] == []


def test_help_names_every_command() -> None:
    text = minerflow("--help").output
    listed = text.partition("Commands:\n")[2].split("\n")
    assert [line.split()[0] for line in listed if line] == list(COMMANDS)


def test_unknown_command_is_a_usage_error() -> None:
    assert "No such command" in minerflow("backfil", exit_code=2).output


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["backfill", "--help"]])
def test_help_and_version_load_nothing_heavy(args: list[str]) -> None:
    assert modules_after(*args) == set()


def test_query_and_status_load_no_numba(economy: Path) -> None:
    assert modules_after("query", "SELECT 1", "--data-dir", economy) == {"duckdb", "rich"}
    assert modules_after("status", "--data-dir", economy) == {"duckdb"}


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def read_status(_: object) -> None:
        raise error

    monkeypatch.setattr("etl.results.status.read_status", read_status)


@pytest.mark.parametrize("kind", all_errors(MinerflowError))
def test_errors_are_two_lines_and_a_code(kind: type[MinerflowError], monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, kind("it broke", "mend it"))
    result = minerflow("status", exit_code=kind.exit_code)
    assert result.exit_code > 0
    assert result.stdout == ""
    assert result.stderr == "error: it broke\nnext: mend it\n"


def test_verbose_errors_come_with_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, errors.LakeDamaged("it broke", "mend it"))
    result = minerflow("status", "-v", exit_code=1)
    assert result.stderr.startswith("Traceback (most recent call last)")
    assert result.stderr.endswith("error: it broke\nnext: mend it\n")


def test_notes_of_an_error_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    error = errors.NodeUnreachable("it broke", "mend it")
    error.add_note("no block files")
    fail_with(monkeypatch, error)
    expected = "error: it broke\n       no block files\nnext: mend it\n"
    assert minerflow("status", exit_code=3).stderr == expected


def test_errors_of_the_file_system_name_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, PermissionError(13, "Permission denied", "/x/y"))
    assert minerflow("status", exit_code=1).stderr == (
        "error: /x/y: Permission denied\nnext: check the path\n"
    )


def test_other_exceptions_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, ZeroDivisionError("a fault of ours"))
    with pytest.raises(ZeroDivisionError):
        minerflow("status")


def test_wrong_settings_file_is_told(nobodys_home: Path) -> None:
    result = minerflow("status", "--config", "none.toml", exit_code=2)
    assert "error: the settings file none.toml does not exist" in result.stderr


def test_ctrl_c_stops_a_job_that_waits(tmp_path: Path) -> None:
    with FakeNode.golden("economy", warm_up_calls=1_000_000) as node:
        url = node.url.replace("//", f"//{node.user}:{node.password}@")
        job = process("backfill", "--source", "rpc", "--rpc-url", url, "--data-dir", tmp_path / "d")
        assert job.stdout is not None
        told = job.stdout.readline()
        while "node is starting" not in told:
            assert told, "the job ended"
            told = job.stdout.readline()
        job.send_signal(signal.SIGINT)
        try:
            rest, _ = job.communicate(timeout=30)
        finally:
            job.kill()
            job.communicate()
    assert rest.endswith("stopped; the same command continues where it stopped\n")
    assert job.returncode == 130
    assert not (tmp_path / "d" / "minerflow.duckdb").exists()
