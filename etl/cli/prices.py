"""`minerflow prices`: import, update."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etl.cli.common import Command, job_of, settings_of
from etl.cli.text import printable
from etl.errors import UsageError
from etl.prices.providers import PROVIDERS

if TYPE_CHECKING:
    from etl.prices.price_file import PriceRow

_REPLACE = click.option(
    "--replace", is_flag=True, help="Overwrite prices held that differ, instead of stopping."
)


@click.group(epilog="\b\nExample:\n  minerflow prices import my-prices.csv")
def command() -> None:
    """Add daily prices to those held.

    Each takes --data-dir, --config and -v, --verbose.
    """


@command.command("import", cls=Command, example="minerflow prices import my-prices.csv")
@click.argument("file", type=click.Path(path_type=Path))
@_REPLACE
def import_file(file: Path, replace: bool, **options: Any) -> None:
    """Add the prices of a CSV file with the columns date, price_usd and, if wanted, source.

    The price of a day is the one at its end, 00:00 UTC of the next day. Days given twice and jumps
    are reported; gaps, and prices other than those held, stop the import.
    """
    from etl.prices.price_file import read_price_rows

    if not file.is_file():
        raise UsageError(f"{file} is not a file", "check the path")
    given = read_price_rows(file)
    _store([row._replace(source=row.source or file.name) for row in given], replace, options)


@command.command("update", cls=Command, example="minerflow prices update --provider kraken")
@click.option("--provider", type=click.Choice(list(PROVIDERS)), required=True, help="Whom to ask.")
@click.option("--base-url", metavar="URL", help="Another address of the provider.")
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The first day to ask for.  [default: the one after the last held]",
)
@_REPLACE
def update(provider: str, base_url: str | None, start: Any, replace: bool, **options: Any) -> None:
    """Ask a provider for the prices of all days since the last one held."""
    from datetime import UTC, datetime, timedelta

    from etl.disk.datadir import DataDirectory
    from etl.prices.job import held_prices
    from etl.prices.providers import fetch_prices

    last = datetime.now(UTC).date() - timedelta(days=1)
    held = held_prices(DataDirectory(settings_of(options).data_dir))
    if not held and not start:
        raise UsageError("no price is held, so there is no last one to go on from", "name a day with --start")
    first = start.date() if start else max(row.day for row in held) + timedelta(days=1)
    if first > last:
        click.echo(f"nothing to ask for: prices are held up to {first - timedelta(days=1)}")
        return
    timeout_s = settings_of(options).timeout_s
    rows = fetch_prices(
        provider, first, last, base_url=base_url, timeout_s=timeout_s,
        notify=_say,
    )  # fmt: skip
    missing = (last - first).days + 1 - len(rows)
    if missing:
        click.echo(f"warning: {provider} has no price for {missing:,} of the days asked", err=True)
    _store(rows, replace, options)


def _store(rows: list[PriceRow], replace: bool, options: dict[str, Any]) -> None:
    from etl.compiled.notice import compiling_told
    from etl.prices.job import store_prices

    job = job_of(options)
    with compiling_told(_say):
        merged = store_prices(job, rows, replace=replace)
    for line in merged.lines():
        click.echo(printable(line))


def _say(text: str) -> None:
    click.echo(printable(text), err=True)
