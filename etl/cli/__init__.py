"""The command `minerflow`: one small file per command, loaded when it is called.

Invariant: importing this module, `--version` and `--help` load neither numba nor pyarrow, networkx
or duckdb.
"""

from __future__ import annotations

import importlib
from importlib import metadata

import click

COMMANDS = (
    "backfill", "update", "restate", "verify", "demo", "status", "metrics", "drill", "plot",
    "prices", "export", "query", "serve", "alerts", "doctor",
)  # fmt: skip
"""In the order of --help; each is `command` of the module of its name."""


class _Commands(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"etl.cli.{cmd_name}").command
        return command


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"minerflow {version()}")
        ctx.exit()


def version() -> str:
    """The version of the installed package."""
    try:
        return metadata.version("minerflow")
    except metadata.PackageNotFoundError:
        return "(not installed)"


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Daily Bitcoin miner flows from your own node, in DuckDB.

    Start with `minerflow demo`, then `minerflow doctor` and `minerflow backfill`.
    """
