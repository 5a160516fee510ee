"""The settings in force, each from the first place that gives it.

The places: command line, environment (MINERFLOW_*), the user's TOML, bitcoin.conf, defaults.

Invariants: names and types are those of the fields of Settings, and defaults are in the shipped
config/minerflow.toml alone; no password is part of a `repr`, of an error. What
bitcoin.conf says is looked up where a node is needed (etl.sources.node.address), for what no place above
gives.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints
from urllib.parse import unquote, urlsplit

from etl.errors import ConfigError
from etl.resources import config_dir

SOURCES = ("auto", "blockfiles", "rest", "rpc")
CONFIG_NAME = "minerflow.toml"
PREFIX = "MINERFLOW_"
CONFIG_VARIABLE = PREFIX + "CONFIG"
COMMAND_LINE, DEFAULT = "command line", "default"

_MEMORY = re.compile(r"\d+(\.\d+)? ?([KMGT]i?B|%)")
_SURELY_MEANT = 0.8
"""Likeness from which an unknown variable is taken for a misspelt one; others may be anyone's."""


@dataclass(frozen=True)
class Settings:
    """Every setting as config/minerflow.toml explains it; None where none is given."""

    data_dir: Path
    source: str
    blocks_dir: Path | None
    bitcoin_datadir: Path | None
    rpc_url: str | None = field(repr=False)
    """without credentials, unless it cannot be understood"""
    rpc_user: str | None
    rpc_password: str | None = field(repr=False)
    timeout_s: float
    confirmations: int | None
    workers: int
    memory_limit: str
    pools: Path | None
    exchanges: Path | None
    prices: Path | None
    origins: Mapping[str, str] = field(repr=False, compare=False)
    """by setting, where its value comes from; nothing for one that is not given"""


class _Given(NamedTuple):
    """A setting as one place gives it; places are numbered from the one that counts most."""

    value: Any
    origin: str
    place: int


def load_settings(
    arguments: Mapping[str, object],
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
    origin: str = COMMAND_LINE,
) -> Settings:
    """The settings in force; what is None in `arguments` is not given. Raises ConfigError.

    `config` is the user's file where one is named; `origin` says where the arguments come from.
    """
    variables = os.environ if environment is None else environment
    given: dict[str, _Given] = {}
    for place, layer in enumerate(_layers(arguments, origin, config, variables)):
        for key, (value, origin) in layer.items():
            given.setdefault(key, _Given(value, origin, place))
    _take_credentials_from_url(given)
    values: dict[str, Any] = {key: given[key].value if key in given else None for key in setting_types()}
    return Settings(**values, origins={key: each.origin for key, each in given.items()})


_Layer = dict[str, tuple[Any, str]]
"""value and origin by setting"""


def _layers(
    arguments: Mapping[str, object], origin: str, config: Path | None, variables: Mapping[str, str]
) -> Iterator[_Layer]:
    yield _known({key: value for key, value in arguments.items() if value is not None}, origin)
    yield _environment(variables)
    path = users_file(config, variables)
    if path is not None:
        yield _file(path, str(path))
    yield _file(_shipped(), DEFAULT)


def users_file(config: Path | None, variables: Mapping[str, str]) -> Path | None:
    """The user's own settings file, None where there is none. Raises ConfigError."""
    named = config or (Path(text) if (text := variables.get(CONFIG_VARIABLE)) else None)
    if named is not None:
        path = at_home(named)
        if not path.is_file():
            raise ConfigError(
                f"the settings file {path} does not exist",
                f"correct {'--config' if config else CONFIG_VARIABLE}, or leave it out",
            )
        return path
    home = variables.get("XDG_CONFIG_HOME") or "~/.config"
    path = at_home(Path(home)) / "minerflow" / CONFIG_NAME
    return path if _is_file(path) else None


def at_home(path: Path) -> Path:
    """The path with ~ as the user's home; as it is where the user has none."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def _is_file(path: Path) -> bool:
    """Whether a file is there, as far as this user may see."""
    try:
        return path.is_file()
    except OSError:
        return False


def _environment(variables: Mapping[str, str]) -> _Layer:
    """The settings among the variables; an empty one is not given."""
    layer: _Layer = {}
    for name, text in variables.items():
        key = name.removeprefix(PREFIX).lower()
        if not name.startswith(PREFIX) or name == CONFIG_VARIABLE or not text:
            continue
        if key in setting_types():
            layer[key] = (_checked(key, _from_text(key, text), name), name)
        elif close := difflib.get_close_matches(key, setting_types(), 3, _SURELY_MEANT):
            meant = [PREFIX + match.upper() for match in close]
            raise ConfigError(
                f"the environment variable {name} is no setting",
                f"did you mean {' or '.join(meant)}? Else unset it",
            )
    return layer


def _file(path: Path, origin: str) -> _Layer:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}", "check the file and its permissions"
        ) from error
    except ValueError as error:
        place = re.search(r"\(at [^()]*\)$", str(error))  # the rest may quote a password
        raise ConfigError(
            f"{path} is not valid TOML {place[0] if place else '(it is not UTF-8)'}",
            'write each setting as name = value, and text in "quotation marks"',
        ) from None
    return _known(values, origin, str(path))


def _known(values: Mapping[str, object], origin: str, where: str | None = None) -> _Layer:
    """Settings of a place, checked; `where` names it in errors. Raises ConfigError."""
    place = where or origin
    for key in values:
        if key not in setting_types():
            close = difflib.get_close_matches(key, setting_types())
            hint = f"did you mean {' or '.join(close)}?" if close else "remove it."
            raise ConfigError(
                f"{place}: there is no setting {key!r}",
                f"{hint} All settings are in {_shipped()}",
            )
    return {key: (_checked(key, value, f"{place}: {key}"), origin) for key, value in values.items()}


@cache
def setting_types() -> dict[str, type]:
    """The type of every setting but for None."""
    hints = get_type_hints(Settings)
    del hints["origins"]
    return {key: next(iter(get_args(hint)), hint) for key, hint in hints.items()}


def _from_text(key: str, text: str) -> object:
    """What a variable's text means, still as text where it is no number."""
    kind = setting_types()[key]
    try:
        return kind(text) if kind in (int, float) else text
    except ValueError:
        return text


def _checked(key: str, value: object, where: str) -> Any:
    """The value in the setting's own type. Raises ConfigError, which shows no value."""
    kind = setting_types()[key]
    fits: Any = value
    if kind is Path and isinstance(value, str) and value:
        fits = Path(value)
    elif kind is float and type(value) is int:
        fits = float(value)
    wanted = {int: "a whole number", float: "a number", str: "text"}.get(kind, "a path")
    if not isinstance(fits, kind) or isinstance(fits, bool) or fits == "":
        raise ConfigError(f"{where} must be {wanted}", f"write it as in {_shipped()}")
    if isinstance(fits, int | float) and not 0 <= fits < float("inf"):
        raise ConfigError(f"{where} must be 0 or more", f"write it as in {_shipped()}")
    if key == "source" and fits not in SOURCES:
        raise ConfigError(f"{where} names no source", f"use one of {', '.join(SOURCES)}")
    if key == "memory_limit" and not _MEMORY.fullmatch(str(fits)):
        raise ConfigError(f"{where} is no amount of memory", "write it like 4GB, 500MiB or 50%")
    return at_home(fits) if isinstance(fits, Path) else fits


def _shipped() -> Path:
    return config_dir() / CONFIG_NAME


def _take_credentials_from_url(given: dict[str, _Given]) -> None:
    """Move user and password out of the URL, unless they are given as high up themselves."""
    if "rpc_url" not in given:
        return
    url = given["rpc_url"]
    try:
        parts = urlsplit(url.value if "://" in url.value else f"http://{url.value}")
    except ValueError:
        return
    held = {"rpc_user": parts.username, "rpc_password": parts.password}
    if not any(held.values()):
        return
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    given["rpc_url"] = url._replace(value=bare)
    for key, text in held.items():
        if text and (key not in given or given[key].place > url.place):
            given[key] = url._replace(value=unquote(text))
