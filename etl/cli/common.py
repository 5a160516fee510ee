"""What all commands share: their options, the settings behind these, and how errors are told.

Invariant: an expected error is two lines on stderr and an exit code, and a traceback only with -v.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from etl import cache_folder
from etl.cli.text import printable
from etl.errors import MinerflowError
from etl.settings import SOURCES, Settings, load_settings

if TYPE_CHECKING:
    from etl.options import JobOptions
    from etl.results.database import Database

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

_NOT_SETTINGS = ("config", "verbose")
_Function = TypeVar("_Function", bound=Callable[..., None])

_PATH = click.Path(path_type=Path, readable=False)
"""Who uses a path says what is wrong with it: a node's directory may be one to enter, not to list (0710)."""


class Command(click.Command):
    """A command with the common options, an example at the end of its help, and errors told."""

    def __init__(self, *args: Any, example: str, **kwargs: Any) -> None:
        lines = [f"  {line}" for line in example.splitlines()]
        kwargs["epilog"] = "\n".join(["\b", "Example:", *lines])
        super().__init__(*args, **kwargs)
        self.params += _common_options()

    def invoke(self, ctx: click.Context) -> Any:
        is_verbose: bool = ctx.params["verbose"]
        if is_verbose:
            logging.basicConfig(format="%(name)s: %(message)s")
            logging.getLogger("etl").setLevel(logging.DEBUG)
        _offer_data_dir(ctx.params)
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("\nstopped; the same command continues where it stopped", err=True)
            ctx.exit(INTERRUPTED)
        except MinerflowError as error:
            _fail(ctx, error, error.what, error.action, error.exit_code)
        except OSError as error:
            if error.errno == errno.EPIPE or error.filename is None:
                raise
            reason, action = f"{error.filename}: {error.strerror}", "check the path"
            _fail(ctx, error, reason, action, MinerflowError.exit_code)


def _offer_data_dir(given: dict[str, Any]) -> None:
    """Tell where compiled code may be kept, before anything compiled is imported (see etl.cache_folder)."""
    with contextlib.suppress(MinerflowError):
        settings = load_settings({"data_dir": given["data_dir"]}, given["config"])
        cache_folder.offer(settings.data_dir)


def _fail(ctx: click.Context, error: Exception, what: str, action: str, code: int) -> NoReturn:
    if ctx.params["verbose"]:
        click.echo("".join(traceback.format_exception(error)), err=True)
    click.echo(f"error: {printable(what)}", err=True)
    for note in getattr(error, "__notes__", ()):
        click.echo(f"       {printable(note)}", err=True)
    click.echo(f"next: {printable(action)}", err=True)
    ctx.exit(code)


def _common_options() -> list[click.Parameter]:
    return [
        click.Option(["--data-dir"], type=_PATH, help="Where results and intermediate data are kept."),
        click.Option(["--config"], type=_PATH, help="Your settings file (TOML)."),
        click.Option(["-v", "--verbose"], is_flag=True, help="Say more; show tracebacks."),
    ]


def source_options(function: _Function) -> _Function:
    """Options that tell where blocks come from."""
    for option in (
        click.option(
            "--timeout", "timeout_s", type=click.FloatRange(min=0), metavar="SECONDS",
            help="How long to wait for a node that is starting, busy or out of reach.",
        ),
        click.option(
            "--bitcoin-datadir", type=_PATH,
            help="The node's data directory, with bitcoin.conf and the cookie file.",
        ),
        click.option(
            "--rpc-url", metavar="URL", help="The node, such as http://127.0.0.1:8332."
        ),
        click.option("--blocks-dir", type=_PATH, help="The node's block files."),
        click.option("--source", type=click.Choice(SOURCES), help="Where blocks come from."),
    ):  # fmt: skip
        function = option(function)
    return function


def input_options(function: _Function) -> _Function:
    """Options that replace the label and price files of a data directory."""
    for option in (
        click.option("--prices", type=_PATH, help="Prices to use from now on (CSV)."),
        click.option("--exchanges", type=_PATH, help="Exchange labels to use from now on (CSV)."),
        click.option("--pools", type=_PATH, help="Pools to use from now on (JSON)."),
    ):
        function = option(function)
    return function


def job_options(function: _Function) -> _Function:
    """Options of jobs that read blocks."""
    for option in (
        click.option(
            "--workers", type=click.IntRange(min=0), help="Processes that read; 0: one per core."
        ),
        click.option(
            "--confirmations", type=click.IntRange(min=0),
            help="Blocks to stay below the tip.  [default: 6; block files 0]",
        ),
    ):  # fmt: skip
        function = option(function)
    return source_options(input_options(function))


def given(options: dict[str, Any]) -> dict[str, Any]:
    """A command's options that are settings, and the settings file, as functions of etl.api take them."""
    return {key: value for key, value in options.items() if key != "verbose"}


def opened(options: dict[str, Any], *, provisional: bool = False) -> Database:
    """The published results that a command's options name."""
    from etl import api

    return api.open(options["data_dir"], provisional=provisional, config=options["config"])


def settings_of(options: dict[str, Any]) -> Settings:
    """The settings in force, given a command's options that bear their names."""
    named = {key: value for key, value in options.items() if key not in _NOT_SETTINGS}
    return load_settings(named, options["config"])


def job_of(options: dict[str, Any]) -> JobOptions:
    """What a job is to know, given a command's options."""
    from etl.jobs.request import requested

    named = {key: value for key, value in options.items() if key not in _NOT_SETTINGS}
    return requested(named, options["config"])
