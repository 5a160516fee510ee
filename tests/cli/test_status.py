from __future__ import annotations

import json
from pathlib import Path

from tests.cli.run import minerflow
from tests.support.golden import ECONOMY


def test_status_equals_the_golden_results(economy: Path) -> None:
    status = json.loads(minerflow("status", "--json", "--data-dir", economy).stdout)
    blocks = ECONOMY.expected("blocks")
    assert (status["network"], status["first_height"], status["last_height"]) == ("regtest", 0, 531)
    assert status["tip_hash"] == blocks[-1]["hash"]
    assert status["last_final_day"] == sorted({block["day"] for block in blocks})[-2]
    for table in ("blocks", "daily_flows", "addresses", "conflicts", "coinjoins"):
        assert status["rows"][table] == len(ECONOMY.expected(table)), table


def test_status_sizes_are_those_on_the_disk(economy: Path) -> None:
    sizes = json.loads(minerflow("status", "--json", "--data-dir", economy).stdout)["bytes"]
    files = {path: path.stat().st_size for path in economy.rglob("*") if path.is_file()}
    assert sizes == {
        "lake": sum(size for path, size in files.items() if economy / "lake" in path.parents),
        "database": files[economy / "minerflow.duckdb"],
        "total": sum(files.values()),
    }


def test_status_for_people_says_the_same(economy: Path) -> None:
    text = minerflow("status", "--data-dir", economy).stdout
    assert "blocks 0 to 531" in text
    assert ECONOMY.expected("blocks")[-1]["hash"] in text
    assert ["daily_flows", f"{len(ECONOMY.expected('daily_flows')):,}"] in [
        line.split() for line in text.splitlines()
    ]


def test_nothing_published_is_told(tmp_path: Path) -> None:
    assert "holds no published results" in minerflow("status", exit_code=1).stderr
