"""One door to compiled code: whatever a command imports first, it takes machine code of its own sources."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from etl import cache_folder
from tests.support.golden import ECONOMY

ROOT = Path(__file__).parent.parent.parent

_COMMANDS: dict[str, list[object]] = {
    "backfill": ["--blocks-dir", "/nowhere"],
    "update": ["--blocks-dir", "/nowhere"],
    "restate": [],
    "verify": [],
    "prices": ["import", ECONOMY.folder / "prices.csv"],
    "doctor": ["--blocks-dir", ECONOMY.blocks_dir],
    "demo": [],
    "status": [],
}
"""Each ends at once, but has loaded what it needs: the data directory is empty, or a file."""

_REPORT = """
import json, sys
from etl.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code or 0
caches = [
    value._cache.cache_path
    for name, module in list(sys.modules.items()) if name.split(".")[0] in ("etl", "clustering")
    for value in vars(module).values() if hasattr(getattr(value, "_cache", None), "cache_path")
]
print("\\n" + json.dumps({"code": code, "caches": sorted(set(caches))}))
"""


def _run(command: str, data_dir: Path, environment: dict[str, str]) -> tuple[list[str], str]:
    """The folders of the functions that a command has loaded, and its stderr."""
    args = [command, *map(str, _COMMANDS[command])]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "XDG_"))}
    run = subprocess.run(
        [sys.executable, "-c", _REPORT, *args, "--data-dir", str(data_dir)],
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        cwd=data_dir.parent,
    )
    assert "Traceback" not in run.stdout + run.stderr, run.stderr
    report = json.loads(run.stdout.splitlines()[-1])
    return report["caches"], run.stderr


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_takes_the_right_folder(command: str, tmp_path: Path) -> None:
    """The user's; without a home that can be written to, the data directory or a temporary one."""
    (tmp_path / "home").mkdir()
    (tmp_path / "tmp").mkdir()
    data_dir = tmp_path / "data"
    if command == "demo":
        data_dir.touch()
    else:
        data_dir.mkdir()
    wanted = tmp_path / "home" / ".cache" / "minerflow" / cache_folder.digest()
    caches, said = _run(command, data_dir, {"HOME": str(tmp_path / "home")})
    assert caches or command in ("prices", "status")
    assert all(Path(cache).is_relative_to(wanted) for cache in caches), caches
    assert "compiled to" not in said
    environment = {"HOME": "/proc/self/nowhere", "TMPDIR": str(tmp_path / "tmp")}
    elsewhere, said = _run(command, data_dir, environment)
    assert len(elsewhere) == len(caches)
    base = tmp_path / "tmp" if command == "demo" else data_dir / "state" / "compiled"
    assert all(Path(cache).is_relative_to(base) for cache in elsewhere), elsewhere
    assert said.count("code is compiled to") == (command == "demo")


_ASK = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
import numpy as np
from etl.chain.scripts import _hash_rows
out = np.zeros(1, np.uint64)
_hash_rows(np.zeros((1, 4), np.uint8), out)
print(int(out[0]))
"""


def test_a_changed_function_is_never_missed(tmp_path: Path) -> None:
    """An upgrade, as a command sees it whose first import is another than that of the command before.

    Numba itself notices a change of the file of the caller alone.
    """
    for package in ("etl", "clustering"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "home").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "XDG_"))}
    environment = {**kept, "HOME": str(tmp_path / "home"), "PYTHONPATH": str(tmp_path)}

    def answer(*modules: str) -> int:
        command = [sys.executable, "-B", "-c", _ASK, *modules]
        run = subprocess.run(
            command, env=environment, capture_output=True, text=True, cwd=tmp_path, check=True
        )
        return int(run.stdout)

    before = answer("etl.sources.opening")
    called = tmp_path / "etl" / "compiled" / "xxhash.py"
    text = called.read_text()
    last = "return uint64(h ^ (h >> uint64(32)))"
    assert text.count(last) == 1
    called.write_text(text.replace(last, "return uint64(h ^ (h >> uint64(32)) ^ uint64(1))"))
    assert answer("numba", "clustering.owners") == before ^ 1
