"""Who may ask, and how often.

Invariants: a key is known only by its SHA-256, compared in constant time; it is never logged.
The keys file has a line `name sha256` for each, `#` begins a comment; keys are long random texts, as
`openssl rand -hex 32` makes them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from etl.errors import ConfigError
from etl.serve.refusals import Refused, TooManyRequests, WrongCredentials
from etl.serve.sending import header

if TYPE_CHECKING:
    from starlette.types import Scope

WINDOW_S = 20
_MOST_CLIENTS = 100_000
_LINE = re.compile(r"(\S+)\s+([0-9a-f]{64})")


class Access:
    """The keys that are accepted (none: nobody needs one) and the requests let in per client."""

    def __init__(self, keys: dict[str, str], most_requests: int) -> None:
        """`keys` is the SHA-256 by name; `most_requests` in WINDOW_S seconds, 0 for no limit."""
        self._keys = {name: bytes.fromhex(digest) for name, digest in keys.items()}
        self._most = most_requests
        self._counts: dict[str, int] = {}
        self._window = 0

    def admit(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Let a request in; the headers that tell how many more may come. Raises Refused."""
        client = scope["client"][0] if scope.get("client") else "local"
        if self._keys:
            client = self._key_name(scope)
        scope["asked_by"] = client
        return self._counted(client) if self._most else []

    def _key_name(self, scope: Scope) -> str:
        given = _given_key(scope)
        if not given:
            raise Refused(
                401, "an API key is needed: send it as api_key=…, as Authorization: Bearer … or as X-Api-Key"
            )
        digest = hashlib.sha256(given).digest()
        # Each is compared, so that the time taken does not tell which one fits.
        fitting = [name for name, known in self._keys.items() if hmac.compare_digest(known, digest)]
        if not fitting:
            raise WrongCredentials
        return fitting[0]

    def _counted(self, client: str) -> list[tuple[bytes, bytes]]:
        now = time.time()
        window = int(now // WINDOW_S)
        if window != self._window or len(self._counts) > _MOST_CLIENTS:
            self._window, self._counts = window, {}
        ends = (window + 1) * WINDOW_S
        count = self._counts[client] = self._counts.get(client, 0) + 1
        if count > self._most:
            raise TooManyRequests(max(1, int(ends - now) + 1), ends)
        left = self._most - count
        # Clients take 0 for a refusal and wait.
        return [(b"x-ratelimit-limit", b"%d" % self._most)] + (
            [(b"x-ratelimit-remaining", b"%d" % left)] if left else []
        )


def _given_key(scope: Scope) -> bytes:
    scheme, _, token = header(scope, b"authorization").partition(b" ")
    if scheme.lower() == b"bearer" and token.strip():
        return bytes(token.strip())
    if token := header(scope, b"x-api-key").strip():
        return token
    named = parse_qs(scope["query_string"].decode("latin-1")).get("api_key") or [""]
    return bytes(named[0], "utf-8")


def read_keys(path: Path) -> dict[str, str]:
    """The SHA-256 of each key by its name. Raises ConfigError, which shows no key."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {type(error).__name__}", "check --keys") from error
    keys: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.split("#")[0].strip()
        found = _LINE.fullmatch(text)
        if text and (found is None or found[1] in keys):
            raise ConfigError(
                f"{path}, line {number}: not a new name and the SHA-256 of a key",
                "write: name, a space, 64 hex digits as `printf %s KEY | sha256sum` gives them",
            )
        if found is not None:
            keys[found[1]] = found[2]
    if not keys:
        raise ConfigError(f"{path} holds no key", "add one, or leave --keys out")
    return keys
