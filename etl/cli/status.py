"""`minerflow status`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from etl.cli.common import Command, settings_of, source_options
from etl.cli.text import print_fields, size_text

if TYPE_CHECKING:
    from etl.jobs.standing import Standing
    from etl.results.status import Status

_EXAMPLE = "minerflow status --data-dir ./minerflow-data --rpc-url http://127.0.0.1:8332"


@click.command(cls=Command, example=_EXAMPLE)
@source_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool, **options: Any) -> None:
    """Show what is indexed, how far the node is, and how much room it takes.

    -v adds the rows of every table.
    """
    from etl.disk.datadir import DataDirectory
    from etl.jobs.request import options_of
    from etl.jobs.standing import standing
    from etl.results.status import read_status

    settings = settings_of(options)
    status = read_status(DataDirectory(settings.data_dir))
    node = standing(options_of(settings).source, status)
    if as_json:
        click.echo(json.dumps({**asdict(status), "node": asdict(node) if node else None}, indent=1))
    else:
        _print(status, node)
    if not as_json and options["verbose"]:
        click.echo("\nrows")
        print_fields({name: f"{count:>15,}" for name, count in status.rows.items()})


def _print(status: Status, node: Standing | None) -> None:
    print_fields(
        {
            "data directory": status.data_dir,
            "network": status.network,
            "indexed": f"blocks {status.first_height:,} to {status.last_height:,}",
            "last block": f"{status.tip_hash} ({status.tip_time})",
            "last final day": status.last_final_day or "none yet",
            "last price": status.last_price_day or "none",
            "node": f"{node.node}: {node.what}" if node else "none is named, and none is found",
            "size": ", ".join(f"{name} {size_text(count)}" for name, count in status.bytes.items()),
        }
    )
