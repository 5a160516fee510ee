"""The pools file: names, payout addresses and tags of known pools.

Invariant: every fault of a file is reported with its pool.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from clustering.pools import PoolBook
from etl.chain.address_reading import address_id
from etl.chain.networks import Network
from etl.disk.files import read_text
from etl.errors import LabelFileError
from etl.tracking.label_file import check_name, parse_address


def _entries(path: Path) -> list[dict[str, Any]]:
    text = read_text(path, LabelFileError)
    if not text.strip():
        return []
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise LabelFileError(f"{path} is not JSON: {error}", "correct the file") from error
    if not isinstance(entries, list):
        raise LabelFileError(f"{path} holds no list of pools", "see config/pools.json for the form")
    return entries


def _strings(path: Path, at: int, entry: dict[str, Any], key: str) -> list[str]:
    values = entry.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise LabelFileError(
            f"{path}, pool {at}: {key!r} is no list of texts", "see config/pools.json for the form"
        )
    return values


def load_pools(path: Path, network: Network) -> PoolBook:
    """Read a pools file. Raises LabelFileError, naming the pool.

    Addresses of other networks are passed over, since one list serves all of them.
    """
    names: list[str] = []
    by_address: dict[int, int] = {}
    tags: list[tuple[bytes, int]] = []
    for at, entry in enumerate(_entries(path), start=1):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            raise LabelFileError(f"{path}, pool {at} has no name", "see config/pools.json for the form")
        check_name(name, f"{path}, pool {at}")
        if name in names:
            raise LabelFileError(f"{path}, pool {at}: a second pool is called {name!r}", "rename it")
        names.append(name)
        for address in _strings(path, at, entry, "addresses"):
            script = parse_address(address, network, f"{path}, pool {at} ({name})", strict=False)
            if script is not None:
                by_address.setdefault(address_id(script), at)
        tags += [(tag.encode(), at) for tag in _strings(path, at, entry, "tags") if tag]
    return PoolBook(tuple(names), by_address, tuple(tags))
