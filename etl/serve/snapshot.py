"""One published file, with its daily metrics in memory as texts ready to be sent.

Invariant: everything in a snapshot is of one file; the connection stays on that file when another
takes its place on the disk.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any

import numpy as np

from etl.errors import TerminalError
from etl.results.metrics import EVERYONE, Catalogue, Choice, chosen
from etl.results.published import another, damage_told, open_published
from etl.serve.answers import Answers
from etl.serve.columns import (
    DAY,
    Calendar,
    Columns,
    by_view,
    column_types,
    read_calendar,
    read_columns,
    read_prices,
)
from etl.serve.refusals import Refused
from etl.serve.revisions import FLASH, Revision, RunHistory, nanosecond_text

if TYPE_CHECKING:
    import duckdb

    from etl.disk.datadir import DataDirectory
    from etl.warehouse.catalogue import Metric

REVIEWABLE = ("Flow", "Sply", "TxEx")
"""How metrics begin that say of each value whether it is as first published."""

PRICE = "PriceUSD"
"""The name of the price of 1 BTC in formulas; it is an input, so the catalogue has no such metric."""
QUERY_S = 20
"""How long a query to the file may take."""
_READERS = 4
_LOCKED = ("temp_directory = ''", "enable_external_access = false", "lock_configuration = true")
"""A query reads the file that is attached, and no other, whatever stands in it."""
_MOST_SERIES = 256
_RECENT_BLOCKS = 1_000
_FILE_READS = 5


@dataclass(frozen=True)
class Block:
    """A block of the chain as it is announced."""

    height: int
    hash: str
    parent_hash: str
    time: int
    """of the header, Unix seconds"""
    values: dict[str, str | None]
    """of the metrics per block, by id"""


@dataclass(frozen=True)
class Entities:
    """The names that a profile's flows have, by the symbol that requests use."""

    miners: dict[str, str]
    exchanges: dict[str, str]


@dataclass(frozen=True)
class Snapshot:
    """What is served of one published file."""

    file: str
    """names the file"""
    edition: str
    """names the file and the run reports read with it"""
    published: datetime
    con: duckdb.DuckDBPyConnection = field(repr=False)
    catalogue: Catalogue = field(repr=False)
    calendar: Calendar
    columns: Columns = field(repr=False)
    prices: Any = field(repr=False)
    """what stands under PRICE: texts as in `columns`"""
    revisions: dict[str, list[Revision]] = field(repr=False)
    """by profile, for each day of the calendar"""
    profiles: tuple[str, ...]
    entities: dict[str, Entities] = field(repr=False)
    blocks: tuple[Block, ...] = field(repr=False)
    """the newest, ascending"""
    answers: Answers = field(repr=False, default_factory=Answers)
    _series: OrderedDict[tuple[str, ...], Columns] = field(repr=False, default_factory=OrderedDict)
    _series_lock: Lock = field(repr=False, default_factory=Lock)

    @property
    def tip(self) -> Block:
        """The newest block."""
        return self.blocks[-1]

    def daily(self) -> dict[str, Metric]:
        """The metrics per day by id."""
        return {metric.id: metric for metric in self.catalogue.metrics if metric.interval == "day"}

    def per_block(self) -> dict[str, Metric]:
        """The metrics that have one value per block."""
        return {metric.id: metric for metric in per_block_metrics(self.catalogue)}

    def column(self, profile: str, metric: str) -> Any:
        """A daily metric's texts, a place per day of the calendar, all null where it has no rows."""
        found = self.columns.get((profile, metric))
        return self.columns.get((None, metric)) if found is None else found

    def ask(self, sql: str, values: list[Any] | dict[str, Any]) -> Any:
        """Rows of a query on the file, as an Arrow table. May be called from any thread.

        Raises Refused where it takes longer than QUERY_S.
        """
        with another(self.con) as cursor, _interrupted(cursor, QUERY_S):
            return cursor.sql(sql, params=values).to_arrow_table()

    def types(self, view: str) -> dict[str, str]:
        """DuckDB's name of the type of each column of a view."""
        with another(self.con) as cursor:
            return column_types(cursor, view)

    def series(self, metrics: list[Metric], rows: Mapping[str, str]) -> Columns:
        """Daily columns of one view: of everybody as they are held, of one miner once read; kept."""
        everybody = chosen(metrics[0], Choice(rows.get("profile", "")))
        if everybody == rows:
            return self._held(metrics, rows.get("profile"))
        key = (metrics[0].view, *map("=".join, sorted(rows.items())))
        with self._series_lock:
            if key in self._series:
                self._series.move_to_end(key)
                return self._series[key]
        with another(self.con) as cursor, _interrupted(cursor, QUERY_S):
            columns = read_columns(cursor, metrics, self.calendar, rows)
        with self._series_lock:
            self._series[key] = columns
            if len(self._series) > _MOST_SERIES:
                self._series.popitem(last=False)
        return columns

    def _held(self, metrics: list[Metric], profile: str | None) -> Columns:
        names = [*((metric.id, metric.id) for metric in metrics), (DAY, _day_name(metrics[0]))]
        return {(profile, name): self.columns[profile, held] for name, held in names
                if (profile, held) in self.columns}  # fmt: skip


def _day_name(metric: Metric) -> str:
    """Under which the days of a view are held among the columns of all views."""
    return f"{DAY} of {metric.view}"


def load_snapshot(data_dir: DataDirectory, history: RunHistory, *, in_background: bool = False) -> Snapshot:
    """Read the published file, in the background by one thread alone. Raises TerminalError."""
    con, stat = _open(data_dir)
    with damage_told(data_dir):
        if in_background:
            con.execute("SET threads = 1")
        for setting in _LOCKED:
            con.execute(f"SET {setting}")
        return _read(con, stat, history, 1 if in_background else _READERS)


@contextmanager
def _interrupted(con: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """End what a connection does after so long. Raises Refused then."""
    import duckdb

    timer = Timer(seconds, con.interrupt)
    timer.start()
    try:
        yield
    except duckdb.InterruptException:
        raise Refused(503, f"the answer took longer than {seconds:g} s; ask for fewer days") from None
    finally:
        timer.cancel()


def _open(data_dir: DataDirectory) -> tuple[duckdb.DuckDBPyConnection, tuple[int, int]]:
    """The published file, and its size and time (ns): read again where it was replaced meanwhile."""
    for _ in range(_FILE_READS):
        before = file_facts(data_dir)
        con = open_published(data_dir)
        if before is not None and before == file_facts(data_dir):
            return con, before
        con.close()
    raise TerminalError(f"{data_dir.published} changes all the time", "let one job at a time publish")


def file_facts(data_dir: DataDirectory) -> tuple[int, int] | None:
    """Size and time of change (ns) of the published file, None where there is none."""
    try:
        stat = data_dir.published.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def _read(
    con: duckdb.DuckDBPyConnection, stat: tuple[int, int], history: RunHistory, readers: int
) -> Snapshot:
    catalogue = Catalogue(con)
    calendar = read_calendar(con)
    profiles = tuple(row[0] for row in con.execute("SELECT profile FROM profiles ORDER BY 1").fetchall())
    columns = _all_columns(con, catalogue, calendar, readers)
    entities = {profile: _entities(con, profile) for profile in profiles}
    blocks = _recent_blocks(con, catalogue)
    changes = history.revisions()
    published = datetime.fromtimestamp(stat[1] / 1e9, UTC)
    tip = blocks[-1].hash if blocks else ""
    file = _name(tip, *stat)
    return Snapshot(
        file=file,
        edition=f"{file}.{len(changes):x}",
        published=published,
        con=con,
        catalogue=catalogue,
        calendar=calendar,
        columns=columns,
        prices=read_prices(con, calendar),
        revisions={each: _day_revisions(each, calendar, changes, published) for each in profiles},
        profiles=profiles,
        entities=entities,
        blocks=blocks,
    )


def _all_columns(
    con: duckdb.DuckDBPyConnection, catalogue: Catalogue, calendar: Calendar, readers: int
) -> Columns:
    """The daily metrics of every profile, those per miner of all miners."""
    daily = [metric for metric in catalogue.metrics if metric.interval == "day"]
    columns: Columns = {}
    if calendar.count == 0:
        return columns
    with ThreadPoolExecutor(readers) as pool:
        for found in pool.map(lambda group: _read_group(con, group, calendar), by_view(daily)):
            columns |= found
    return columns


def _read_group(con: duckdb.DuckDBPyConnection, metrics: list[Metric], calendar: Calendar) -> Columns:
    rows = {key: value for key, value in chosen(metrics[0], Choice()).items() if key != "profile"}
    with another(con) as cursor:
        found = read_columns(cursor, metrics, calendar, rows)
    days = _day_name(metrics[0])
    return {(profile, days if name == DAY else name): column for (profile, name), column in found.items()}


def _day_revisions(
    profile: str, calendar: Calendar, changes: dict[tuple[str | None, str], Revision], published: datetime
) -> list[Revision]:
    unknown = Revision(FLASH, nanosecond_text(published))
    days = (str(calendar.day(index)) for index in range(calendar.count))
    return [changes.get((profile, day)) or changes.get((None, day)) or unknown for day in days]


def _entities(con: duckdb.DuckDBPyConnection, profile: str) -> Entities:
    miners = con.execute("SELECT miner FROM miners WHERE profile = ?", [profile]).fetchall()
    exchanges = con.execute("SELECT DISTINCT exchange FROM attributes WHERE exchange IS NOT NULL").fetchall()
    return Entities(
        _by_symbol({row[0] for row in miners} | {EVERYONE["miner"]}),
        _by_symbol({row[0] for row in exchanges} | {EVERYONE["exchange"]}),
    )


def _by_symbol(names: set[str]) -> dict[str, str]:
    """Names by a symbol of small letters and digits, numbered where two would have the same."""
    found: dict[str, str] = {}
    for name in sorted(names):
        everyone = name in EVERYONE.values()
        stem = name if everyone else re.sub(r"[^a-z0-9]", "", name.lower()) or "unnamed"
        symbol, number = stem, 1
        while symbol in found:
            number += 1
            symbol = f"{stem}{number}"
        found[symbol] = name
    return found


def _recent_blocks(con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> tuple[Block, ...]:
    metrics = per_block_metrics(catalogue)
    values = "".join(f", CAST(m{n}.{m.column_name} AS VARCHAR)" for n, m in enumerate(metrics))
    joins = " ".join(
        f"LEFT JOIN {m.view} AS m{n} ON m{n}.height = blocks.height" for n, m in enumerate(metrics)
    )
    rows = con.execute(
        f"SELECT blocks.height, blocks.hash, blocks.prev_hash, blocks.time{values} FROM blocks {joins} "
        "WHERE blocks.height > (SELECT max(height) FROM blocks) - ? ORDER BY blocks.height",
        [_RECENT_BLOCKS],
    ).fetchall()
    ids = [metric.id for metric in metrics]
    return tuple(
        Block(height, own, parent, time, dict(zip(ids, values, strict=True)))
        for height, own, parent, time, *values in rows
    )


def per_block_metrics(catalogue: Catalogue) -> list[Metric]:
    """The metrics that have one value per block."""
    return [metric for metric in catalogue.metrics if metric.keys == ["height"]]


def _name(tip_hash: str, size: int, mtime_ns: int) -> str:
    return hashlib.blake2b(f"{tip_hash} {size} {mtime_ns}".encode(), digest_size=8).hexdigest()


def has_value(column: Any) -> np.ndarray[Any, Any]:
    """For each place of a column, whether it holds a text."""
    return np.asarray(column.is_valid())
