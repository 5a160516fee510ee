"""Values that a later job changed come back for the time at which they were published."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import duckdb
import minerflow
import pytest

from etl.disk.datadir import DataDirectory
from etl.errors import UsageError
from etl.jobs.pipeline import run_restate, run_update
from etl.options import JobOptions
from etl.prices.job import store_prices
from etl.prices.price_file import PriceRow
from etl.progress import Silent
from tests.durability.blocktree import ancestor, extended, genesis, write_exchanges
from tests.support.fakenode import FakeNode
from tests.support.golden import ECONOMY, job_options, node

METRICS = ("FlowMinerOut0HopAllNtv", "FlowMinerOut1HopAllUSD", "FlowMinerIn1HopAllNtv", "RevNtv", "BlkCnt",
           "SplyMiner1HopAllNtv", "MOMR", "MinerOutflowTotalNtv", "MinerOutflowMeanNtv")  # fmt: skip
PROFILES = ("coinmetrics", "entity")

Values = dict[tuple[str | None, str, date], Decimal | float | int | None]


class Published(NamedTuple):
    """What was published at a time: what metrics were read as, and every value of the view of all."""

    at: datetime
    read: dict[str, Values]
    everything: Values


def published(data_dir: Path) -> Published:
    with duckdb.connect(str(DataDirectory(data_dir).published), read_only=True) as con:
        rows = con.execute("SELECT profile, metric, day, value FROM metrics").fetchall()
    everything = {(profile, metric, day): value for profile, metric, day, value in rows}
    read = {profile: values(data_dir, profile) for profile in PROFILES}
    time.sleep(0.01)
    return Published(datetime.now(UTC), read, everything)


def values(data_dir: Path, profile: str, as_of: datetime | str | None = None) -> Values:
    rows = minerflow.read(*METRICS, profile=profile, data_dir=data_dir, as_of=as_of).arrow.to_pylist()
    return {(profile, name, row["day"]): row[name] for row in rows for name in METRICS}


def same(one: object, other: object) -> bool:
    """Exactly, but for the last digits of doubles."""
    if isinstance(one, float) and isinstance(other, (float, Decimal)):
        return abs(one - float(other)) <= 1e-12 * abs(one)
    return one == other


def differing(before: Values, after: Values) -> int:
    """How many known values are others, or gone; 18 decimals of a double are the same as its last digits."""
    return sum(
        value is not None
        and (after.get(key) is None or abs(after[key] - value) > Decimal("1e-12") * abs(value))  # type: ignore[operator]
        for key, value in before.items()
    )


def test_each_of_four_values_comes_back(tmp_path: Path) -> None:
    """A reorganisation, other labels, and a restatement after more blocks each revise days."""
    rng = random.Random(11)
    first = extended(extended(genesis(), 130, rng), 40, rng)
    with FakeNode(first.documents()) as fake:
        exchanges = write_exchanges(tmp_path / "exchanges.csv")
        options = replace(job_options(ECONOMY, tmp_path / "data", node("rest", fake)), exchanges=exchanges)
        run_update(options, Silent())
        steps = [published(options.data_dir)]
        reorganised = extended(ancestor(first, 130), 60, rng)
        fake.set_chain(reorganised.documents())
        run_update(options, Silent())
        steps.append(published(options.data_dir))
        run_update(replace(options, exchanges=_half_of(exchanges)), Silent())
        steps.append(published(options.data_dir))
        fake.set_chain(extended(reorganised, 60, rng).documents())
        run_update(options, Silent())
        run_restate(options, Silent())
        steps.append(published(options.data_dir))
    changes = [differing(a.everything, b.everything) for a, b in zip(steps, steps[1:], strict=False)]
    assert min(changes) > 0
    _check_rows(options, sum(changes))
    for step in steps:
        for profile in PROFILES:
            found = values(options.data_dir, profile, step.at)
            for key, value in step.read[profile].items():
                assert value is None or same(value, found[key]), (step.at, key)
    # Of a value that was never known before the last step that is the first.
    at_first = values(options.data_dir, "entity", "first")
    for key, value in steps[0].read["entity"].items():
        assert value is None or same(value, at_first[key])


def _half_of(exchanges: Path) -> Path:
    heading, *rows = exchanges.read_text().splitlines()
    other = exchanges.with_name("half.csv")
    other.write_text("\n".join([heading, *rows[::2], ""]))
    return other


def _check_rows(options: JobOptions, least: int) -> None:
    """What is kept of the metrics in the view of all is what changed, and no more."""
    with duckdb.connect(str(DataDirectory(options.data_dir).published), read_only=True) as con:
        kept = con.execute(
            "SELECT count(*) FROM superseded_values WHERE metric IN (SELECT DISTINCT metric FROM metrics)"
        ).fetchall()[0][0]
    # The step with a restatement publishes twice, and may change a value and change it back.
    assert least <= kept <= 2 * least


def test_prices(options: JobOptions) -> None:
    before = minerflow.read("FlowMinerOut1HopAllUSD", data_dir=options.data_dir).arrow.to_pylist()
    priced = [row for row in before if row["FlowMinerOut1HopAllUSD"]]
    day = priced[-1]["day"]
    store_prices(options, [PriceRow(day, Decimal(1), "made up")], replace=True)

    def read(as_of: str | date | None) -> object:
        table = minerflow.read("FlowMinerOut1HopAllUSD", data_dir=options.data_dir, start=day, as_of=as_of)
        return table.arrow.to_pylist()[0]["FlowMinerOut1HopAllUSD"]

    assert read("first") == priced[-1]["FlowMinerOut1HopAllUSD"]
    assert read(datetime.now(UTC).date() - timedelta(days=1)) == priced[-1]["FlowMinerOut1HopAllUSD"]
    assert read(datetime.now(UTC).date()) == read(None) != priced[-1]["FlowMinerOut1HopAllUSD"]
    with minerflow.open(options.data_dir) as db, pytest.raises(UsageError, match="kept per day"):
        db.metric("MinerOutflowTotalNtv", interval="hour", as_of="first")
