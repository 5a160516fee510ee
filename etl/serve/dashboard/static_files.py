"""The dashboard's files, as they are carried with the package.

Invariants: nothing outside of `static` is ever sent; no page holds a script or style of its own, so that the
content policy can forbid both.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from etl.serve.answers import Answer
from etl.serve.refusals import Refused
from etl.serve.sending import send_answer

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

STATIC = Path(__file__).with_name("static")
PAGES = ("/", "/embed")
PREFIX = "/static/"
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


async def send_page(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the dashboard, or one of its files. Raises Refused."""
    path = scope["path"]
    name = "index.html" if path in PAGES else path.removeprefix(PREFIX)
    answer = files().get(name)
    if answer is None:
        raise Refused(404, "the dashboard has no such file")
    await send_answer(send, scope, answer)


@cache
def files() -> dict[str, Answer]:
    """Every file of the dashboard by its name."""
    return {path.name: _read(path) for path in STATIC.iterdir() if path.suffix in _MEDIA_TYPES}


def _read(path: Path) -> Answer:
    body = path.read_bytes()
    return Answer(body, _MEDIA_TYPES[path.suffix], etag=hashlib.sha256(body).hexdigest()[:16])
