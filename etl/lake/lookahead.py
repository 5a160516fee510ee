"""Making the next item of an iteration while the last one is at work."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The items, each made in another thread while the one before is in use; one waits at most."""
    with ThreadPoolExecutor(1) as maker:
        pending = maker.submit(next, items, None)
        while (item := pending.result()) is not None:
            pending = maker.submit(next, items, None)
            yield item
