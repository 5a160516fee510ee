"""`minerflow doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from etl.cli import version
from etl.cli.common import Command, input_options, settings_of, source_options
from etl.cli.text import print_fields, printable

if TYPE_CHECKING:
    from etl.jobs.finding import Finding
    from etl.settings import Settings

_MARKS = {"ok": "ok     ", "note": "note   ", "problem": "PROBLEM"}


@click.command(cls=Command, example="minerflow doctor --bitcoin-datadir /srv/bitcoin -v")
@source_options
@input_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, **options: Any) -> None:
    """Check whether a job could run here, and say what to do where it could not.

    Takes the options of `minerflow backfill`; -v lists the settings in force. Exit code 0 if a job
    could run, else 1.
    """

    settings = settings_of(options)
    from etl.compiled.notice import compiling_told
    from etl.jobs.doctor import diagnose

    with compiling_told(lambda text: click.echo(text, err=True)):
        findings = diagnose(settings)
    can_run = not any(finding.state == "problem" for finding in findings)
    if as_json:
        click.echo(_as_json(findings, settings, can_run))
    else:
        _print(findings, settings if options["verbose"] else None, can_run)
    ctx.exit(0 if can_run else 1)


def _as_json(findings: list[Finding], settings: Settings, can_run: bool) -> str:
    from etl.jobs.request import shown

    facts = {
        "minerflow": version(),
        "can_run": can_run,
        "findings": [asdict(finding) for finding in findings],
        "settings": {key: {"value": value, "from": origin} for key, value, origin in shown(settings)},
    }
    return json.dumps(facts, indent=1)


def _print(findings: list[Finding], settings: Settings | None, can_run: bool) -> None:
    click.echo(f"{_MARKS['ok']} minerflow {version()}")
    for finding in findings:
        click.echo(f"{_MARKS[finding.state]} {finding.subject}: {printable(finding.what)}")
        if finding.action:
            click.echo(f"        next: {printable(finding.action)}")
    if settings is not None:
        from etl.jobs.request import shown

        click.echo("\nsettings")
        print_fields(
            {key: f"{value}  ({origin})" if origin else value for key, value, origin in shown(settings)}
        )
    click.echo("\na job could run" if can_run else "\na job could not run yet")
