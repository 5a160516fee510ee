"""What a job is asked for: from the settings in force to the options of a job, with what bitcoin.conf adds.

Invariant: no password is part of what is shown or of an error.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from etl import cache_folder
from etl.errors import ConfigError, MinerflowError
from etl.options import JobOptions, SourceOptions
from etl.settings import COMMAND_LINE, Settings, load_settings, setting_types
from etl.sources.node.address import blocks_dir, find_node

_SECRET = "********"


def shown(settings: Settings) -> list[tuple[str, str, str]]:
    """(setting, value, where it comes from) for people, with secrets hidden."""
    of_node = _of_node(settings)
    rows = []
    for key in setting_types():
        value, origin = getattr(settings, key), settings.origins.get(key, "")
        if value is None and key in of_node:
            value, origin = of_node[key], "bitcoin.conf or Bitcoin Core's default"
        rows.append((key, _display(key, value), origin))
    return rows


def _of_node(settings: Settings) -> dict[str, object]:
    """What the node's files say of settings, nothing where they cannot be used."""
    try:
        address = find_node(settings.rpc_url, settings.bitcoin_datadir)
        found: dict[str, object] = {"rpc_url": address.url}
        found["blocks_dir"] = blocks_dir(settings.bitcoin_datadir)
    except MinerflowError:
        return {}
    credentials = address.credentials
    if credentials.cookie_file is not None:
        return found | {"rpc_user": f"cookie file {credentials.cookie_file}"}
    return found | {"rpc_user": credentials.user, "rpc_password": credentials.password}


def requested(given: Mapping[str, object], config: Path | None, origin: str = COMMAND_LINE) -> JobOptions:
    """What a job is to know, by what is given and in force. Raises ConfigError and UsageError."""
    settings = load_settings(given, config, origin=origin)
    cache_folder.offer(settings.data_dir)
    return options_of(settings)


def options_of(settings: Settings) -> JobOptions:
    """What a job is to know. Raises ConfigError and UsageError."""
    source = SourceOptions(
        kind=settings.source,
        blocks_dir=settings.blocks_dir,
        rpc_url=_url_with_credentials(settings),
        bitcoin_datadir=settings.bitcoin_datadir,
        timeout_s=settings.timeout_s,
    )
    return JobOptions(
        data_dir=settings.data_dir,
        source=source,
        confirmations=settings.confirmations,
        workers=settings.workers or os.cpu_count() or 1,
        memory_limit=settings.memory_limit,
        pools=settings.pools,
        exchanges=settings.exchanges,
        prices=settings.prices,
    )


def _url_with_credentials(settings: Settings) -> str | None:
    """The node's URL, with what is missing of user and password taken from bitcoin.conf."""
    user, password, url = settings.rpc_user, settings.rpc_password, settings.rpc_url
    only_files = settings.source == "blockfiles" or settings.blocks_dir is not None
    if user is None and password is None or url is None and only_files:
        return url
    if url is None or user is None or password is None:
        found = find_node(url, settings.bitcoin_datadir)
        url = found.url
        user = found.credentials.user if user is None else user
        password = found.credentials.password if password is None else password
    if not password:
        raise ConfigError(
            f"rpc_user is given ({settings.origins['rpc_user']}), but no password goes with it",
            "give rpc_password too, or neither: then the cookie file is used",
        )
    scheme, separator, rest = url.rpartition("://")
    pair = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return f"{scheme or 'http'}{separator or '://'}{pair}@{rest}"


def _display(key: str, value: object) -> str:
    if value is None:
        return "not given"
    text = str(value)
    if key == "rpc_password" or (key == "rpc_url" and "@" in text):
        return _SECRET
    return text
