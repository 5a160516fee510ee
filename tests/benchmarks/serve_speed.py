"""How fast the server answers over ten years of days of every metric in two profiles.

    python -m tests.benchmarks.serve_speed DIR [--seconds 10]

Makes a synthetic published file in DIR (85 MB; kept, and used again) and prints a table. The load is made on
the same machine, by one process; the update is another, which derives everything anew and publishes, over and
over. Invariant: CPU is the server's own, as the kernel counts it, so that it does not depend on what else the
machine does.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import duckdb

from etl.disk.datadir import DataDirectory
from etl.warehouse.catalogue import build_catalogue
from etl.warehouse.models import apply_views, build_tables
from tests.benchmarks.http_load import Load, request_of, run
from tests.benchmarks.metric_speed import make
from tests.support.browser import CHROMIUM, chromium

DAYS, TRANSFERS = 3_653, 2_000_000
_SERIES = "/v4/timeseries/asset-metrics?assets=btc"
_YEAR = f"{_SERIES}&metrics=FlowMinerOut1HopAllNtv&start_time=2023-01-01&end_time=2023-12-31&page_size=1000"
_FOUR = "FlowMinerOut1HopAllNtv,FlowMinerIn1HopAllNtv,MPI,BlkCnt"
_ALL_ROWS = f"{_SERIES}&metrics={_FOUR}&format=json_stream"
_MIX = [
    _YEAR,
    f"{_YEAR}&format=csv",
    f"{_SERIES}&metrics={_FOUR}&page_size=100",
    f"{_SERIES}&metrics={_FOUR}&format=json_stream&start_time=2024-06-01",
    f"{_SERIES}&metrics=MinerEntity&frequency=1b&page_size=100",
    "/v4/catalog-v2/asset-metrics?metrics=MPI,BlkCnt",
    "/v4/reference-data/asset-metrics?page_size=50",
    "/v1/btc/miner-flows/outflow?miner=pool1&limit=365",
    "/v1/btc/miner-flows/inflow?miner=pool2&window=hour&limit=24",
    "/v1/btc/inter-entity-flows/miner-to-exchange?from_miner=pool3&to_exchange=binance",
    "/v1/btc/flow-indicator/mpi?limit=1000&format=csv",
    "/v1/discovery/endpoints",
    "/health",
    "/openapi.json",
]


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """CPU seconds that it has taken."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float:
        """Most resident memory so far."""
        status = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1_000


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Server, float]]:
    """A server of its own process over a data directory, and the seconds until it was ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "etl.cli", "serve", "--data-dir", str(folder)]
    started = time.perf_counter()
    with (
        (folder / "serve.log").open("w") as log,
        subprocess.Popen([*command, "--port", str(port)], stderr=log) as process,
    ):
        try:
            while not _is_ready(port):
                assert process.poll() is None, (folder / "serve.log").read_text()
                time.sleep(0.02)
            yield Server(port, process.pid), time.perf_counter() - started
        finally:
            process.terminate()


def _is_ready(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(request_of("/ready"))
            return b" 200 " in connection.recv(100)
    except ConnectionError:
        return False


@contextmanager
def updating(folder: Path) -> Iterator[None]:
    """Another process derives and publishes meanwhile."""
    job = multiprocessing.get_context("spawn").Process(target=_publish_for_ever, args=(folder,), daemon=True)
    job.start()
    try:
        yield
        assert job.is_alive(), "the update failed"
    finally:
        job.terminate()
        job.join()


def _publish_for_ever(folder: Path) -> None:
    data_dir = DataDirectory(folder)
    work = folder / "work.duckdb"
    work.with_name("work.duckdb.wal").unlink(missing_ok=True)
    shutil.copyfile(data_dir.published, work)
    while True:
        with duckdb.connect(str(work)) as con:
            con.execute("SET enable_progress_bar = false")
            build_tables(con)
            apply_views(con)
            build_catalogue(con)
        copy = folder / "minerflow.duckdb.tmp"
        shutil.copyfile(work, copy)
        copy.replace(data_dir.published)


def measure(folder: Path, seconds: float) -> Iterator[tuple[str, str, str, str]]:
    """What, what is wanted, what was measured, and CPU per request, row by row."""
    with serving(folder) as (server, ready_s):
        measured = f"{ready_s:.1f} s, {server.peak_mb():.0f} MB"
        cpu = f"{server.cpu_s():.1f} s in all"
        yield "ready after start, 373 metrics in two profiles", "5 s, 600 MB", measured, cpu
        yield "first view of the dashboard in Chromium", "1 s, 500 kB", *_first_view(server)
        stream = [request_of(_ALL_ROWS)]
        first, first_cpu = _load(server, stream, 1, 0)
        again, again_cpu = _load(server, stream, 1, seconds / 4)
        made = f"{first.waits[0] * 1e3:.0f} ms, made before {again.percentile(0.5) * 1e3:.0f} ms"
        yield (
            "four metrics, ten years, json_stream",
            "100 ms",
            made,
            f"{first_cpu:.0f} ms, {again_cpu:.2f} ms",
        )
        yield _row(
            "one year, JSON, 50 connections",
            "2,000/s, p99 50 ms",
            *_load(server, [request_of(_YEAR)], 50, seconds),
        )
        mix = [request_of(target, gzip=number % 2 == 0) for number, target in enumerate(_MIX * 2)]
        yield _row("mix of endpoints and formats", "300/s, p99 250 ms", *_load(server, mix, 50, seconds))
        with updating(folder):
            loaded = _load(server, [request_of(_YEAR)], 50, 3 * seconds)
            yield _row("one year, while an update publishes", "2,000/s, p99 50 ms", *loaded)
            quiet, cpu_ms = _load(server, mix, 1, 2 * seconds)
            longest = f"{max(quiet.waits) * 1e3:.0f} ms of {len(quiet.waits):,}"
            yield (
                "longest wait while files are taken in, one connection",
                "250 ms",
                longest,
                f"{cpu_ms:.2f} ms",
            )
        yield "memory at the end, files taken in meanwhile", "", f"{server.peak_mb():.0f} MB", ""


def _first_view(server: Server) -> tuple[str, str]:
    """Until the chart is drawn in a browser that runs already, and the server's CPU; the median of five."""
    if CHROMIUM is None:
        return "not measured: no Chromium", ""
    seconds: list[float] = []
    sizes: list[int] = []
    before = server.cpu_s()
    with chromium() as browser:
        for _ in range(5):
            received: list[int] = []
            context = browser.new_context()
            page = context.new_page()
            network = context.new_cdp_session(page)
            network.send("Network.enable")
            network.on("Network.loadingFinished", _adder(received))
            started = time.perf_counter()
            page.goto(f"http://127.0.0.1:{server.port}/")
            page.wait_for_selector("#drawing[aria-busy=false]")
            seconds.append(time.perf_counter() - started)
            sizes.append(sum(received))
            context.close()
    spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
    measured = f"{median(seconds):.2f} s ({spread}), {max(sizes) / 1e3:.0f} kB"
    return measured, f"{(server.cpu_s() - before) * 1e3 / 5:.0f} ms"


def _adder(sizes: list[int]) -> Callable[[dict[str, int]], None]:
    return lambda told: sizes.append(told["encodedDataLength"])


def _load(server: Server, requests: list[bytes], connections: int, seconds: float) -> tuple[Load, float]:
    """A load, and the server's CPU per request in ms."""
    before = server.cpu_s()
    load = run(server.port, requests, connections, seconds)
    return load, (server.cpu_s() - before) * 1e3 / len(load.waits)


def _row(what: str, wanted: str, load: Load, cpu_ms: float) -> tuple[str, str, str, str]:
    refused = f", {load.refused} not 200" if load.refused else ""
    waits = f"p99 {load.percentile(0.99) * 1e3:.0f} ms, longest {max(load.waits) * 1e3:.0f} ms"
    return what, wanted, f"{load.rate:,.0f}/s, {waits}{refused}", f"{cpu_ms:.2f} ms"


def main() -> None:
    """Make what is missing, measure, and say it."""
    parser = argparse.ArgumentParser(description="Measure how fast the server answers.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=10, help="of each load")
    options = parser.parse_args()
    if not DataDirectory(options.folder).published.exists():
        make(options.folder, DAYS, TRANSFERS)
    sys.stdout.write("| what | wanted | measured | CPU per request |\n|---|---|---|--:|\n")
    for row in measure(options.folder, options.seconds):
        sys.stdout.write(f"| {' | '.join(row)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
