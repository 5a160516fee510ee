"""Where the shipped SQL, settings, labels, prices and demonstration chains lie.

An installed wheel carries them under `etl/_resources`; a checkout has them at its top level.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_resources"
_CHECKOUT = _PACKAGE.parent


def _root() -> Path:
    return _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT


def sql_dir() -> Path:
    """Folder with migrations/, views/, metrics/ and checks/."""
    return _root() / "sql"


def config_dir() -> Path:
    """Folder with minerflow.toml, methodology.toml, pools.json, exchanges.csv and prices.csv."""
    return _root() / "config"


def demo_dir(chain: str) -> Path:
    """Folder of a bundled chain, "mainnet" or "economy": blocks/ and, if it has them, labels and prices."""
    if _INSTALLED.is_dir():
        return _INSTALLED / "demo" / chain
    names = {"mainnet": "mainnet_early", "economy": "economy"}
    return _CHECKOUT / "tests" / "data" / "golden" / names[chain]
