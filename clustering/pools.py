"""Which pool mined a block (methodology section 3).

Invariant: the first ownable coinbase output with value > 0 that pays a known pool decides; else the first
pool in list order one of whose tags occurs in the coinbase scriptSig; else the pool is Unknown (index 0).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clustering.labels import parse_address
from etl.chain.addresses import address_id
from etl.chain.networks import Network
from etl.errors import LabelFileError
from etl.files import read_text

UNKNOWN = 0


@dataclass(frozen=True)
class PoolBook:
    """Known pools; pool `names[i]` has index i + 1."""

    names: tuple[str, ...]
    by_address: dict[int, int]
    """pool index by address id"""
    tags: tuple[tuple[bytes, int], ...]
    """(tag, pool index) in list order"""

    def pool_of(self, paid_ids: Sequence[int], script_sig: bytes) -> int:
        """Index of the pool of a block.

        `paid_ids` are the address ids of the coinbase's ownable outputs with value > 0, in order.
        """
        for paid in paid_ids:
            pool = self.by_address.get(paid)
            if pool is not None:
                return pool
        return next((pool for tag, pool in self.tags if tag in script_sig), UNKNOWN)


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
        if name in names:
            raise LabelFileError(f"{path}, pool {at}: a second pool is called {name!r}", "rename it")
        names.append(name)
        for address in _strings(path, at, entry, "addresses"):
            script = parse_address(address, network, f"{path}, pool {at} ({name})", strict=False)
            if script is not None:
                by_address.setdefault(address_id(script), at)
        tags += [(tag.encode(), at) for tag in _strings(path, at, entry, "tags") if tag]
    return PoolBook(tuple(names), by_address, tuple(tags))
