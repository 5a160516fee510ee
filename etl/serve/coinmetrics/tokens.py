"""Page tokens: which published file a read is of, what it asks for and where its next page begins.

Invariant: a token that this code did not make for the same request is refused, not followed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass

from etl.serve.parameters import Parameters
from etl.serve.refusals import BadParameter

NAME = "next_page_token"
_FREE = (NAME, "api_key", "pretty", "page_size")
"""Parameters that may differ from page to page."""
_FORM = struct.Struct(">8sq4s")


@dataclass(frozen=True)
class Token:
    """Where a read goes on."""

    file: str
    """of the snapshot"""
    place: int
    """the day, height or position that comes next"""


def written(token: Token, parameters: Parameters, path: str) -> str:
    """The token as it is sent."""
    packed = _FORM.pack(
        bytes.fromhex(token.file), token.place, _digest(token.file, token.place, parameters, path)
    )
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def asked_token(parameters: Parameters, path: str) -> Token | None:
    """The token of a request, None for a first page. Raises BadParameter."""
    text = parameters.text(NAME)
    if text is None:
        return None
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        file, place, digest = _FORM.unpack(packed)
    except (ValueError, binascii.Error, struct.error):
        raise BadParameter(NAME, text, "Send the token of the page before, whole, as it came.") from None
    token = Token(file.hex(), place)
    if digest != _digest(token.file, place, parameters, path):
        raise BadParameter(
            NAME, text, "It is of another request: send it with the parameters of the page before."
        )
    return token


def _digest(file: str, place: int, parameters: Parameters, path: str) -> bytes:
    asked = sorted((name, value) for name, value in parameters.given.items() if name not in _FREE)
    return hashlib.blake2b(repr((path, file, place, asked)).encode(), digest_size=4).digest()
