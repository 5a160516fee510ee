"""The published results of a data directory, to be asked for metrics, transactions and by SQL.

Invariant: a Database shows the results that were published when it was opened, whatever jobs do meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from etl.disk.datadir import DataDirectory
from etl.errors import UsageError
from etl.results.metrics import DEFAULT_PROFILE, EVERYONE, FIRST, Catalogue, Choice, show_running_day
from etl.results.published import another, damage_told, open_published

if TYPE_CHECKING:
    import duckdb

    from etl.results.table import Table

_A_DAY = timedelta(days=1)
Day = date | str
"""A day, UTC; as text in the form 2024-04-20."""
AsOf = Day | datetime
"""A time, UTC; a day; or "first"."""


class Database:
    """The published results of a data directory, read-only; a context manager.

    It shows what was published when it was opened; to see what a job has published since, open it anew.
    Amounts in BTC and USD are exact decimals, satoshis whole numbers, days UTC. Every method may raise
    TerminalError: UsageError for a metric, day, miner or profile that is not there, ResultsDamaged for a
    file that cannot be read.
    """

    def __init__(self, data_dir: str | Path, *, provisional: bool = False) -> None:
        """Open the results in `data_dir`; `provisional` adds the running day, which more blocks may change.

        Raises TerminalError where nothing is published.
        """
        self._place = DataDirectory(Path(data_dir))
        self._con = open_published(self._place)
        self._is_provisional = provisional

    def metric(
        self, *ids: str, start: Day | None = None, end: Day | None = None,
        miner: str = EVERYONE["miner"], profile: str = DEFAULT_PROFILE,
        counterparty: str | None = None, interval: str | None = None, as_of: AsOf | None = None,
    ) -> Table:  # fmt: skip
        """The values of metrics: a row per final day (or hour, or block), a column per metric.

        The first column is `day`, `hour` or `height`; the others bear the ids, in the unit that the
        catalogue gives, NULL where a value is not known. `start` and `end` are included. `miner` is a pool,
        for metrics of single miners; `counterparty` the exchange or other miner of a pair, None for all of
        them; `interval` "day", "hour" or "block", None for the longest that the metric has. `as_of` gives the
        values as they were published at a time (UTC; a day stands for its end), "first" as they first were:
        kept of final days since version 0.2, where a later job changed a value that was known.
        """
        from etl.results.questions import metric_answer

        choice = Choice(
            profile, miner, counterparty, as_day(start) if start else None, as_day(end) if end else None,
            None if as_of is None else as_instant(as_of),
        )  # fmt: skip
        with self.reading() as con:
            return metric_answer(con, ids, choice, interval).table()

    def sql(self, query: str) -> Table:
        """The answer to one SELECT in DuckDB's dialect over the tables and views of the results.

        Raises TerminalError for SQL that DuckDB does not understand.
        """
        from etl.results.answers import ask

        with self.reading() as con:
            return ask(con, query).table()

    def drill(
        self, metric: str, day: Day, *,
        miner: str = EVERYONE["miner"], profile: str = DEFAULT_PROFILE, counterparty: str | None = None,
    ) -> Table:  # fmt: skip
        """The transactions behind a day's number, largest first: height, txid, btc, usd.

        What leaves, in a difference of two, is negative; usd is NULL where the day has no price. Raises
        UsageError for a metric that is not made of transactions.
        """
        from etl.results.questions import drill_answer

        choice = Choice(profile, miner, counterparty)
        with self.reading() as con:
            return drill_answer(con, metric, as_day(day), choice).table()

    def catalogue(self, search: str = "") -> Table:
        """The metrics: id, name, description, unit, interval, category, vendor, view and what else is known.

        A row per metric and interval; with `search` only those that have all its words.
        """
        from etl.results.questions import catalogue_table

        with self.reading() as con:
            return catalogue_table(Catalogue(con).search(search))

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A DuckDB connection of its own for queries that this class has no method for; read-only."""
        con = another(self._con)
        try:
            with damage_told(self._place):
                if self._is_provisional:
                    show_running_day(con)
                yield con
        finally:
            con.close()

    def close(self) -> None:
        """Give the file back; the tables that were got stay."""
        self._con.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<minerflow.Database {self._place.published}>"


def as_day(day: Day) -> date:
    """A day, however it was given. Raises UsageError."""
    if isinstance(day, date):
        return date(day.year, day.month, day.day)  # a datetime is one, too
    try:
        return date.fromisoformat(day)
    except (TypeError, ValueError):
        raise UsageError(f"{day!r} is no day", "write it like 2024-04-20, or give a datetime.date") from None


def as_instant(moment: AsOf) -> datetime:
    """A time, without a zone in UTC; FIRST for "first", the end of a day. Raises UsageError."""
    if moment == "first":
        return FIRST
    given = _day_or_time(moment) if isinstance(moment, str) else moment
    if isinstance(given, datetime):
        return given.astimezone(UTC).replace(tzinfo=None) if given.tzinfo else given
    return datetime.combine(min(as_day(given), date.max - _A_DAY) + _A_DAY, time.min)


def _day_or_time(text: str) -> date:
    """As ISO 8601 writes it. Raises UsageError."""
    with suppress(ValueError):
        return date.fromisoformat(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is no day and no time",
            'write it like 2024-04-20 or 2024-04-20T12:00:00, give a date or datetime, or "first"',
        ) from None
