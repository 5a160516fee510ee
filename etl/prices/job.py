"""Keeping the prices of a data directory, and publishing results with them.

Invariants: the file counts once the database that rests on it is committed, and each run asks whether what is
published is what is committed, so that the next one makes good what a stopped one left; blocks are neither
asked for nor tracked.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from etl.disk.datadir import DataDirectory
from etl.disk.failures import failures_named
from etl.disk.input_files import PRICES, InputFiles
from etl.disk.lock import job_lock
from etl.errors import UsageError
from etl.prices.merge import Merged, merge
from etl.prices.price_file import PriceRow, prices_text, read_price_rows
from etl.warehouse import database as warehouse
from etl.warehouse import loading
from etl.warehouse.publishing import forget_published, is_published, note_published
from etl.warehouse.superseded import first_changed_price, keep_superseded, published_beside

if TYPE_CHECKING:
    import duckdb

    from etl.options import JobOptions


def held_prices(data_dir: DataDirectory) -> list[PriceRow]:
    """The prices in force in a data directory, first those that come with minerflow. Raises InputFileLost."""
    return read_price_rows(_files(data_dir).path(PRICES))


def store_prices(options: JobOptions, given: Iterable[PriceRow], *, replace: bool) -> Merged:
    """Add prices to those of the data directory, and have its published results rest on them.

    Raises PriceFileError where days are missing or, without `replace`, prices differ.
    """
    data_dir = DataDirectory(options.data_dir)
    data_dir.create()
    with job_lock(data_dir), failures_named(data_dir.path):
        if data_dir.published.exists() and not data_dir.work.exists():
            raise UsageError(f"{data_dir.work} is missing", "run minerflow update first: it is built anew")
        files = _files(data_dir)
        files.take_over(warehouse.committed_inputs(data_dir) or {})
        merged = merge(read_price_rows(files.path(PRICES)), given, replace=replace)
        if merged.is_changed:
            files.lay(PRICES, prices_text(merged.rows).encode())
        if not data_dir.work.exists() or not _publish(options, data_dir, files, merged.rows):
            files.take_over(files.digests())  # no results rest on them yet
        else:
            files.take_over(warehouse.committed_inputs(data_dir) or {})
    return merged


def _files(data_dir: DataDirectory) -> InputFiles:
    return InputFiles(data_dir, warehouse.committed_inputs(data_dir), {})


def _publish(options: JobOptions, data_dir: DataDirectory, files: InputFiles, rows: list[PriceRow]) -> bool:
    """Bring results, and what is published of them, in line with the file; False where there are none."""
    prices = [(row.day, row.price) for row in rows]
    with warehouse.open_work(data_dir, options.memory_limit) as con:
        held = warehouse.holding(con)
        if held is None:
            return False
        if not held.label_digest:
            raise UsageError(
                f"{data_dir.work} is an earlier version's", "run minerflow update first: it is built anew"
            )
        was_published = is_published(data_dir)
        digests = files.digests()
        if was_published and warehouse.input_digests(con) == digests and loading.holds_prices(con, prices):
            return True
        forget_published(data_dir)
        with warehouse.transaction(con):
            loading.load_prices(con, prices)
            warehouse.note_inputs(con, digests)
            if not was_published:
                loading.derive_and_check(con, held.last_height + 1)
        _keep_superseded(data_dir, con)
        warehouse.publish(data_dir, con)
        note_published(data_dir)
    return True


def _keep_superseded(data_dir: DataDirectory, con: duckdb.DuckDBPyConnection) -> None:
    """Note what other prices make of what is published, as far as that can be read."""
    import duckdb

    if not data_dir.published.exists():
        return
    with suppress(duckdb.Error), published_beside(con, data_dir.published), warehouse.transaction(con):
        keep_superseded(con, first_changed_price(con), datetime.now(UTC).replace(tzinfo=None))
