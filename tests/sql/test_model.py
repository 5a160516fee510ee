"""The cases in YAML: every metric has at least one."""

from __future__ import annotations

import re

import pytest

from etl.warehouse.catalogue import read_catalogue
from tests.results.test_metrics import CODES
from tests.sql.model import Case, cases, check, warehouse

CASES = cases()


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_case(case: Case) -> None:
    con = warehouse(case["given"])
    for expected in case["expect"]:
        check(con, expected)


def test_every_metric_has_a_case() -> None:
    """Metrics of one exchange are one, but for their units."""
    named = {
        _of_any_exchange(metric)
        for _, case in CASES
        for expected in case["expect"]
        for metric in (expected["metric"] if isinstance(expected["metric"], list) else [expected["metric"]])
    }
    con = warehouse({"blocks": [{"day": 1}, {"day": 2}]})
    assert {_of_any_exchange(metric.id) for metric in read_catalogue(con)} == named


def _of_any_exchange(metric: str) -> str:
    return re.sub(f"({'|'.join(CODES)})(?=Ntv|USD)", "{X}", metric)
