"""Jobs on the golden economy that must be refused, and what refusing one means."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import duckdb

from etl.disk.datadir import DataDirectory
from etl.errors import MinerflowError
from etl.jobs.pipeline import run_backfill, run_restate
from etl.options import JobOptions
from etl.progress import Silent
from tests.cli.run import minerflow
from tests.support.golden import ECONOMY, block_files, job_options

Results = dict[str, list[str]]
"""Rows of each table as sorted text."""

_NOT_RESULTS = {"schema_version", "superseded_values"}
"""When the schema was made, and what was published before."""


def stored_results(data_dir: Path) -> Results:
    """The published tables, which all views rest on."""
    with duckdb.connect(str(DataDirectory(data_dir).published), read_only=True) as con:
        names = con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
        return {
            name: sorted(map(repr, con.execute(f"FROM {name}").fetchall()))
            for (name,) in names
            if name not in _NOT_RESULTS
        }


def differing(found: Results, expected: Results) -> list[str]:
    """Names of the tables that differ."""
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


def backfill(options: JobOptions, wanted: str | None = None) -> Results:
    """What is published after a job of the library's."""
    run_backfill(options, wanted, Silent())
    return stored_results(options.data_dir)


def arguments(options: JobOptions) -> list[str]:
    """The same job for the command line."""
    source = options.source
    given: dict[str, object] = {
        "--data-dir": options.data_dir,
        "--source": source.kind,
        "--blocks-dir": source.blocks_dir,
        "--rpc-url": source.rpc_url,
        "--bitcoin-datadir": source.bitcoin_datadir,
        "--timeout": source.timeout_s,
        "--confirmations": options.confirmations,
        "--workers": options.workers,
        "--pools": options.pools,
        "--exchanges": options.exchanges,
        "--prices": options.prices,
    }
    return [str(part) for option in given.items() if option[1] is not None for part in option]


def on_blocks(options: JobOptions, blocks_dir: Path) -> JobOptions:
    """The job on other block files."""
    return replace(options, source=block_files(blocks_dir))


def copied_blocks(target: Path) -> Path:
    """The economy's block files, to be damaged."""
    return Path(shutil.copytree(ECONOMY.blocks_dir, target))


def _half_written(data_dir: Path) -> list[str]:
    """Files and folders that stand for something unfinished."""
    found = [str(path) for path in data_dir.rglob("*") if ".tmp" in path.name]
    return found + [str(path) for path in data_dir.glob("state/tmp*")]


class Refusals:
    """Jobs on one data directory that must end in an error and leave what is published as it is."""

    def __init__(self, options: JobOptions, template: Path | None) -> None:
        """`template` is an earlier state of the data directory, None for one that does not exist yet."""
        self.options = options
        self._template = template
        self._data_dir = DataDirectory(options.data_dir)
        self._reset()
        self._before = self._published()

    def _reset(self) -> None:
        shutil.rmtree(self._data_dir.path, ignore_errors=True)
        if self._template is not None:
            shutil.copytree(self._template, self._data_dir.path)

    def _published(self) -> bytes | None:
        path = self._data_dir.published
        return path.read_bytes() if path.exists() else None

    def refused(
        self, options: JobOptions, kind: type[MinerflowError], *words: object, wanted: str | None = None
    ) -> MinerflowError:
        """Run a job, first by the library, then by the command: both fail as they should."""
        try:
            return self._refused(options, kind, words, wanted)
        except BaseException:
            self._reset()  # what one test finds is not for the next
            raise

    def _refused(
        self, options: JobOptions, kind: type[MinerflowError], words: tuple[object, ...], wanted: str | None
    ) -> MinerflowError:
        try:
            run_backfill(options, wanted, Silent())
        except MinerflowError as error:
            found = error
        else:
            raise AssertionError("the job was not refused")
        assert isinstance(found, kind), repr(found)
        for word in words:
            assert str(word) in found.what, (word, found.what)
        assert found.action
        self._untouched()
        given = [wanted] if wanted is not None else []
        result = minerflow("backfill", *given, *arguments(options), exit_code=found.exit_code)
        assert result.exit_code != 0
        for word in words:
            assert str(word) in result.stderr, (word, result.stderr)
        assert result.stderr.rstrip().splitlines()[-1].startswith("next: ")
        assert "Traceback" not in result.stderr
        self._untouched()
        return found

    def _untouched(self) -> None:
        assert self._published() == self._before
        assert _half_written(self._data_dir.path) == []

    def a_good_run_follows(self, expected: Results) -> None:
        """The same data directory, with nothing wrong, comes to the golden results.

        What one profile knows retroactively takes a restatement where the chain was indexed in parts.
        """
        run_backfill(self.options, None, Silent())
        if self._template is not None:
            run_restate(self.options, Silent())
        assert differing(stored_results(self.options.data_dir), expected) == []


def good_options(data_dir: Path) -> JobOptions:
    """A job on the economy with nothing wrong."""
    return job_options(ECONOMY, data_dir, block_files(ECONOMY.blocks_dir))
