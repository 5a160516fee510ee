"""Compiled code is cached between test runs, and compiled by one worker while another has other work."""

from __future__ import annotations

from pathlib import Path

import pytest

_COMPILES_NOTHING = (
    "disk/",
    "prices/",
    "results/charts/test_charts",
    "results/test_published",
    "results/test_spreadsheets",
    "serve/test_access",
    "serve/test_bad_input",
    "serve/test_openapi",
    "sql/test_checks",
    "sql/test_miner_outflow",
    "sql/test_model",
    "sql/test_windows",
    "warehouse/test_catalogue",
)
_TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what compiles nothing into the middle, where the second of two workers begins."""
    light = [item for item in items if _is_light(item)]
    others = [item for item in items if not _is_light(item)]
    half = len(items) // 2
    items[:] = [*others[:half], *light, *others[half:]]


def _is_light(item: pytest.Item) -> bool:
    return item.path.relative_to(_TESTS).as_posix().startswith(_COMPILES_NOTHING)
