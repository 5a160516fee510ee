"""One run at a time for each data directory; a dead process keeps nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from etl.disk.datadir import DataDirectory
from etl.disk.lock import job_lock
from etl.errors import DataDirectoryLocked
from tests.durability.killjob import STARTED, Spec
from tests.support.golden import ECONOMY


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDirectory:
    directory = DataDirectory(tmp_path)
    directory.create()
    return directory


def _hold(data_dir: DataDirectory) -> subprocess.Popen[str]:
    """Another process that holds the lock until it is killed."""
    program = (
        "import sys, time; from pathlib import Path; from etl.disk.datadir import DataDirectory\n"
        "from etl.disk.lock import job_lock\n"
        f"with job_lock(DataDirectory(Path({str(data_dir.path)!r}))):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_run_is_told_who_holds_it(data_dir: DataDirectory) -> None:
    with _hold(data_dir) as holder:
        with (
            pytest.raises(DataDirectoryLocked, match=f"in use by process {holder.pid} ") as caught,
            job_lock(data_dir),
        ):
            pass
        assert caught.value.exit_code == 4
        holder.kill()


def test_a_dead_process_keeps_nothing(data_dir: DataDirectory) -> None:
    with _hold(data_dir) as holder:
        holder.kill()
        holder.wait()
    with job_lock(data_dir):
        pass
    with job_lock(data_dir):  # nor does one that ended
        pass


def test_a_run_that_failed_keeps_nothing(data_dir: DataDirectory) -> None:
    with pytest.raises(ZeroDivisionError), job_lock(data_dir):
        raise ZeroDivisionError
    with job_lock(data_dir):
        pass


def test_the_command_exits_with_4(data_dir: DataDirectory) -> None:
    command = [sys.executable, "-m", "etl.cli", "update", "--data-dir", str(data_dir.path)]
    command += ["--source", "blockfiles", "--blocks-dir", str(ECONOMY.blocks_dir)]
    with _hold(data_dir) as holder:
        second = subprocess.run(command, capture_output=True, text=True)
        holder.kill()
    assert second.returncode == 4
    assert f"process {holder.pid}" in second.stderr


def _children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


def test_processes_of_a_killed_run_end_before_the_next_begins(
    data_dir: DataDirectory, tmp_path: Path
) -> None:
    """Workers hold the lock too: none writes into the lake beside another run."""
    spec = Spec(
        "backfill", str(data_dir.path), str(ECONOMY.blocks_dir), str(ECONOMY.folder / "exchanges.csv")
    )
    command = [sys.executable, "-m", "tests.durability.killjob", json.dumps(asdict(replace(spec, workers=3)))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == STARTED
        deadline = time.monotonic() + 120
        while len(workers := _children(process.pid)) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)  # two workers beside it and the resource tracker
        assert len(workers) == 3
        process.send_signal(signal.SIGKILL)
        process.wait()
    with job_lock(data_dir):
        assert not any(_is_worker(pid) for pid in workers)


def _is_worker(pid: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_lock_file_names_nobody_once_it_is_free(data_dir: DataDirectory) -> None:
    with job_lock(data_dir):
        assert f"process {os.getpid()} " in (data_dir.state / "lock").read_text()
    assert (data_dir.state / "lock").read_text() == ""
