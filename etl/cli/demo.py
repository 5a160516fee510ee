"""`minerflow demo`."""

from __future__ import annotations

import socket
import threading
import time
import urllib.request
import webbrowser
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import click

from etl.cli.common import Command, settings_of
from etl.cli.text import Heading, print_fields, print_table
from etl.disk.datadir import DataDirectory
from etl.resources import demo_dir

if TYPE_CHECKING:
    import duckdb

    from etl.cli.progress import BarProgress, LineProgress
    from etl.settings import Settings

DIRECTORY = Path("minerflow-demo")
CHAINS = {
    "mainnet": "the first 4,522 blocks of Bitcoin (January and February 2009)",
    "economy": "a simulated economy with pools, exchanges and CoinJoins",
}
METRICS = (
    "FlowMinerOut1HopAllNtv",
    "FlowMinerIn1HopAllNtv",
    "FlowMinerNet1HopAllNtv",
    "FlowMinerOut1HopAllExNtv",
    "SplyMiner1HopAllNtv",
)
_LATEST_DAYS = 3
_OPENED_FROM = "2019-01-10"
"""Where the economy has begun to move."""
_STARTS_WITHIN_S = 60

_COUNTS = """
    SELECT
        (SELECT count(*) FROM blocks) AS blocks,
        (SELECT sum(tx_count) FROM blocks) AS transactions,
        (SELECT count(*) FROM days) AS days,
        (SELECT count(*) FROM transfers) AS transfers,
        (SELECT count(DISTINCT address) FROM addresses) AS addresses
"""


@click.command(cls=Command, example="minerflow demo --open")
@click.option(
    "--open", "is_opened", is_flag=True, help="Then serve the economy's results and open them in a browser."
)
def command(data_dir: Path | None, is_opened: bool, **options: Any) -> None:
    """Run the whole way on two chains that come with minerflow.

    The results go to ./minerflow-demo, or to --data-dir.
    """
    from etl.cli.progress import open_progress
    from etl.compiled.notice import compiling_told

    settings = settings_of(options)
    base = data_dir or DIRECTORY
    with open_progress() as progress, compiling_told(progress.message):
        for chain in CHAINS:
            _run(settings, chain, base / chain, progress)
    for chain, description in CHAINS.items():
        click.echo(f"\n{chain}: {description}\n")
        _show(DataDirectory(base / chain))
    _say_what_next(base)
    if is_opened:
        _open(base / "economy")


def _open(data_dir: Path) -> None:
    """Serve results at a free port until the user stops it, and show them."""
    from etl.cli.serve import run_server

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/?from={_OPENED_FROM}"
    threading.Thread(target=_show_when_ready, args=(address,), daemon=True).start()
    click.echo(f"\nThe dashboard: {address} (Ctrl+C stops it)")
    run_server(data_dir, "127.0.0.1", port)


def _show_when_ready(address: str) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(urljoin(address, "/ready")):
            webbrowser.open(address)
            return
        time.sleep(0.1)


def _run(settings: Settings, chain: str, data_dir: Path, progress: BarProgress | LineProgress) -> None:
    from etl.jobs.pipeline import run_backfill
    from etl.jobs.request import options_of

    bundled = demo_dir(chain)
    has_labels = chain == "economy"
    demo = replace(
        settings,
        data_dir=data_dir,
        source="blockfiles",
        blocks_dir=bundled / "blocks",
        rpc_url=None,
        confirmations=None,
        pools=None,
        exchanges=bundled / "exchanges.csv" if has_labels else None,
        prices=bundled / "prices.csv" if has_labels else None,
    )
    progress.message(f"{chain}: {bundled / 'blocks'}")
    run_backfill(options_of(demo), None, progress)


def _show(data_dir: DataDirectory) -> None:
    from etl.results.published import open_published

    with open_published(data_dir) as con:
        counts = con.execute(_COUNTS).fetchall()[0]
        names = [column[0] for column in con.description or []]
        days, values = _latest_days(con)
    print_fields({name: f"{count:>9,}" for name, count in zip(names, counts, strict=True)})
    click.echo("\nlatest final days (profile entity, BTC)")
    headings = [Heading("metric"), *(Heading(day, is_number=True) for day in days)]
    print_table(headings, list(zip(METRICS, *values, strict=True)))


def _latest_days(con: duckdb.DuckDBPyConnection) -> tuple[list[str], list[list[str]]]:
    """The days, oldest first, and of each the value of every metric."""
    listed = ", ".join(
        f"CAST(max(value) FILTER (metric = '{metric}') AS DECIMAL(20, 8))" for metric in METRICS
    )
    rows = con.execute(
        f"SELECT day, {listed} FROM metrics WHERE profile = 'entity' "
        f"GROUP BY day ORDER BY day DESC LIMIT {_LATEST_DAYS}"
    ).fetchall()
    days = [str(row[0]) for row in reversed(rows)]
    return days, [[f"{value:,f}" for value in row[1:]] for row in reversed(rows)]


def _say_what_next(base: Path) -> None:
    click.echo("Try next, on these results and then on your own node:\n")
    question = (
        "SELECT day, miner, total_sat, tx_count FROM miner_outflow "
        "WHERE profile = 'entity' ORDER BY total_sat DESC LIMIT 10"
    )
    click.echo(f'  minerflow query "{question}" --data-dir {base / "economy"}')
    click.echo("  minerflow doctor")
