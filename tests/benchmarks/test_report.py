"""The report's Markdown from made-up figures, and the clocks that the profile puts around functions."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import processes, report, sections
from tests.benchmarks.chain_reader import SpentOutput
from tests.benchmarks.node_server import spent_bytes
from tests.benchmarks.projection import project
from tests.benchmarks.stopwatch import Stopwatch


def extraction_of(transactions: int, one_s: float, two_s: float) -> dict[str, Any]:
    run = {
        "transactions": transactions,
        "raw_bytes": 600 * transactions,
        "highest_process_bytes": 7e8,
        "load_seconds": 1,
    }
    size = {"bytes": 600 * transactions, "seconds": 0.5}
    return {
        "transactions": transactions, "cat": size, "xor": size,
        "one": run | {"seconds": one_s}, "two": run | {"seconds": two_s},
    }  # fmt: skip


def peer(name: str, task: str, rate: float, error: str | None = None) -> dict[str, Any]:
    return {
        "peer": name, "requirement": f"{name}==1", "task": task, "transactions": 400_000, "seconds": 1.0,
        "transactions_per_second": rate, "peak_memory_bytes": 1, "error": error,
    }  # fmt: skip


def run_of(transactions: int, seconds: float, peak: float) -> dict[str, Any]:
    return {
        "transactions": transactions, "seconds": seconds, "blocks": 1000, "rows": 5 * transactions,
        "addresses": transactions, "state_bytes": 40 * transactions, "lake_bytes": 200 * transactions,
        "stations": {"source": 1.0, "extract": 20.0, "track": 10.0, "load": 5.0, "publish": 1.0},
        "highest_process_bytes": peak, "sampled_sum_bytes": peak, "sampled_private_sum_bytes": peak,
    }  # fmt: skip


@pytest.fixture
def measured() -> dict[str, Any]:
    node = {"read": {"seconds": 1.0}, "extract": {"seconds": 2.0, "transactions": 50_000}}
    rows = {
        "rows": 60_000_000,
        "seconds": 15.0,
        "tracker_seconds": 10.0,
        "ownership_seconds": 4.0,
        "track_seconds": 6.0,
    }
    memory = {"addresses": 50_000_000, "state_bytes": 2e9, "growth_bytes": 2e9, "peak_memory_bytes": 2e9}
    return {
        "machine": {"date": "2026-01-02", "processor": "Abacus, 2 cores"},
        "sections": {
            "extraction": {
                "main": extraction_of(10_000_000, 20.0, 10.0),
                "small": extraction_of(400_000, 1.0, 0.5),
                "peers": [
                    peer("bitcoin-explorer", "blocks with prevouts", 20_000),
                    peer("blockchain-parser", "reads", 50_000),
                    peer("bitcoin-etl", "getblock", 0, "Traceback:\nValueError: a | b"),
                ],
            },
            "profile": {
                "seconds": 10.0,
                "transactions": 10,
                "parts": {"extract: parse": 6.0, "track: read the lake": 3.0},
            },
            "tracker": {"track": rows | memory, "register": memory},
            "pipeline": {
                "small": run_of(400_000, 4.0, 5e8),
                "main": run_of(10_000_000, 40.0, 1.0e9),
                "large": run_of(40_000_000, 176.0, 2.5e9),
            },
            "node": {
                "rest": node,
                "rpc": node,
                "bitcoinrpc": {"seconds": 5.0, "transactions": 50_000},
            },
        },
    }


def test_ratios_and_goals(measured: dict[str, Any]) -> None:
    lines = report.markdown(measured).splitlines()
    assert "| extraction, one process, tx/s | at least 400,000 | 500,000 | yes |" in lines
    assert "| extraction, two processes over one | at least 1.7 | 2.00 | yes |" in lines
    # 10 M in 40 s is 250,000 a second, 40 M in 176 s is 227,273: 1.1 times the cost
    assert "| cost per transaction, large chain over main chain | at most 1.2 | 1.10 | yes |" in lines
    # the peak grows by 1.5 GB, the state by 30 M addresses of 40 bytes, 1.2 GB
    assert "| growth of that peak to the large chain, over the tracker's | at most 1 | 1.25 | no |" in lines
    # 400,000 in a second is 20 times the peer's 20,000
    assert "| bitcoin-explorer 1 | blocks with prevouts | 400,000 | 20,000 | 0 | 20.0 | 10 |" in lines
    assert "**The next bottleneck: extract: parse**, 60.0 % of the time." in lines
    assert any("minerflow publishes 100,000 a second within 500 MB" in line for line in lines)
    assert "| minerflow, RPC | to Parquet, one process | 25,000 |" in lines
    assert "| python-bitcoinrpc | getblock 3 to objects | 10,000 |" in lines


def test_a_failing_peer_is_shown_as_failing(measured: dict[str, Any]) -> None:
    assert "| bitcoin-etl 1 | getblock |  | fails: ValueError: a / b |  |  | 50 |" in report.markdown(
        measured
    )


@pytest.mark.parametrize("section", list(report.TITLES))
def test_a_section_that_fails_or_is_missing_is_told(measured: dict[str, Any], section: str) -> None:
    failing = copy.deepcopy(measured)
    failing["sections"][section] = {"error": "exit code 1\nMemoryError: all gone"}
    assert "fails: MemoryError: all gone" in report.markdown(failing)
    del failing["sections"][section]
    assert "Not measured." in report.markdown(failing)


@pytest.mark.parametrize(
    "path",
    [
        ("extraction", "main", "one"), ("extraction", "small", "one"), ("extraction", "main", "two"),
        ("extraction", "main", "xor"), ("tracker", "track"), ("tracker", "register"),
        ("pipeline", "main"), ("pipeline", "large"), ("node", "rpc", "read"), ("node", "bitcoinrpc"),
    ],
)  # fmt: skip
def test_a_step_that_fails_is_told(measured: dict[str, Any], path: tuple[str, ...]) -> None:
    *outer, last = path
    figures = measured["sections"]
    for key in outer:
        figures = figures[key]
    figures[last] = {"error": "killed by signal 9"}
    assert "fails: killed by signal 9" in report.markdown(measured)


def test_projection(measured: dict[str, Any]) -> None:
    found = measured["sections"]
    whole = project(found["extraction"], found["pipeline"], found["tracker"]["register"])
    # one process: 6 GB in 20 s; each doubling doubles: 600 MB/s on two cores, 2,400 on eight
    assert whole.file_bytes_per_s == pytest.approx({2: 6e8, 8: 2.4e9})
    assert whole.hours[2]["extract"] == pytest.approx(895e9 / 6e8 / 3600)
    # the large run: 200 M rows in 10 s; 5 s to load 40 M transactions; 1 s to open 1,000 blocks
    assert whole.hours[8]["track"] == pytest.approx(7.4e9 / 20e6 / 3600)
    assert whole.hours[8]["load"] == pytest.approx(1.5e9 / 8e6 / 3600)
    assert whole.hours[2]["open"] == pytest.approx(980 / 3600)
    assert (whole.tracker_bytes, whole.lake_bytes) == pytest.approx((60e9, 300e9))


def test_only_what_stands_between_the_markers_changes() -> None:
    text = f"# Title\n\n{report.BEGIN}\nold\n{report.END}\n\n## Design\nend\n"
    new = report.replaced(text, "new\n")
    assert new == f"# Title\n\n{report.BEGIN}\nnew\n{report.END}\n\n## Design\nend\n"
    assert report.replaced(new, "new\n") == new


def test_missing_markers_are_added_before_the_design() -> None:
    assert report.replaced("a\n\n## Design\nb\n", "new\n") == (
        f"a\n\n{report.BEGIN}\nnew\n{report.END}\n\n## Design\nb\n"
    )
    with pytest.raises(ValueError, match="benchmark:end"):
        report.replaced(f"a\n{report.BEGIN}\n## Design\n", "new\n")


def test_one_section_is_measured_and_the_others_are_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, measured: dict[str, Any]
) -> None:
    (tmp_path / "report.json").write_text(json.dumps(measured))
    monkeypatch.setattr(report, "warm_up", lambda bench: None)

    def fail(bench: sections.Bench) -> processes.Figures:
        raise OSError("no disk")

    monkeypatch.setitem(sections.SECTIONS, "node", fail)
    found = report.measure(sections.Bench(tmp_path, 400_000, None), ["node"])
    assert found["sections"]["node"]["error"].endswith("no disk")
    assert found["sections"]["profile"] == measured["sections"]["profile"]
    assert json.loads((tmp_path / "report.json").read_text()) == found


def test_parts_leave_out_the_parts_within() -> None:
    watch = Stopwatch()
    inner = watch.around("inner", lambda: time.sleep(0.1))

    def busy() -> None:
        inner()
        inner()
        time.sleep(0.01)

    watch.around("outer", busy)()
    assert watch.calls == {"inner": 2, "outer": 1}
    assert watch.seconds["inner"] >= 0.2
    assert 0.01 <= watch.seconds["outer"] < 0.1


def test_a_generator_is_clocked_while_it_makes_items() -> None:
    watch = Stopwatch()

    def slow(count: int) -> Any:
        for number in range(count):
            time.sleep(0.01)
            yield number

    found = []
    for number in watch.around_generator("items", slow)(3):
        time.sleep(0.2)
        found.append(number)
    assert found == [0, 1, 2]
    assert 0.03 <= watch.seconds["items"] < 0.3


def test_every_spot_of_the_profile_exists() -> None:
    program = "from tests.benchmarks.stopwatch import Stopwatch; Stopwatch().install()"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=report.README.parent)


def test_memory_of_children_counts() -> None:
    hold = "import time; x = b'1' * 80_000_000; time.sleep(1)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    with subprocess.Popen([sys.executable, "-c", outer]) as process:
        watch = processes.MemoryWatch(process.pid)
        process.wait()
        watch.stop()
    figures = watch.figures()
    assert 80_000_000 < figures["sampled_process_bytes"] < figures["sampled_sum_bytes"]


def test_a_failing_step_gives_its_error() -> None:
    assert "nothing" in processes.run_step("nothing")["error"]


def test_spent_outputs_as_rest_gives_them() -> None:
    spent = SpentOutput(7, False, 258, b"\x51")
    assert spent_bytes([[], [spent, spent]]).hex() == "0200" + "02" + "02010000000000000151" * 2


@pytest.mark.parametrize(
    ("transactions", "name"), [(400_000, "400k"), (10_000_000, "10m"), (1_500_000, "1500k"), (7, "7")]
)
def test_chain_names(transactions: int, name: str) -> None:
    assert sections.chain_name(transactions) == name
