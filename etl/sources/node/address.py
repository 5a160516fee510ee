"""Finding the node: its address and credentials, from what the user gives and from bitcoin.conf.

Invariant: a password or cookie is in no `repr`, `str`, log line or error message. What the user
gives goes before bitcoin.conf, and that before Core's defaults. The cookie file is read for every
connection anew, for the node writes another one whenever it starts.
"""

from __future__ import annotations

import os
import sys
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from etl.chain.networks import MAINNET, NETWORKS, Network
from etl.errors import ConfigError, MinerflowError, NodeUnreachable, UsageError
from etl.settings import at_home
from etl.sources.node.bitcoinconf import CONF_NAME, BitcoinConf, is_true, read_bitcoin_conf

COOKIE_NAME = ".cookie"


@dataclass(frozen=True)
class Credentials:
    """A user and password, or the cookie file that holds them."""

    user: str = ""
    password: str = field(default="", repr=False)
    cookie_file: Path | None = None

    def header(self) -> str:
        """The value of an HTTP Authorization header as of now.

        Raises NodeUnreachable where a running node would have a cookie file, and ConfigError where
        waiting cannot help.
        """
        pair = f"{self.user}:{self.password}" if self.cookie_file is None else self._cookie()
        return "Basic " + b64encode(pair.encode("utf-8", "surrogateescape")).decode("ascii")

    def secrets(self) -> tuple[str, ...]:
        """Texts that nobody may be shown: the password, and the header, which a node may echo."""
        try:
            encoded = self.header().removeprefix("Basic ")
        except MinerflowError:
            return ()
        pair = b64decode(encoded).decode("utf-8", "surrogateescape")
        return encoded, pair, pair.partition(":")[2]

    def _cookie(self) -> str:
        path = self.cookie_file
        assert path is not None
        action = (
            "start the node, or name its data directory with --bitcoin-datadir, "
            "or give --rpc-url http://user:password@host:port"
        )
        try:
            if not path.parent.is_dir():
                raise ConfigError(f"no cookie file {path}: its directory does not exist", action)
            cookie = path.read_text(encoding="utf-8", errors="surrogateescape").split("\n")[0]
        except FileNotFoundError:
            raise NodeUnreachable(f"no cookie file {path}: the node is not running", action) from None
        except OSError as error:
            raise ConfigError(
                f"the cookie file {path} cannot be read: {error.strerror}",
                "run as the node's user, or let the node set rpccookieperms=group",
            ) from error
        if ":" not in cookie:
            raise NodeUnreachable(f"the cookie file {path} is not yet written", action)
        return cookie


@dataclass(frozen=True)
class NodeAddress:
    """Where a node answers; picklable."""

    url: str
    """scheme, host, port and path, never credentials"""
    credentials: Credentials

    def __str__(self) -> str:
        return self.url

    @property
    def parts(self) -> SplitResult:
        """The URL taken apart."""
        return urlsplit(self.url)


def default_bitcoin_datadir() -> Path:
    """Where Core keeps its data unless told otherwise (GetDefaultDataDir of common/args.cpp)."""
    home = at_home(Path("~"))
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "Bitcoin"
        roaming = Path(os.environ.get("APPDATA", home / "AppData" / "Roaming")) / "Bitcoin"
        return roaming if roaming.exists() else local
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "Bitcoin"
    return home / ".bitcoin"


@dataclass(frozen=True)
class _Installation:
    """A node's data directory with its settings and the network it is used for."""

    datadir: Path
    conf: BitcoinConf
    network: Network

    def value(self, name: str, *, network_only: bool = False) -> str | None:
        return self.conf.value(name, self.network, network_only=network_only)

    def credentials(self) -> Credentials:
        password = self.value("rpcpassword")
        if password:
            return Credentials(self.value("rpcuser") or "", password)
        if is_true(self.value("norpccookiefile") or "0"):
            raise ConfigError(
                f"{self.conf.path} turns the cookie file off and has no rpcpassword",
                "give --rpc-url http://user:password@host:port",
            )
        cookie = self.value("rpccookiefile") or COOKIE_NAME
        return Credentials(cookie_file=self.datadir / self.network.directory / cookie)

    def host_and_port(self) -> tuple[str, int]:
        connect = urlsplit(f"//{self.value('rpcconnect') or '127.0.0.1'}")
        try:
            port = connect.port or int(self.value("rpcport", network_only=True) or self.network.rpc_port)
        except ValueError:
            raise ConfigError(
                f"{self.conf.path}: the port in rpcport or rpcconnect is not a number",
                "correct it, or give --rpc-url",
            ) from None
        return connect.hostname or "127.0.0.1", port

    def blocks_dir(self) -> Path:
        return Path(self.value("blocksdir") or self.datadir) / self.network.directory / "blocks"


def find_node(rpc_url: str | None = None, bitcoin_datadir: Path | None = None) -> NodeAddress:
    """The node at `rpc_url`, else the one whose data directory is given, else the one of this
    machine.

    Credentials come from the URL, else from bitcoin.conf, else from the cookie file of the network
    that the URL's port or bitcoin.conf tells. Raises ConfigError and UsageError; does not connect.
    """
    if rpc_url is None:
        found = _installation(bitcoin_datadir)
        host, port = found.host_and_port()
        return NodeAddress(f"http://{_netloc(host, port)}/", found.credentials())
    parts = _split(rpc_url)
    if parts.username is not None:
        credentials = Credentials(unquote(parts.username), unquote(parts.password or ""))
        port = parts.port or _default_port(parts, MAINNET)
    else:
        found = _installation(bitcoin_datadir, parts.port, may_lack=True)
        credentials = found.credentials()
        port = parts.port or _default_port(parts, found.network)
    assert parts.hostname is not None
    path = parts.path or "/"
    return NodeAddress(f"{parts.scheme}://{_netloc(parts.hostname, port)}{path}", credentials)


def blocks_dir(bitcoin_datadir: Path | None = None) -> Path:
    """The directory of a node's block files. Raises ConfigError."""
    return _installation(bitcoin_datadir).blocks_dir()


def _default_port(parts: SplitResult, network: Network) -> int:
    return 443 if parts.scheme == "https" else network.rpc_port


def _netloc(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _split(rpc_url: str) -> SplitResult:
    text = rpc_url if "://" in rpc_url else f"http://{rpc_url}"
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise UsageError(
            "the RPC URL cannot be understood",
            "write it as http://host:port or http://user:password@host:port, "
            "with / ? # @ % of the password as %2F %3F %23 %40 %25",
        )
    return parts


def _installation(
    bitcoin_datadir: Path | None, port: int | None = None, *, may_lack: bool = False
) -> _Installation:
    """The node's directory, settings and network; a default `port` tells the network."""
    given = at_home(bitcoin_datadir or default_bitcoin_datadir()).absolute()
    try:
        if not given.is_dir() and (bitcoin_datadir is not None or not may_lack):
            raise ConfigError(
                f"{given} is not a directory: no node keeps its data there",
                "name the node's data directory with --bitcoin-datadir, or give --rpc-url",
            )
        return _installed(given, port)
    except OSError as error:
        raise ConfigError(
            f"{error.filename or given} cannot be looked at: {error.strerror}",
            "run as the node's user, or add yours to its group, or give --rpc-url",
        ) from error


def _installed(given: Path, port: int | None) -> _Installation:
    within = next((n for n in NETWORKS if n.directory and n.directory == given.name), None)
    if within is not None and not (given / CONF_NAME).exists():
        given = given.parent
    conf = read_bitcoin_conf(given / CONF_NAME, given)
    by_port = next((n for n in NETWORKS if n.rpc_port == port), None)
    network = by_port or within or conf.network()
    moved = at_home(Path(conf.value("datadir", network or MAINNET) or given))
    datadir = moved if moved.is_dir() else given
    return _Installation(datadir, conf, network or _network_in_use(datadir))


def _network_in_use(datadir: Path) -> Network:
    """Mainnet, unless the directory is in use, or was only ever used, for one other network."""
    for mark in (COOKIE_NAME, "blocks"):
        used = [network for network in NETWORKS if (datadir / network.directory / mark).exists()]
        if len(used) == 1 and not (datadir / "blocks").exists():
            return used[0]
    return MAINNET
