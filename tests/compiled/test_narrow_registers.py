"""Processors that lack what this one has: the same digests from narrower instructions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.properties import FULL

_ROOT = Path(__file__).parent.parent.parent


@pytest.mark.skipif(not FULL, reason="one of the long tests: MINERFLOW_FULL=1")
@pytest.mark.parametrize("processor", ["haswell", "x86-64"])
def test_narrow_registers(processor: str, tmp_path: Path) -> None:
    """`haswell` has AVX2, `x86-64` is what every processor of that kind has."""
    narrow = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["tests/compiled/test_sha256.py", "tests/chain/test_mainnet_blocks.py"]
    environment = os.environ | narrow | {"MINERFLOW_FULL": ""}
    done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
