"""Running the server: one process, one event loop, a graceful end."""

from __future__ import annotations

import ipaddress
import logging
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import uvicorn

from etl.disk.datadir import DataDirectory
from etl.errors import UsageError
from etl.serve.access import Access, read_keys
from etl.serve.alerts.watch import AlertWatch
from etl.serve.announcements import Announcements
from etl.serve.app import make_app
from etl.serve.monitoring import Monitoring
from etl.serve.protocol import LimitedProtocol
from etl.serve.publications import Publications

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE_S = 30
"""How long answers under way may take once the server is told to stop."""
KEEP_ALIVE_S = 75
MOST_REQUESTS = 6_000
"""Requests per client in access.WINDOW_S, where the server listens for others than this machine."""
_SWITCH_S = 0.001
"""How long a request waits at most, each time, for the thread that reads a new file."""
_MOST_MESSAGE = 1_024


@dataclass(frozen=True)
class ServeOptions:
    """Where to listen, and for whom."""

    data_dir: Path
    host: str
    port: int
    keys: Path | None
    """file of API keys (see etl.serve.access); None lets everybody in"""
    most_requests: int | None
    """per client in access.WINDOW_S; 0 for no limit, None for none on loopback and MOST_REQUESTS elsewhere"""


def serve(options: ServeOptions, warn: Callable[[str], None]) -> None:
    """Serve until a signal says to stop. Raises UsageError, ConfigError."""
    sys.setswitchinterval(_SWITCH_S)
    make_server(options, warn).run()


class Server(uvicorn.Server):
    """uvicorn, which lets those who listen to streams go first when it stops."""

    def __init__(self, config: uvicorn.Config, announcements: Announcements, alerts: AlertWatch) -> None:
        super().__init__(config)
        self._announcements = announcements
        self._alerts = alerts

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and to tell of what the published files say."""
        Thread(target=self._alerts.run, name="alerts", daemon=True).start()
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is under way."""
        self._announcements.close()
        self._alerts.stop()
        await super().shutdown(sockets)


def make_server(options: ServeOptions, warn: Callable[[str], None]) -> Server:
    """A server that is about to listen. Raises UsageError, ConfigError."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    if not options.data_dir.is_dir():
        raise UsageError(f"{options.data_dir} is not a directory", "name the right one with --data-dir")
    keys = read_keys(options.keys) if options.keys else {}
    local = is_loopback(options.host)
    if not local and not keys:
        warn(f"listening on {options.host} without keys: whoever reaches it may read everything (see --keys)")
    most = options.most_requests
    if most is None:
        most = 0 if local else MOST_REQUESTS
    data_dir = DataDirectory(options.data_dir)
    publications, alerts = Publications(data_dir), AlertWatch(data_dir)
    publications.listeners.append(alerts.take)
    announcements = Announcements()
    app = make_app(publications, Access(keys, most), Monitoring(publications), announcements)
    return Server(
        uvicorn.Config(
            app,
            host=options.host,
            port=options.port,
            http=LimitedProtocol,
            ws="websockets-sansio",
            ws_max_size=_MOST_MESSAGE,
            access_log=False,
            server_header=False,
            log_level="warning",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        ),
        announcements,
        alerts,
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
