"""Where compiled code goes: the user's cache folder, else the data directory, else a temporary folder."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

import pytest

from etl import cache_folder

NOWHERE = Path("/proc/self/nowhere")
"""Nobody can make this, not even root."""


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a temporary folder, and nothing said by the environment; nothing offered."""
    for name in (cache_folder.VARIABLE, "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(cache_folder, "_offered", [])
    return tmp_path


def test_the_users_cache_folder(places: Path) -> None:
    assert cache_folder.choose() == places / "home" / ".cache" / "minerflow" / cache_folder.digest()


@pytest.mark.parametrize(("name", "below"), [("XDG_CACHE_HOME", "minerflow"), (cache_folder.VARIABLE, ".")])
def test_a_folder_that_the_environment_names(
    places: Path, monkeypatch: pytest.MonkeyPatch, name: str, below: str
) -> None:
    monkeypatch.setenv(name, str(places / "named"))
    assert cache_folder.choose() == places / "named" / below / cache_folder.digest()


def test_a_process_that_another_one_starts_takes_the_same(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = cache_folder.choose()
    monkeypatch.setenv(cache_folder.VARIABLE, str(chosen))
    assert cache_folder.choose() == chosen


@pytest.mark.parametrize("has_home", [True, False], ids=["cannot be written to", "none"])
def test_without_a_home_the_data_directory_is_taken(
    places: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, has_home: bool
) -> None:
    _take_home_away(monkeypatch, has_home)
    cache_folder.offer(places / "data")
    assert (places / "temporary") in cache_folder.choose().parents  # nothing is made for who only looks
    assert not (places / "data").exists()
    (places / "data").mkdir()
    caplog.clear()
    assert cache_folder.choose() == places / "data" / "state" / "compiled" / cache_folder.digest()
    assert caplog.records == []


def _take_home_away(monkeypatch: pytest.MonkeyPatch, has_home: bool) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    if has_home:
        monkeypatch.setenv("HOME", str(NOWHERE))
    else:
        monkeypatch.setattr(Path, "home", unknown)


@pytest.mark.parametrize("has_home", [True, False], ids=["cannot be written to", "none"])
def test_without_any_place_a_temporary_folder_is_taken_and_told(
    places: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, has_home: bool
) -> None:
    _take_home_away(monkeypatch, has_home)
    chosen = cache_folder.choose()
    assert chosen == places / "temporary" / f"minerflow-{os.getuid()}" / cache_folder.digest()
    assert chosen.is_dir()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert str(chosen) in caplog.text
    assert cache_folder.choose() == chosen


@pytest.mark.parametrize("kind", ["open to others", "link", "file"])
def test_a_temporary_folder_that_is_not_safe_is_not_taken(
    places: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("HOME", str(NOWHERE))
    mine = places / "temporary" / f"minerflow-{os.getuid()}"
    if kind == "open to others":
        mine.mkdir()
        mine.chmod(0o777)
    elif kind == "link":
        (places / "elsewhere").mkdir(mode=0o700)
        mine.symlink_to(places / "elsewhere")
    else:
        mine.touch()
    chosen = cache_folder.choose()
    assert mine not in chosen.parents
    assert chosen.parent.stat().st_mode & 0o077 == 0


def test_what_compiled_code_calls_is_in_the_digest_too() -> None:
    """Functions and constants that a module of compiled functions imports become machine code."""
    root = Path(cache_folder.__file__).parent.parent
    covered = {".".join(Path(folder).parts) for folder in cache_folder.COMPILED}
    outside = set()
    for folder in cache_folder.COMPILED:
        for path in (root / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if "@compiled" in text or "intrinsic(" in text:
                outside |= set(re.findall(r"^(?:from|import) ((?:etl|clustering)[\w.]*)", text, re.MULTILINE))
    assert {name for name in outside if not any(name.startswith(each) for each in covered)} <= {"etl.errors"}


def test_the_digest_is_of_sources_and_settings(monkeypatch: pytest.MonkeyPatch, places: Path) -> None:
    found = {cache_folder.digest()}
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "1")
    found.add(cache_folder.digest())
    source = places / "etl" / "chain" / "blocks.py"
    source.parent.mkdir(parents=True)
    monkeypatch.setattr(cache_folder, "_ROOT", places)
    for text in ("one", "two"):
        source.write_text(text)
        found.add(cache_folder.digest())
    assert len(found) == 4
