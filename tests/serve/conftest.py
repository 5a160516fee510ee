from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from etl.disk.datadir import DataDirectory
from etl.results.published import open_published
from tests.support.served import publish_served, serving


@pytest.fixture(scope="session")
def served_data(tmp_path_factory: pytest.TempPathFactory) -> DataDirectory:
    """A published file that no test changes."""
    return publish_served(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def address(served_data: DataDirectory) -> Iterator[str]:
    """Host and port of a server over it."""
    with serving(served_data) as at:
        yield at


@pytest.fixture(scope="session")
def file(served_data: DataDirectory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file itself."""
    with open_published(served_data) as con:
        yield con
