"""A node's directory that one may enter but not list, as Core's own systemd unit makes it (mode 0710)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.run import minerflow


def test_the_option_takes_what_the_environment_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datadir = tmp_path / "bitcoin"
    datadir.mkdir(mode=0o710)
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.R_OK and real(path, mode))
    by_option = minerflow("doctor", "--bitcoin-datadir", datadir, exit_code=1)
    monkeypatch.setenv("MINERFLOW_BITCOIN_DATADIR", str(datadir))
    by_environment = minerflow("doctor", exit_code=1)
    assert by_option.output == by_environment.output
    assert str(datadir) in by_option.output
