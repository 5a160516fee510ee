"""`minerflow alerts`: test."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from etl.cli.common import Command, settings_of
from etl.disk.datadir import DataDirectory
from etl.errors import TerminalError, UsageError


@click.group(epilog="\b\nExample:\n  minerflow alerts test high-mpi")
def command() -> None:
    """Alerts of alerts.toml in the data directory, which minerflow serve sends.

    Each takes --data-dir, --config and -v, --verbose.
    """


@command.command(cls=Command, example="minerflow alerts test high-mpi")
@click.argument("name")
def test(name: str, **options: Any) -> None:
    """Send one event of the alert NAME now, marked as a test, whatever the numbers are.

    Says so if what is published has no such metric, profile, miner or counterparty.
    """
    from etl.serve.alerts.definitions import read_alerts
    from etl.serve.alerts.delivery import NotReceived, deliver
    from etl.serve.alerts.events import problem
    from etl.serve.revisions import RunHistory
    from etl.serve.snapshot import load_snapshot

    data_dir = DataDirectory(settings_of(options).data_dir)
    path = data_dir.alerts
    alerts = {alert.name: alert for alert in read_alerts(path)}
    if name not in alerts:
        listed = ", ".join(alerts) or "none"
        raise UsageError(f"{path} has no alert {name!r}", f"name one that it has: {listed}")
    alert = alerts[name]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    event = {"id": f"{name}/test/{now}", "alert": name, "on": "test", "formula": alert.formula}
    event |= {"condition": alert.condition, "profile": alert.profile}
    try:
        deliver(alert, event)
    except NotReceived as error:
        raise TerminalError(f"the alert {name} was not received: {error}", "correct its receiver") from error
    click.echo(f"received by {alert.url or alert.command[0]}")
    if data_dir.published.exists() and (
        said := problem(alert, load_snapshot(data_dir, RunHistory(data_dir.logs)))
    ):
        click.echo(f"warning: {said}; until that is mended, nothing but tests is sent", err=True)
