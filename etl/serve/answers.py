"""Answers, made once per published file and kept while there is room."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

JSON = "application/json"
_GZIP_LEVEL = 1
_GZIP_WINDOW = 31
"""zlib's number for a gzip header and the largest window"""
_LEAST_GZIPPED = 1_000
_MOST_BYTES = 64 * 1024 * 1024


@dataclass
class Answer:
    """A body with its media type and own headers."""

    body: bytes
    media_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    edition: str = ""
    """of the snapshot that it was made from"""
    etag: str = ""
    """of an answer that does not depend on a snapshot"""
    stream: AsyncIterator[bytes] | None = None
    """instead of a body, where that would be too large to hold"""
    _gzipped: bytes | None = None

    def gzipped(self) -> bytes | None:
        """The body compressed, None where that is not worth it."""
        if len(self.body) < _LEAST_GZIPPED:
            return None
        if self._gzipped is None:
            packer = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW)
            self._gzipped = packer.compress(self.body) + packer.flush()
        return self._gzipped

    @property
    def size(self) -> int:
        """Bytes that it takes, as far as it is made."""
        return len(self.body) + len(self._gzipped or b"")


Key = tuple[str, ...]


class Answers:
    """Answers by what was asked, the least recently used dropped first."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._held: OrderedDict[Key, Answer] = OrderedDict()
        self._left = most_bytes
        self._most = most_bytes

    def get(self, key: Key) -> Answer | None:
        """The answer kept for a request."""
        found = self._held.get(key)
        if found is not None:
            self._held.move_to_end(key)
        return found

    def put(self, key: Key, answer: Answer) -> None:
        """Keep an answer, unless it alone would take a good part of the room."""
        # Compressed later, it may grow by as much again.
        if answer.stream is not None or 2 * len(answer.body) > self._most // 4 or key in self._held:
            return
        self._held[key] = answer
        self._left -= 2 * len(answer.body)
        while self._left < 0:
            _, dropped = self._held.popitem(last=False)
            self._left += 2 * len(dropped.body)
