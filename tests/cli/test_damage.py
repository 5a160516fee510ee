"""Every reader of a published file that bit rot has struck ends with an error that says what to do."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import minerflow
import pytest

from etl import errors
from tests.cli.run import minerflow as command
from tests.support.charted import publish_charted

HEADERS = 12_288
"""Bytes of the file's header and of its two database headers."""

READERS = (
    ["status"],
    ["query", "SELECT * FROM metrics"],
    ["query", "SELECT * FROM transfers", "--format", "csv"],
    ["metrics", "list"],
    ["metrics", "get", "MinerOutflowTotalNtv", "RevNtv"],
    ["metrics", "sql", "MPI"],
    ["drill", "MinerOutflowTotalNtv", "2020-01-09"],
    ["plot", "MinerOutflowTotalNtv"],
    ["plot", "pools"],
    ["export", "out"],
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_charted(tmp_path_factory.mktemp("sound"), 20).path


@pytest.fixture(params=["all", "some", "headers", "cut"])
def struck(request: pytest.FixtureRequest, sound: Path, tmp_path: Path) -> Path:
    """A data directory whose published file has changed bits, in every block or in some, or is cut off."""
    data_dir = Path(shutil.copytree(sound, tmp_path / "data"))
    file = data_dir / "minerflow.duckdb"
    data = bytearray(file.read_bytes())
    chance = random.Random(7)
    if request.param == "cut":
        data = data[: len(data) // 2]
    elif request.param == "headers":
        data[5000] ^= 1
        data[9000] ^= 1
    else:
        step = 64 if request.param == "all" else 40_000
        for at in range(HEADERS + chance.randrange(step), len(data), step):
            data[at] ^= 1 << chance.randrange(8)
    file.write_bytes(data)
    return data_dir


@pytest.mark.parametrize("args", READERS, ids=" ".join)
def test_commands_say_that_the_file_is_damaged(args: list[str], struck: Path) -> None:
    result = command(*args, "--data-dir", struck, exit_code=1)
    assert "minerflow.duckdb cannot be" in result.stderr
    assert "minerflow update writes it anew" in result.stderr


def test_the_api_says_so_too(struck: Path) -> None:
    with pytest.raises(errors.ResultsDamaged), minerflow.open(struck) as db:
        db.sql("SELECT * FROM transfers")
        db.metric("MinerOutflowTotalNtv")
