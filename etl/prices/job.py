"""Keeping the prices of a data directory, and publishing results with them.

Invariants: the file is written before the database and the database before what is published, and each run
looks at all three, so that the next one makes good what a stopped one left; blocks are neither asked for nor
tracked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from etl.disk.datadir import DataDirectory
from etl.disk.files import disk_full_named, write_text
from etl.disk.lock import job_lock
from etl.prices.merge import Merged, merge
from etl.prices.price_file import PriceRow, load_prices, prices_text, read_price_rows
from etl.resources import config_dir
from etl.tracking.inputs import PRICES, in_force
from etl.warehouse import database as warehouse
from etl.warehouse import loading
from etl.warehouse.publishing import forget_published, is_published, note_published

if TYPE_CHECKING:
    from etl.options import JobOptions


def held_prices(data_dir: DataDirectory) -> list[PriceRow]:
    """The prices in force in a data directory, first those that come with minerflow."""
    kept = data_dir.inputs / PRICES
    return read_price_rows(kept if kept.exists() else config_dir() / PRICES)


def store_prices(
    options: JobOptions, given: Iterable[PriceRow], *, replace: bool, warn: Callable[[str], None]
) -> Merged:
    """Add prices to those of the data directory, and have its published results rest on them.

    Raises PriceFileError where days are missing or, without `replace`, prices differ.
    """
    data_dir = DataDirectory(options.data_dir)
    data_dir.create()
    with job_lock(data_dir), disk_full_named(data_dir.path):
        merged = merge(held_prices(data_dir), given, replace=replace)
        if merged.is_changed:
            write_text(data_dir.inputs / PRICES, prices_text(merged.rows))
        if data_dir.work.exists():
            _publish(options, data_dir, warn)
    return merged


def _publish(options: JobOptions, data_dir: DataDirectory, warn: Callable[[str], None]) -> None:
    """Bring the results, where there are any, and what is published of them in line with the file."""
    with warehouse.open_work(data_dir, options.memory_limit, warn) as con:
        if warehouse.holding(con) is None:
            return
        prices = load_prices(in_force(options.prices, data_dir, PRICES))
        was_published = is_published(data_dir)
        if was_published and loading.holds_prices(con, prices):
            return
        forget_published(data_dir)
        if was_published:
            with warehouse.transaction(con):
                loading.load_prices(con, prices)
        else:
            loading.replace_prices(con, prices)
        warehouse.publish(data_dir, con)
        note_published(data_dir)
