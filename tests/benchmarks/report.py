"""Measures minerflow beside its peers and writes the README's benchmark section.

    python -m tests.benchmarks.report --cache DIR [--skip-large] [--only SECTION]

Figures stay in DIR/report.json, so that one section can be measured anew and the whole written
again. Invariants: everything that was measured is written, failures too; nothing of the README
changes but what stands between its markers.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.machine import machine_facts
from tests.benchmarks.memory import TOUCHED_BYTES
from tests.benchmarks.processes import Figures
from tests.benchmarks.sections import SECTIONS, Bench, run_section, warm_up
from tests.benchmarks.summary import goal_lines, projection_lines, reader_lines
from tests.benchmarks.tables import (
    extraction_lines,
    node_lines,
    pipeline_lines,
    profile_lines,
    table,
    told,
    tracker_lines,
)

README = Path(__file__).parent.parent.parent / "README.md"
BEGIN, END = "<!-- benchmark:begin -->", "<!-- benchmark:end -->"
COMMAND = "python -m tests.benchmarks.report --cache DIR"
READY = (
    f"Before each run, of minerflow or a peer, up to {TOUCHED_BYTES >> 30} GiB of free memory are touched, "
    "since a host gives a virtual machine memory only then, and its files are read, so that they lie in "
    "memory as far as they fit."
)
_BEFORE = "## Design"

TITLES: dict[str, tuple[str, Callable[[Figures], list[str]]]] = {
    "extraction": ("Extraction: block files to Parquet, with prevouts and txids", extraction_lines),
    "profile": ("Where the time goes", profile_lines),
    "tracker": ("Tracking", tracker_lines),
    "pipeline": ("Block files to published views, two processes", pipeline_lines),
    "node": ("REST and RPC, from a local server of recorded answers", node_lines),
}


def markdown(measured: Figures) -> str:
    """All that was measured; `measured` has the machine's facts and the sections' figures."""
    facts, sections = measured["machine"], measured["sections"]
    lines = [f"Measured and written by `{COMMAND}`.", "", READY, ""]
    lines += [*table("machine|", ([name, text] for name, text in facts.items())), *goal_lines(sections)]
    for name, (title, written) in TITLES.items():
        lines += [f"### {title}", "", *_section_lines(sections.get(name), written)]
        lines += reader_lines(sections) if name == "pipeline" else []
    lines += ["### The whole chain, projected", "", *projection_lines(sections)]
    return "\n".join(lines).strip() + "\n"


def _section_lines(figures: Figures | None, written: Callable[[Figures], list[str]]) -> list[str]:
    if figures is None:
        return ["Not measured.", ""]
    if "error" in figures:
        return [told(figures, str), ""]
    return written(figures)


def replaced(text: str, content: str) -> str:
    """The text with new content between the markers, which are added where they are missing."""
    if BEGIN not in text:
        place = text.find(_BEFORE)
        place = len(text) if place < 0 else place
        text = f"{text[:place]}{BEGIN}\n{END}\n\n{text[place:]}"
    head, _, rest = text.partition(BEGIN)
    if END not in rest:
        raise ValueError(f"{END} does not follow {BEGIN}")
    tail = rest.partition(END)[2]
    return f"{head}{BEGIN}\n{content}{END}{tail}"


def _load(path: Path) -> Figures:
    if not path.exists():
        return {"sections": {}}
    figures: Figures = json.loads(path.read_text(encoding="utf-8"))
    return figures


def measure(bench: Bench, names: list[str]) -> Figures:
    """Measure sections; gives all that the cache holds then."""
    path = bench.cache / "report.json"
    bench.cache.mkdir(parents=True, exist_ok=True)
    measured = _load(path) | {"machine": machine_facts(bench.cache)}
    if names:
        warm_up(bench)
    for name in names:
        started = time.monotonic()
        measured["sections"][name] = run_section(name, bench)
        path.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
        sys.stderr.write(f"{name}: {time.monotonic() - started:,.0f} s\n")
    return measured


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="report", description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True, help="for chains, peers and figures")
    parser.add_argument("--transactions", type=int, default=10_000_000)
    parser.add_argument("--large", type=int, default=40_000_000)
    parser.add_argument("--skip-large", action="store_true", help="leave the large chain out")
    parser.add_argument(
        "--only", choices=[*SECTIONS, "projection"], help="one section; projection measures nothing"
    )
    return parser.parse_args()


def main() -> None:
    """Measure as the command line says, and write the README."""
    args = _arguments()
    large = None if args.skip_large else args.large
    bench = Bench(args.cache.resolve(), args.transactions, large)
    names = list(SECTIONS) if args.only is None else [name for name in SECTIONS if name == args.only]
    measured = measure(bench, names)
    text = README.read_text(encoding="utf-8")
    README.write_text(replaced(text, markdown(measured)), encoding="utf-8")


if __name__ == "__main__":
    main()
