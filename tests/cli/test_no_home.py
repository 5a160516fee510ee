"""No command ends in a traceback for a user without a home: a service user, a container, a uid of its own."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from etl.settings import at_home, users_file
from tests.cli.run import minerflow
from tests.support.charted import publish_charted

COMMANDS: tuple[tuple[list[object], int], ...] = (
    (["status"], 0),
    (["query", "SELECT 1"], 0),
    (["metrics", "list"], 0),
    (["plot", "RevNtv"], 0),
    (["backfill", "--dry-run"], 2),
    (["doctor"], 1),
)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_charted(tmp_path_factory.mktemp("charted"), 20).path


@pytest.fixture(params=["/nonexistent", "a file", "nobody in passwd"])
def homeless(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HOME names nothing, or a file, or is not set for a uid that the system does not know."""
    if request.param == "nobody in passwd":

        def unknown(_: int) -> object:
            raise KeyError("uid not found")

        monkeypatch.delenv("HOME")
        monkeypatch.setattr(pwd, "getpwuid", unknown)
        return
    home = Path(request.param)
    if request.param == "a file":
        home = tmp_path / "file"
        home.touch()
    monkeypatch.setenv("HOME", str(home))


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize(("args", "exit_code"), COMMANDS, ids=lambda value: str(value))
def test_commands_run_or_say_what_to_do(args: list[object], exit_code: int, data_dir: Path) -> None:
    result = minerflow(*args, "--data-dir", data_dir, exit_code=exit_code)
    assert exit_code in (0, 1) or "\nnext: " in result.stderr


@pytest.mark.usefixtures("homeless")
def test_no_home_holds_no_settings_file() -> None:
    assert users_file(None, {}) is None
    assert at_home(Path("/srv/x")) == Path("/srv/x")
