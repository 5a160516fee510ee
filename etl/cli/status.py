"""`minerflow status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from etl.cli.common import Command, settings_of
from etl.cli.text import print_fields, size_text

if TYPE_CHECKING:
    from etl.results.status import Status


@click.command(cls=Command, example="minerflow status --data-dir ./minerflow-data")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool, **options: Any) -> None:
    """Show what is indexed and how much room it takes."""
    from etl.disk.datadir import DataDirectory
    from etl.results.status import read_status

    status = read_status(DataDirectory(settings_of(options).data_dir))
    if as_json:
        click.echo(status.to_json())
    else:
        _print(status)


def _print(status: Status) -> None:
    print_fields(
        {
            "data directory": status.data_dir,
            "network": status.network,
            "indexed": f"blocks {status.first_height:,} to {status.last_height:,}",
            "last block": f"{status.tip_hash} ({status.tip_time})",
            "last final day": status.last_final_day or "none yet",
        }
    )
    click.echo("\nrows")
    print_fields({name: f"{count:>15,}" for name, count in status.rows.items()})
    click.echo("\nsize")
    print_fields({name: f"{size_text(count):>15}" for name, count in status.bytes.items()})
