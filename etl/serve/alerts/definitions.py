"""The file alerts.toml: a table per alert, of the name that it bears.

[high-mpi]
formula = "MPI"                  # metrics and formulas as the dashboard has them
crosses_above = 2.0              # or crosses_below, above, below
on = ["new_day", "revised"]      # or "new_block": the running day as far as it is known
profile = "entity"               # entity if it is left out; miner and counterparty too
url = "https://example.org/hook" # or command = ["/usr/local/bin/tell", "mpi"]
secret = "…"                     # signs what is sent to a URL
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from etl.disk.files import read_text
from etl.errors import ConfigError
from etl.results.formula import FormulaError, read_formula
from etl.serve.dashboard import DEFAULT_PROFILE

NEW_DAY, NEW_BLOCK, REVISED = "new_day", "new_block", "revised"
OCCASIONS = (NEW_DAY, NEW_BLOCK, REVISED)
CONDITIONS = ("above", "below", "crosses_above", "crosses_below")
_LEAST_SECRET = 16
_TEXTS = ("formula", "profile", "miner", "counterparty", "url", "secret")
_KEYS = {*_TEXTS, *CONDITIONS, "on", "command"}


@dataclass(frozen=True)
class Alert:
    """One alert of the file."""

    name: str
    formula: str
    condition: str
    """one of CONDITIONS"""
    threshold: float
    occasions: tuple[str, ...]
    profile: str
    rows: tuple[tuple[str, str], ...]
    """miner and counterparty where they are given"""
    url: str | None
    secret: str
    command: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Of what is asked, not of whom it is told to: another question is another alert."""
        asked = (self.formula, self.condition, self.threshold, self.profile, self.rows)
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]

    def holds(self, before: float, value: float) -> bool:
        """Whether the condition holds for a value that follows another; NaN fulfils none."""
        if self.condition == "above":
            return value > self.threshold
        if self.condition == "below":
            return value < self.threshold
        if self.condition == "crosses_above":
            return before <= self.threshold < value
        return before >= self.threshold > value


def read_alerts(path: Path) -> list[Alert]:
    """The alerts of a file, none where there is no file. Raises ConfigError, which shows no secret."""
    if not path.exists():
        return []
    try:
        tables = tomllib.loads(read_text(path, ConfigError))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is no TOML: {error}", "correct it there") from error
    return [_alert(path, name, table) for name, table in tables.items()]


def _alert(path: Path, name: str, table: object) -> Alert:
    def wrong(said: str, action: str) -> ConfigError:
        return ConfigError(f"{path}, [{name}]: {said}", action)

    if not isinstance(table, dict):
        raise wrong("not a table", f"write [{name}] on a line of its own, its keys below")
    if unknown := sorted(table.keys() - _KEYS):
        raise wrong(f"there is no key {unknown[0]!r}", f"the keys are: {', '.join(sorted(_KEYS))}")
    texts = {key: table[key] for key in _TEXTS if key in table}
    if any(not isinstance(text, str) or not text for text in texts.values()) or "formula" not in texts:
        raise wrong("formula is missing, or a value is no text", 'write formula = "MPI"')
    try:
        read_formula(texts["formula"], lambda _: True)
    except FormulaError as error:
        raise wrong(f"formula, {error}", "correct it there") from error
    conditions = [key for key in CONDITIONS if key in table]
    if len(conditions) != 1 or not _is_number(table[conditions[0]]):
        raise wrong("not exactly one number to compare with", f"give one of: {', '.join(CONDITIONS)}")
    _check_receiver(table, wrong)
    return Alert(
        name=name,
        formula=texts["formula"],
        condition=conditions[0],
        threshold=float(table[conditions[0]]),
        occasions=_occasions(table, wrong),
        profile=texts.get("profile", DEFAULT_PROFILE),
        rows=tuple((key, texts[key]) for key in ("miner", "counterparty") if key in texts),
        url=texts.get("url"),
        secret=texts.get("secret", ""),
        command=tuple(table.get("command", ())),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _occasions(table: Mapping[str, Any], wrong: Any) -> tuple[str, ...]:
    given = table.get("on", NEW_DAY)
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not listed or any(each not in OCCASIONS for each in listed):
        raise wrong(f"on = {given!r}", f"give one or a list of: {', '.join(OCCASIONS)}")
    return tuple(dict.fromkeys(listed))


def _check_receiver(table: Mapping[str, Any], wrong: Any) -> None:
    if ("url" in table) == ("command" in table):
        raise wrong("it has not exactly one receiver", "give either url or command")
    command = table.get("command", [""])
    if not isinstance(command, list) or not command or not all(isinstance(part, str) for part in command):
        raise wrong("command is no list of texts", 'write command = ["/path/to/program", "argument"]')
    if "url" not in table:
        return
    parts = urlsplit(table["url"])
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise wrong("url is none of http or https", 'write url = "https://…"')
    if len(table.get("secret", "")) < _LEAST_SECRET:
        raise wrong(
            f"a url needs a secret of at least {_LEAST_SECRET} characters",
            "write the output of openssl rand -hex 32 there",
        )
