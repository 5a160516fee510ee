"""Running `minerflow` within the tests' process, or in one of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from etl.cli import main

ROOT = Path(__file__).parent.parent.parent


def minerflow(*args: object, exit_code: int = 0) -> Result:
    """The result of a command that ends with `exit_code`."""
    result = CliRunner().invoke(main, [str(arg) for arg in args], prog_name="minerflow")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == exit_code, result.output
    return result


def process(*args: object) -> subprocess.Popen[str]:
    """A running command; stderr comes with stdout.

    It heeds Ctrl-C also where the tests do not: a shell has what it starts in the background ignore it, and
    what these start in turn.
    """
    heeded = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "etl.cli", *map(str, args)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, heeded)


def modules_after(*args: object) -> set[str]:
    """Which of the heavy libraries a command has loaded when it ends."""
    code = (
        "import sys\n"
        "from etl.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as end:\n    assert end.code in (0, None), end.code\n"
        "heavy = {'numba', 'pyarrow', 'networkx', 'duckdb', 'numpy', 'rich'}\n"
        "print('loaded:', *sorted(heavy & sys.modules.keys()))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.rpartition("loaded:")[2].split())
