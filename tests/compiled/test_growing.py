"""Room that grows where it lies."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from etl.compiled.growing import Room
from etl.errors import OutOfMemory

_RECORD = np.dtype([("id", np.uint64), ("balance_sat", np.int64)])


def test_elements_stay_where_they_are() -> None:
    room = Room(_RECORD)
    few = room.first(10)
    assert not few["id"].any()
    few["id"] = np.arange(10)
    many = room.first(1_000_000)
    assert many.ctypes.data == few.ctypes.data
    assert many["id"].sum() == 45


def test_more_than_the_machine_has_is_an_error() -> None:
    with pytest.raises(OutOfMemory, match="need more memory"):
        Room(_RECORD).first(1 << 60)


LIMITED = """
import resource, sys
from etl.compiled.growing import Room
import numpy as np
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]) << 20,) * 2)
room = Room(np.dtype(np.uint64))
room.first(1000)[:] = 1
print(room.first(1000).sum())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_system_that_promises_little_gives_less_room() -> None:
    command = [sys.executable, "-c", LIMITED]
    done = subprocess.run([*command, "4096"], capture_output=True, text=True, timeout=60)
    assert done.stdout == "1000\n", done.stderr
    done = subprocess.run([*command, "1"], capture_output=True, text=True, timeout=60)
    assert "the system gives no memory" in done.stderr
