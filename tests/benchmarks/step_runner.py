"""Runs one measured step and prints its figures.

    python -m tests.benchmarks.step_runner STEP '{"argument": ...}'

Invariants: the step's modules are imported before its clock starts; compiled code comes from the
cache that the command line uses; the last line printed is a JSON object that ends with the peak
memory of this process.
"""

from __future__ import annotations

import importlib
import json
import sys

from tests.benchmarks.processes import memory_of

STEPS = {
    "extract_files": "file_steps",
    "xor_pass": "file_steps",
    "label_services": "file_steps",
    "track_lake": "tracking_steps",
    "register_addresses": "tracking_steps",
    "backfill": "job_steps",
    "profiled_backfill": "job_steps",
    "read_node": "node_steps",
    "extract_node": "node_steps",
    "bitcoinrpc": "node_steps",
}
"""The module of each step."""


def main() -> None:
    """Run the step that the command line names."""
    step = sys.argv[1]
    function = getattr(importlib.import_module(f"tests.benchmarks.{STEPS[step]}"), step)
    figures = function(**json.loads(sys.argv[2]))
    figures["peak_memory_bytes"] = memory_of("self")["VmHWM"]
    sys.stdout.write("\n" + json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
