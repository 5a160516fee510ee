"""Moving windows on 775 synthetic days against slices in NumPy."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import numpy as np
import numpy.typing as npt
import pytest

from etl.results.metrics import Catalogue, Choice, values_sql
from tests.sql.model import Case, warehouse
from tests.support.small_warehouse import BTC, NEAR_A, NOBODY, POOL_A, built, day, insert

DAYS = 775
Series = npt.NDArray[np.float64]


class Synthetic:
    """What each day is given; a day with `bits` 0 has no block."""

    def __init__(self) -> None:
        random = np.random.default_rng(23)
        self.price = np.round(20_000 * np.exp(random.normal(0, 0.04, DAYS).cumsum()), 2)
        self.has_block = random.random(DAYS) > 0.1
        self.has_block[0] = True
        self.mantissa = random.integers(0x8000, 0x7FFFFF, DAYS)
        self.fee = random.integers(0, 2 * BTC, DAYS) * self.has_block
        self.issue = random.integers(1, 900 * BTC, DAYS) * self.has_block
        self.out_far = random.integers(1, 2_000 * BTC, DAYS) * (random.random(DAYS) > 0.2) * self.has_block
        self.out_near = random.integers(1, 500 * BTC, DAYS) * self.has_block
        self.held = random.integers(0, 10**6 * BTC, DAYS)

    def load(self) -> duckdb.DuckDBPyConnection:
        case: Case = {"blocks": [{"day": -5}]}
        con = warehouse(case)
        for table in ("blocks", "supply"):
            con.execute(f"DELETE FROM {table}")
        days = [n for n in range(DAYS) if self.has_block[n]]
        rows = [
            (height + 1, "", "", 0, 0, day(n + 1), 2, "A", 0x1D000000 + int(self.mantissa[n]), 0, 0,
             10**12, 10**12 - int(self.fee[n]), int(self.issue[n] + self.fee[n]), 0, 0)
            for height, n in enumerate(days)
        ]  # fmt: skip
        genesis = (0, "", "", 0, 0, day(1), 1, "A", 0x1D00FFFF, 0, 0, 0, 0, 50 * BTC, 0, 0)
        last = (len(days) + 1, "", "", 0, 0, day(DAYS + 1), 1, "A", 0x1D00FFFF, 0, 0, 0, 0, 0, 0, 0)
        insert(con, "blocks", [genesis, *rows, last])
        facts = []
        for height, n in enumerate(days, 1):
            for tx, dst, sat in ((1, NOBODY, self.out_far[n]), (2, NEAR_A, self.out_near[n])):
                fact = ("entity", height, tx, bytes(32), day(n + 1), False, POOL_A, dst, int(sat))
                facts += [fact] if sat else []
        insert(con, "transfer_facts", facts)
        held = [("entity", h, int(self.held[n]), 2 * int(self.held[n])) for h, n in enumerate(days, 1)]
        insert(con, "supply", [("entity", 0, 0, 0), *held])
        insert(con, "prices", [(day(n + 1), float(self.price[n])) for n in range(DAYS)])
        return built(con)

    def difficulty(self) -> Series:
        values = 65535 / self.mantissa
        return np.where(self.has_block, values, np.nan)


def _windows(values: Series, size: int, of: Callable[[Series], float]) -> Series:
    found = np.full(len(values), np.nan)
    for end in range(size, len(values) + 1):
        found[end - 1] = of(values[end - size : end])
    return found


def _expected(given: Synthetic) -> dict[str, Series]:
    rev, issue = (given.issue + given.fee) / 1e8, given.issue / 1e8
    far, all_out = given.out_far / 1e8, (given.out_far + given.out_near) / 1e8
    rate = given.difficulty() * 2.0**32 / 86_400 / 1e12
    sums = {name: _windows(x, 30, np.sum) for name, x in (("rev", rev), ("far", far), ("all", all_out))}
    usd = far * given.price
    index = _windows(usd, 365, lambda year: year[-1] / year.mean())
    held = np.array([given.held[: n + 1][given.has_block[: n + 1]][-1] for n in range(DAYS)]) / 1e8
    change = np.concatenate([np.full(30, np.nan), held[30:] - held[:-30]])
    expected = {
        "MRI0HopAll30d": sums["all"] / sums["rev"],
        "MRI1HopAll30d": sums["far"] / sums["rev"],
        "PuellMulRev": _windows(rev * given.price, 365, lambda year: year[-1] / year.mean()),
        "PuellMultiple": _windows(issue * given.price, 365, lambda year: year[-1] / year.mean()),
        "HashRibbon30d": _windows(rate, 30, np.nanmean),
        "HashRibbon60d": _windows(rate, 60, np.nanmean),
        "MinerOutflowMultiple": _windows(far, 365, lambda year: year[-1] / year.mean()),
        "CapitulationIndex": index,
        "MPI": _windows(index, 365, lambda year: (year[-1] - year.mean()) / year.std(ddof=1)),
        "MinerOutflowMeanMA7": _windows(np.where(far > 0, far, np.nan), 7, np.nanmean),
        "SplyMiner1HopAllChg30dUSD": 2 * change * given.price,
        "RevAllTimeUSD": (rev * given.price).cumsum(),
        "ThermoCap": (issue * given.price).cumsum(),
        "SplyCur": issue.cumsum(),
    }
    for size in (9, 14, 25, 40, 60, 90, 128, 200):
        expected[f"DifficultyRibbon{size}d"] = _windows(given.difficulty(), size, np.nanmean)
    return expected


GIVEN = Synthetic()
EXPECTED = _expected(GIVEN)


@pytest.fixture(scope="module")
def synthetic() -> duckdb.DuckDBPyConnection:
    return GIVEN.load()


@pytest.mark.parametrize("name", EXPECTED)
def test_windows_equal_an_independent_computation(name: str, synthetic: duckdb.DuckDBPyConnection) -> None:
    metric = Catalogue(synthetic).find(name)
    rows = synthetic.execute(values_sql([metric], Choice())).fetchall()
    found = np.array([np.nan if value is None else float(value) for _, value in rows])
    assert [row[0] for row in rows] == [day(n + 1) for n in range(DAYS)]
    assert np.isfinite(EXPECTED[name]).sum() > 40
    np.testing.assert_allclose(found, EXPECTED[name], rtol=1e-9, atol=1e-12)
