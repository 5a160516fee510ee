"""Open, exact, fast Bitcoin miner-flow data from your own node.

    import minerflow

    minerflow.backfill("./minerflow-data", blocks_dir="/srv/bitcoin/blocks")   # once
    minerflow.update("./minerflow-data")                                       # every day

    with minerflow.open("./minerflow-data") as db:
        flows = db.metric("FlowMinerOut1HopAllNtv", "MPI", start="2024-01-01").to_pandas()
        pool = db.metric("MinerOutflowTotalNtv", miner="AntPool").to_polars()
        biggest = db.drill("MinerOutflowTotalNtv", "2024-04-20", miner="AntPool")
        rows = db.sql("SELECT day, total_sat FROM miner_outflow WHERE miner = 'AntPool' ORDER BY day")
        names = db.catalogue("puell")

Reading: `open` gives a Database, `read` the values of metrics at once. Every answer is a Table: `.arrow` is
the Arrow table, `.to_pandas()` and `.to_polars()` give the data frames of these libraries where they are
installed, `.floats()` the same rows with decimal numbers as floats.

Jobs: `backfill`, `update`, `restate` and `verify` do what the commands of their names do. One job at a time
works on a data directory; readers never wait for it. Jobs start processes: in a script call them below `if
__name__ == "__main__":`. Each takes `progress`, an object with the methods of Progress that hears how far
it is, and as keyword arguments the settings of config/minerflow.toml, which count before the environment
(MINERFLOW_*), that before the user's own TOML file (`config`), that before bitcoin.conf, that before the
defaults:

    source            "auto", "blockfiles", "rest" or "rpc"
    blocks_dir        the node's block files
    bitcoin_datadir   the node's data directory, with bitcoin.conf and the cookie file
    rpc_url           the node, such as http://127.0.0.1:8332
    rpc_user, rpc_password
    timeout_s         seconds to wait for a node that is starting, busy or out of reach
    confirmations     blocks to stay below the tip
    workers           processes that read; 0: one per core
    memory_limit      of DuckDB, such as "4GB"
    pools, exchanges, prices   files that replace the data directory's from now on

Units: amounts are exact. Satoshis (`*_sat`) are integers, BTC (`Ntv`) and USD decimals; days and times are
UTC; heights and days of a range are both included.

Errors: all are MinerflowErrors, with `what` happened and the `action` to take next. A TransientError may
pass by itself: try again later. A TerminalError needs a person. `minerflow.errors` has the whole tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from etl import errors
from etl.errors import MinerflowError, TerminalError, TransientError
from etl.jobs.report import RunReport
from etl.progress import Progress, Silent
from etl.results.database import AsOf, Database, Day
from etl.results.metrics import DEFAULT_PROFILE, EVERYONE
from etl.results.table import Table
from etl.settings import load_settings

if TYPE_CHECKING:
    from etl.jobs.verify import Verdict
    from etl.options import JobOptions

__all__ = [
    "Database",
    "MinerflowError",
    "Progress",
    "RunReport",
    "Table",
    "TerminalError",
    "TransientError",
    "backfill",
    "errors",
    "open",
    "read",
    "restate",
    "update",
    "verify",
]

_ARGUMENT = "argument"
"""What errors call the origin of a setting that is given here."""


def _version() -> str:
    try:
        return metadata.version("minerflow")
    except metadata.PackageNotFoundError:
        return "(not installed)"


__version__ = _version()


class JobSettings(TypedDict, total=False):
    """What a job may be told, as config/minerflow.toml explains it; None for what is in force anyhow."""

    source: str | None
    blocks_dir: str | Path | None
    bitcoin_datadir: str | Path | None
    rpc_url: str | None
    rpc_user: str | None
    rpc_password: str | None
    timeout_s: float | None
    confirmations: int | None
    workers: int | None
    memory_limit: str | None
    pools: str | Path | None
    exchanges: str | Path | None
    prices: str | Path | None


def open(
    data_dir: str | Path | None = None, *, provisional: bool = False, config: str | Path | None = None
) -> Database:
    """The results that are published in a data directory; None for the one that the settings name.

    `provisional` adds the running day, which more blocks may change. Raises TerminalError where nothing is
    published, ResultsDamaged for a file that cannot be read.
    """
    named = load_settings({"data_dir": data_dir}, _path(config), origin=_ARGUMENT).data_dir
    return Database(named, provisional=provisional)


def read(
    *metrics: str, start: Day | None = None, end: Day | None = None,
    profile: str = DEFAULT_PROFILE, miner: str = EVERYONE["miner"], counterparty: str | None = None,
    as_of: AsOf | None = None, data_dir: str | Path | None = None,
) -> Table:  # fmt: skip
    """The values of metrics: a row per final day, `day` and a column per metric (see Database.metric)."""
    with open(data_dir) as db:
        return db.metric(
            *metrics, start=start, end=end, profile=profile, miner=miner, counterparty=counterparty,
            as_of=as_of,
        )  # fmt: skip


def backfill(
    data_dir: str | Path | None = None, blocks: str | None = None, *,
    progress: Progress | None = None, config: str | Path | None = None, **settings: Unpack[JobSettings],
) -> RunReport:  # fmt: skip
    """Index blocks and publish the results; a run that was stopped continues.

    `blocks` is FIRST:LAST with both ends, :LAST, FIRST:, FIRST:+COUNT, +COUNT (so many more than are
    indexed) or -COUNT: (the last ones), with K and M for thousands and millions; None for everything up to
    the tip. Raises MinerflowError; what was done until then is kept.
    """
    job = _job(data_dir, config, settings)
    from etl.jobs.unchanged import as_left

    if blocks is None and (report := as_left("backfill", job)):
        return report
    from etl.jobs.pipeline import run_backfill

    with _watched(progress) as watcher:
        return run_backfill(job, blocks, watcher)


def update(
    data_dir: str | Path | None = None, *,
    progress: Progress | None = None, config: str | Path | None = None, **settings: Unpack[JobSettings],
) -> RunReport:  # fmt: skip
    """Go on from the last indexed block to the tip, and publish; `is_current` says that nothing was new.

    Blocks that have left the chain are undone first. Raises MinerflowError, DataDirectoryLocked while
    another job works on the data directory.
    """
    job = _job(data_dir, config, settings)
    from etl.jobs.unchanged import as_left

    if report := as_left("update", job):
        return report
    from etl.jobs.pipeline import run_update

    with _watched(progress) as watcher:
        return run_update(job, watcher)


def restate(
    data_dir: str | Path | None = None, *,
    progress: Progress | None = None, config: str | Path | None = None, **settings: Unpack[JobSettings],
) -> RunReport:  # fmt: skip
    """Track everything anew from the data directory's own blocks, without the node, and publish.

    `days_changed` says which days are others than before. What is published stays until the new results are
    complete. Raises MinerflowError.
    """
    job = _job(data_dir, config, settings)
    from etl.jobs.pipeline import run_restate

    with _watched(progress) as watcher:
        return run_restate(job, watcher)


def verify(
    data_dir: str | Path | None = None, *, deep: bool = False,
    progress: Progress | None = None, config: str | Path | None = None, **settings: Unpack[JobSettings],
) -> list[Verdict]:  # fmt: skip
    """Check what is published; with `deep` also the lake's checksums, a sample of blocks and what is unspent.

    Each Verdict says the `subject`, whether it `is_sound` (None where it could not be checked) and `what`
    was found. Raises MinerflowError where nothing can be checked at all.
    """
    job = _job(data_dir, config, settings)
    from etl.jobs.verify import verify as verdicts

    with _watched(progress) as watcher:
        return list(verdicts(job, deep=deep, progress=watcher))


@contextmanager
def _watched(progress: Progress | None) -> Iterator[Progress]:
    """Who is told how far a job is, also that it compiles."""
    from etl.compiled.notice import compiling_told

    watcher = progress or Silent()
    with compiling_told(watcher.message):
        yield watcher


def _job(data_dir: str | Path | None, config: str | Path | None, settings: JobSettings) -> JobOptions:
    from etl.jobs.request import requested

    given: dict[str, Any] = {"data_dir": data_dir, **settings}
    return requested(given, _path(config), _ARGUMENT)


def _path(config: str | Path | None) -> Path | None:
    return None if config is None else Path(config)
