"""The cost of a run is that of the process that ran, whatever it is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from etl.disk.datadir import DataDirectory
from tests.benchmarks.daily import Measured

RUN = f"""#!{sys.executable}
import os, pathlib, sys, time
data = pathlib.Path(sys.argv[sys.argv.index("--data-dir") + 1])
started = time.process_time()
while time.process_time() - started < 0.3:
    pass
(data / "logs").mkdir(parents=True)
with (data / "some").open("wb") as file:
    file.write(bytes(3_000_000))
    os.fsync(file.fileno())
held = bytearray(200_000_000)
(data / "logs" / "1.json").write_text('{{"seconds": {{"load": 1.5}}}}')
(data / "asked").write_text(" ".join(sys.argv[1:]))
sys.exit(int("--confirmations 9" in " ".join(sys.argv)))
"""


@pytest.fixture
def measured(tmp_path: Path) -> Measured:
    folder = tmp_path / "tree" / ".venv" / "bin"
    folder.mkdir(parents=True)
    (folder / "minerflow").write_text(RUN)
    (folder / "minerflow").chmod(0o755)
    data_dir = DataDirectory(tmp_path / "data")
    return Measured(tmp_path / "tree", tmp_path / "blocks", 100, tmp_path / "labels", data_dir)


def test_what_a_run_took_is_told(measured: Measured) -> None:
    figures = measured.run(80)
    assert 0.3 <= figures["cpu_seconds"] < 3 and figures["seconds"] >= 0.3
    assert figures["stations"] == {"load": 1.5}
    assert figures["written_bytes"] >= 3_000_000 and figures["peak_memory_bytes"] >= 200_000_000
    asked = (measured.data_dir.path / "asked").read_text()
    assert asked.startswith("update ") and "--confirmations 20 " in asked


def test_a_run_that_fails_is_no_measurement(measured: Measured) -> None:
    with pytest.raises(RuntimeError, match="ended with 1"):
        measured.run(91)
