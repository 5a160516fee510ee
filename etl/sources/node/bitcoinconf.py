"""Bitcoin Core's bitcoin.conf, read by Core's own rules (common/config.cpp and args.cpp, release
31).

Invariants: of several values the first counts, except for the switches that choose a network, of
which the last does; a network's section goes before the rest of the file; included files come after
it. No value is ever part of an error or of `repr`, for it may be a password.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from etl.chain.networks import MAINNET, NETWORKS, Network
from etl.errors import ConfigError

CONF_NAME = "bitcoin.conf"
_SPACE = " \t\r\n"


_SWITCHES = {
    {"test": "testnet"}.get(network.rpc_chain, network.rpc_chain): network
    for network in NETWORKS
    if network != MAINNET
}


@dataclass(frozen=True)
class Setting:
    """One `name=value` line; `section` is empty above the first heading."""

    section: str
    name: str
    value: str = field(repr=False)


@dataclass(frozen=True)
class BitcoinConf:
    """The settings of a bitcoin.conf and the files that it includes, in Core's order."""

    path: Path
    settings: tuple[Setting, ...]

    def value(self, name: str, network: Network, *, network_only: bool = False) -> str | None:
        """The value that Core would use on a network.

        `network_only` marks an option that outside any section is meant for mainnet alone.
        """
        sections = [network.rpc_chain]
        if network == MAINNET or not network_only:
            sections.append("")
        for section in sections:
            for setting in self.settings:
                if (setting.section, setting.name) == (section, name):
                    return setting.value
        return None

    def network(self) -> Network | None:
        """The network that the file chooses, None where it chooses none. Raises ConfigError."""
        switched = {
            setting.name: setting.value
            for setting in self.settings
            if not setting.section and setting.name in _SWITCHES
        }
        chosen = [_SWITCHES[name] for name, value in switched.items() if is_true(value)]
        named = next((s.value for s in self.settings if (s.section, s.name) == ("", "chain")), None)
        if named is not None:
            known = {network.rpc_chain: network for network in NETWORKS}
            if named not in known:
                raise self._error("chain= names no network", f"use one of {', '.join(known)}")
            chosen.append(known[named])
        if len(chosen) > 1:
            raise self._error("it chooses more than one network", "leave one of them")
        return chosen[0] if chosen else None

    def _error(self, what: str, action: str) -> ConfigError:
        return ConfigError(f"{self.path}: {what}", action)


def is_true(value: str) -> bool:
    """Core's reading of a switch: nothing means yes, else a number other than 0 does."""
    digits = value.strip(_SPACE).lstrip("+-")
    leading = digits[: len(digits) - len(digits.lstrip("0123456789"))]
    return not value or int(leading or "0") != 0


def read_bitcoin_conf(path: Path, datadir: Path) -> BitcoinConf:
    """The settings of `path`, none where it does not exist. Raises ConfigError."""
    if not path.exists():
        return BitcoinConf(path, ())
    conf = BitcoinConf(path, tuple(_parse(path)))
    network = conf.network() or MAINNET
    included: list[Setting] = []
    for section in (network.rpc_chain, ""):
        for setting in conf.settings:
            if (setting.section, setting.name) == (section, "includeconf"):
                included += _parse(datadir / setting.value)
    return BitcoinConf(path, (*conf.settings, *included))


def _parse(path: Path) -> list[Setting]:
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}",
            "check the file and its permissions, or give --rpc-url",
        ) from error
    settings: list[Setting] = []
    section = ""
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.split("#", 1)[0].strip(_SPACE)
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif line:
            settings.append(_setting(path, number, section, line))
    return settings


def _setting(path: Path, number: int, section: str, line: str) -> Setting:
    name, equals, value = line.partition("=")
    name = name.strip(_SPACE)
    if not equals or name.startswith("-"):
        raise ConfigError(
            f"{path}, line {number}: not a line of the form name=value",
            "correct the line: Bitcoin Core does not start with it either",
        )
    prefix, dot, bare = name.rpartition(".")
    if dot and not section:
        section, name = prefix, bare
    value = value.strip(_SPACE)
    if name.startswith("no") and name != "norpccookiefile":
        positive = name.removeprefix("no")
        if positive in _SWITCHES:
            return Setting(section, positive, "0" if is_true(value) else "1")
    return Setting(section, name, value)
