"""`minerflow serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from etl.cli.common import Command, settings_of
from etl.errors import UsageError

_EXAMPLE = """\
minerflow serve --data-dir ./minerflow-data
curl 'http://127.0.0.1:8080/v4/timeseries/asset-metrics?assets=btc&metrics=FlowMinerOut1HopAllNtv'"""


@click.command(cls=Command, example=_EXAMPLE)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8080, show_default=True)
@click.option(
    "--keys",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of API keys, a name and the key's SHA-256 a line; without it nobody needs one.",
)
@click.option(
    "--most-requests",
    type=click.IntRange(min=0),
    help="Requests per key or address in 20 seconds, 0: any number.  [default: 6000; loopback 0]",
)
def command(host: str, port: int, keys: Path | None, most_requests: int | None, **options: Any) -> None:
    """Serve the published results over HTTP, as vendors' clients read them, and a dashboard."""
    run_server(settings_of(options).data_dir, host, port, keys, most_requests)


def run_server(
    data_dir: Path, host: str, port: int, keys: Path | None = None, most_requests: int | None = None
) -> None:
    """Serve until a signal says to stop. Raises UsageError where the extra is not installed."""
    try:
        from etl.serve.listening import ServeOptions, serve
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the server needs the package {error.name}", "pip install 'minerflow[serve]'"
        ) from error
    click.echo(f"serving {data_dir} at http://{host}:{port}", err=True)
    serve(
        ServeOptions(data_dir, host, port, keys, most_requests),
        lambda text: click.echo(f"warning: {text}", err=True),
    )
