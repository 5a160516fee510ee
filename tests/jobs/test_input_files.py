"""Label and price files count with the results that rest on them, and are missed when they are lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import duckdb
import pytest

from etl.disk.datadir import DataDirectory
from etl.errors import DiskFull, InputFileLost, LabelFileError
from etl.jobs import job as jobs
from etl.jobs import pipeline
from etl.jobs.pipeline import run_restate, run_update
from etl.jobs.report import RunReport
from etl.options import JobOptions
from etl.progress import Silent
from etl.resources import config_dir
from etl.sources.source import Source
from etl.warehouse import database

ONE_LABEL = "address,exchange\nmfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8,Elsewhere\n"


def _labels(options: JobOptions) -> list[str]:
    with duckdb.connect(str(DataDirectory(options.data_dir).published), read_only=True) as con:
        return [name for (name,) in con.execute("SELECT DISTINCT exchange FROM labels ORDER BY 1").fetchall()]


def _kept(options: JobOptions, name: str = "exchanges.csv") -> Path:
    return DataDirectory(options.data_dir).inputs / name


@pytest.fixture
def other(options: JobOptions, tmp_path: Path) -> JobOptions:
    """The same job with another label file."""
    path = tmp_path / "other.csv"
    path.write_text(ONE_LABEL)
    return replace(options, exchanges=path)


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


@pytest.mark.parametrize("at", ["before the file is kept", "before it is published"])
def test_new_labels_that_were_committed_stay(
    options: JobOptions, other: JobOptions, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        if at == "before it is published":
            stopped.setattr(database, "publish", _stop)
        else:
            stopped.setattr(jobs.Job, "committed_inputs", _stop)
        run_update(other, Silent())
    report = run_update(options, Silent())
    assert _labels(options) == ["Elsewhere"]
    assert (report.blocks, report.tracked_blocks) == (0, 0)
    assert _kept(options).read_text() == ONE_LABEL
    assert list(_kept(options).parent.glob("*.offered")) == []


def test_new_labels_that_were_not_committed_are_gone(
    options: JobOptions, other: JobOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _labels(options)
    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr(pipeline, "_check", _stop)
        run_update(other, Silent())
    run_update(options, Silent())
    assert _labels(options) == before
    assert list(_kept(options).parent.glob("*.offered")) == []


def test_a_restatement_that_was_stopped_changes_nothing(
    options: JobOptions, other: JobOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work database is gone by then: what is published says which files are in force."""
    before = _labels(options)
    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr(pipeline, "track", _stop)
        run_restate(other, Silent())
    run_update(options, Silent())
    assert _labels(options) == before


@pytest.mark.parametrize("damage", ["deleted", "emptied", "changed by a letter"])
@pytest.mark.parametrize("name", ["exchanges.csv", "prices.csv", "pools.json"])
def test_a_kept_file_that_is_lost_is_missed(options: JobOptions, name: str, damage: str) -> None:
    path = _kept(options, name)
    content = path.read_bytes()
    published = DataDirectory(options.data_dir).published.read_bytes()
    if damage == "deleted":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "emptied" else content.replace(b"a", b"b", 1))
    option = "--" + name.partition(".")[0]
    for run in (run_update, run_restate):
        with pytest.raises(InputFileLost, match=str(path)) as caught:
            run(options, Silent())
        assert option in caught.value.action and str(config_dir() / name) in caught.value.action
    assert DataDirectory(options.data_dir).published.read_bytes() == published
    path.write_bytes(content)
    run_update(options, Silent())


def test_a_file_changed_on_purpose_is_given_once(options: JobOptions) -> None:
    """Also where it is the kept file itself."""
    _kept(options).write_text(ONE_LABEL)
    run_update(replace(options, exchanges=_kept(options)), Silent())
    run_update(options, Silent())
    assert _labels(options) == ["Elsewhere"]


def test_a_file_that_changes_while_a_job_runs_counts_as_it_was(
    options: JobOptions, other: JobOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert other.exchanges is not None
    given, fill = other.exchanges, pipeline._fill

    def changing(job: jobs.Job, source: Source, wanted: str | None) -> None:
        given.write_text("address,exchange\n")
        fill(job, source, wanted)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(pipeline, "_fill", changing)
        run_update(other, Silent())
    assert _labels(options) == ["Elsewhere"]
    assert _kept(options).read_text() == ONE_LABEL
    run_update(options, Silent())


def test_a_source_of_a_label_is_loaded_without_tracking(options: JobOptions, tmp_path: Path) -> None:
    """What changes no result changes what is published all the same."""
    run_update(options, Silent())
    path = tmp_path / "sources.csv"
    lines = _kept(options).read_text().splitlines()
    at = lines[0].split(",").index("source")
    rows = [line.split(",") for line in lines[1:]]
    path.write_text("\n".join([lines[0], *(",".join([*row[:at], "me", *row[at + 1 :]]) for row in rows), ""]))
    report = run_update(replace(options, exchanges=path), Silent())
    assert (report.tracked_blocks, report.is_current) == (0, False)
    with duckdb.connect(str(DataDirectory(options.data_dir).published), read_only=True) as con:
        assert con.execute("SELECT DISTINCT source FROM labels").fetchall() == [("me",)]


def test_a_bad_file_is_not_kept(options: JobOptions, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("address,exchange\nnone,X\n")
    before = _kept(options).read_bytes()
    with pytest.raises(LabelFileError, match=str(bad)):
        run_update(replace(options, exchanges=bad), Silent())
    run_update(options, Silent())
    assert _kept(options).read_bytes() == before


def test_the_error_of_a_failed_run_is_the_first(options: JobOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk ends without a second error."""

    def full(*_: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pipeline, "_track", full)
    monkeypatch.setattr(RunReport, "save", full)
    with pytest.raises(DiskFull, match=str(options.data_dir)):
        run_update(options, Silent())
