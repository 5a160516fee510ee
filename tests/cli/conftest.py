from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.run import minerflow
from tests.support.golden import ECONOMY


@pytest.fixture(autouse=True)
def nobodys_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, a directory to work in and an environment without settings."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name in [name for name in os.environ if name.startswith("MINERFLOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(home)
    return home


@pytest.fixture(scope="session")
def economy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a backfill of the golden economy, not to be changed."""
    data_dir = tmp_path_factory.mktemp("economy") / "data"
    minerflow(
        "backfill", "--blocks-dir", ECONOMY.blocks_dir, "--data-dir", data_dir,
        "--exchanges", ECONOMY.folder / "exchanges.csv", "--prices", ECONOMY.folder / "prices.csv",
    )  # fmt: skip
    return data_dir
