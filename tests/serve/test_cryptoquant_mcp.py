"""CryptoQuant's own MCP server from npm, which turns to another address by an environment variable."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.served import DAYS

PACKAGE = "cryptoquant-mcp@0.2.0"
pytestmark = [
    pytest.mark.skipif("MINERFLOW_FULL" not in os.environ, reason="long form: installs a package of npm"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed"),
]


class Tools:
    """The tools of an MCP server that talks over its standard input and output."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._number = 0

    def ask(self, method: str, **parameters: Any) -> Any:
        """The result of a request."""
        self._number += 1
        self._write({"id": self._number, "method": method, "params": parameters})
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            if told.get("id") == self._number:
                return told["result"]
        raise AssertionError("the MCP server ended")

    def call(self, name: str, **arguments: Any) -> Any:
        """What a tool gives back."""
        return json.loads(self.ask("tools/call", name=name, arguments=arguments)["content"][0]["text"])

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0"} | message) + "\n")
        self._process.stdin.flush()


@contextmanager
def running(address: str, home: Path) -> Iterator[Tools]:
    """The package, installed once, with a home of its own."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "minerflow-tests" / PACKAGE
    program = cache / "node_modules/cryptoquant-mcp/dist/index.js"
    if not program.exists():
        subprocess.run(["npm", "install", "--no-fund", "--no-audit", "--prefix", cache, PACKAGE], check=True)
    environment = os.environ | {
        "HOME": str(home), "CRYPTOQUANT_API_KEY": "none is needed",
        "CRYPTOQUANT_API_URL": f"http://{address}/v1",
    }  # fmt: skip
    with subprocess.Popen(
        ["node", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        tools = Tools(process)
        about = {"name": "test", "version": "0"}
        tools.ask("initialize", protocolVersion="2024-11-05", capabilities={}, clientInfo=about)
        tools._write({"method": "notifications/initialized"})
        try:
            yield tools
        finally:
            process.terminate()


def test_flows_of_every_pool(address: str, file: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    with running(address, tmp_path) as tools:
        begun = tools.call("initialize")
        assert begun["success"], begun
        listed = tools.call("discover_endpoints", asset="btc", category="miner-flows")
        assert "/v1/btc/miner-flows/outflow" in str(listed), listed
        entities = tools.call("query_data", endpoint="/v1/btc/status/entity-list", params={"type": "miner"})
        pools = [each["symbol"] for each in entities["result"]["data"]]
        assert pools == ["a", "b", "all_miner"]
        for pool in pools:
            asked = {"miner": pool, "window": "day", "limit": 1_000}
            told = tools.call("query_data", endpoint="/v1/btc/miner-flows/outflow", params=asked)
            expected = file.execute(
                "SELECT CAST(day AS VARCHAR), CAST(total_btc AS DOUBLE) FROM miner_outflow "
                "WHERE profile = 'entity' AND lower(miner) = ? ORDER BY day DESC",
                [pool],
            ).fetchall()
            found = [(row["date"], row["outflow_total"]) for row in told["result"]["data"]]
            assert found == expected
            assert len(found) == DAYS
        since = {"window": "day", "from": "2021-01-01T00:00:00Z", "limit": 1_000}
        mpi = tools.call("query_data", endpoint="/v1/btc/flow-indicator/mpi", params=since)
        assert mpi["result"]["data"][-1]["date"] == "2021-01-01"
        refused = tools.call("query_data", endpoint="/v1/btc/miner-flows/outflow", params={"miner": "nobody"})
        assert refused["details"], refused
