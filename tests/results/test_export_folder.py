"""The directory of an export: only its own files, below it and not through links, are touched."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from etl.errors import DataDirectoryLocked, UsageError
from etl.results.export_folder import ExportFolder, Manifest, Part, part_path

NAME = "supply/profile=entity/year=2021/part.parquet"
PART = Part(rows=3, bytes=4, digest="ab")
FACTS = {"rows": 3, "bytes": 4, "digest": "ab"}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An export of one file."""
    directory = tmp_path / "out"
    with ExportFolder.opened(directory, "parquet") as folder:
        assert folder.read_manifest() is None
        assert folder.write(NAME, lambda path: path.write_text("four")) == 4
        folder.write_text("DICTIONARY.md", "words")
        folder.write_manifest(Manifest("1.5", {NAME: PART}))
    return directory


def _export_anew(out: Path) -> None:
    """What an export does whose rows are all gone."""
    with ExportFolder.opened(out, "parquet") as folder:
        manifest = folder.read_manifest()
        assert manifest is not None
        for name in manifest.parts:
            folder.delete(name)
        folder.write("supply/part.parquet", lambda path: path.write_text("new"))
        folder.write_text("DICTIONARY.md", "other words")
        folder.write_manifest(Manifest("1.5", {}))


def _contents(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_what_was_written_is_known_again(out: Path) -> None:
    with ExportFolder.opened(out, "parquet") as folder:
        assert folder.read_manifest() == Manifest("1.5", {NAME: PART})
        assert folder.holds(NAME, PART)
        assert not folder.holds(NAME, Part(3, 5, "ab"))
    _export_anew(out)
    assert {str(path.relative_to(out)) for path in _contents(out)} == {
        "supply/part.parquet", "DICTIONARY.md", "manifest.json",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["../letter.txt", "{}/letter.txt", "supply/../../letter.txt", "supply/year=../part.parquet/../letter.txt",
     "letter.txt", "../part.parquet", "supply//part.parquet", "./part.parquet", "", "supply/part.parquet\n",
     "supply/year=a/b/part.parquet", "supply/year=abc/part.parquet",
     "supply/year=2021/profile=a/part.parquet", "supply/year=\x1b[2J/part.parquet"],
)  # fmt: skip
def test_only_the_paths_of_an_export_are_believed(name: str, out: Path, tmp_path: Path) -> None:
    for letter in (tmp_path / "letter.txt", tmp_path / "part.parquet", out / "letter.txt"):
        letter.write_text("dear")
    facts = json.loads((out / "manifest.json").read_text())
    facts["partitions"][name.format(tmp_path)] = FACTS
    (out / "manifest.json").write_text(json.dumps(facts))
    before = _contents(tmp_path)
    with pytest.raises(UsageError, match=r"manifest\.json is damaged .* is no file of an export") as error:
        _export_anew(out)
    assert str(error.value).replace("\n  next:", "").isprintable()
    assert _contents(tmp_path) == before


@pytest.mark.parametrize(
    "place", ["manifest.json", "DICTIONARY.md", "supply", "supply/profile=entity/year=2021", NAME]
)
def test_links_are_not_followed(place: str, out: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (out / place).rename(elsewhere / "kept")
    (out / place).symlink_to(elsewhere / "kept")
    before = _contents(elsewhere)
    with pytest.raises(UsageError, match="is a link"):
        _export_anew(out)
    assert _contents(elsewhere) == before


def test_what_is_unfinished_is_not_looked_for_through_a_link(out: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    (out / ".minerflow-unfinished").symlink_to(tmp_path / "mine")
    with pytest.raises(UsageError, match="is a link"):
        _export_anew(out)
    assert (tmp_path / "mine" / "letter.txt").exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "1" * 5000, "[" * 100_000, '{"format": 1}', '{"format": 2, "partitions": {}}',
     '{"format": 1, "form": 7, "duckdb": "1", "partitions": {}}',
     '{"format": 1, "form": "parquet", "duckdb": "1", "partitions": {"supply/part.parquet": 5}}',
     '{"format": 1, "form": "parquet", "duckdb": "1", "partitions": {"supply/part.parquet": {"rows": "1"}}}'],
)  # fmt: skip
def test_a_damaged_manifest_is_named(text: str, out: Path) -> None:
    (out / "manifest.json").write_text(text)
    before = _contents(out)
    with pytest.raises(UsageError, match=r"out/manifest\.json is damaged or not of an export"):
        _export_anew(out)
    assert _contents(out) == before


def test_what_a_stopped_export_was_writing_is_deleted_by_the_next(out: Path) -> None:
    (out / ".minerflow-unfinished").mkdir()
    (out / ".minerflow-unfinished" / "part.parquet").write_text("half")
    with ExportFolder.opened(out, "parquet"):
        assert "half" not in {path.read_text() for path in out.rglob("*") if path.is_file()}
    assert not (out / ".minerflow-unfinished").exists()


def test_one_export_at_a_time(out: Path) -> None:
    descriptor = os.open(out, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(DataDirectoryLocked, match="another export"):
        _export_anew(out)
    os.close(descriptor)
    _export_anew(out)


def test_values_are_escaped_in_paths() -> None:
    # Percent-encoded UTF-8: a slash is 2F, a space 20, a percent sign 25, an equals sign 3D, u-umlaut C3 BC.
    assert part_path("supply", [("profile", "../x"), ("year", 2021)], "csv") == (
        "supply/profile=..%2Fx/year=2021/part.csv"
    )
    assert part_path("supply", [("profile", "a% =ü")], "csv-for-spreadsheets") == (
        "supply/profile=a%25%20%3D%C3%BC/part.csv"
    )
