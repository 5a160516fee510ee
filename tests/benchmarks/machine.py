"""What the machine is, as far as the system says."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

PACKAGES = ("numpy", "numba", "pyarrow", "duckdb", "orjson", "python-bitcoinrpc")


def machine_facts(folder: Path) -> dict[str, str]:
    """Name and value of what figures depend on; the disk is the one that holds `folder`."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": f"{_processor()}, {usable_cores()} cores",
        "memory": f"{_memory_bytes() / 2**30:.0f} GiB",
        "disk": disk_kind(folder),
        "system": f"{_system()}, {platform.system()} {platform.release()}",
        "software": f"Python {platform.python_version()}, {versions}",
    }


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0))


def _line_value(path: Path, key: str, separator: str) -> str:
    """The value behind a key in a file of lines, "unknown" without one."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(separator)
            if name.strip() == key:
                return value.strip().strip('"')
    return "unknown"


def _processor() -> str:
    return _line_value(Path("/proc/cpuinfo"), "model name", ":")


def _system() -> str:
    return _line_value(Path("/etc/os-release"), "PRETTY_NAME", "=")


def _memory_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def disk_kind(folder: Path) -> str:
    """Kind of the disk below a folder: what the kernel says of its device."""
    number = folder.stat().st_dev
    device = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve()
    if not (device / "queue").exists():
        device = device.parent
    flag = device / "queue" / "rotational"
    if not flag.exists():
        return "unknown"
    if device.name.startswith("vd"):
        return f"virtual ({device.name}, kind unknown)"
    return f"{'spinning' if flag.read_text().strip() == '1' else 'solid state'} ({device.name})"
