"""The README's example in Python runs as it stands there."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import minerflow
import pytest

from tests.support.charted import publish_charted

README = Path(__file__).parent.parent.parent / "README.md"


def test_the_example_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    publish_charted(tmp_path / "minerflow-demo" / "economy", 40)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(code, str(README), "exec"), names)
    assert names["largest"] == "A" and len(names["weekly"]) == 40
    assert isinstance(names["busiest"], date)
    day = minerflow.read("MinerOutflowTotalNtv", miner="A", data_dir="minerflow-demo/economy").to_pylist()
    most = max(row["MinerOutflowTotalNtv"] for row in day)
    assert sum(row["btc"] for row in names["transactions"].to_pylist()) == most > Decimal(1)
    assert str(names["busiest"]) in capsys.readouterr().out
