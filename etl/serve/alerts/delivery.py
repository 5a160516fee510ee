"""Handing an event to its receiver: a signed POST, or a command.

Source of the signature's form: what GitHub, Stripe and others send, so that their examples verify it: the
header X-Minerflow-Signature is `sha256=` and the HMAC-SHA256, in hex, of the body with the secret.
"""

from __future__ import annotations

import hashlib
import hmac
import subprocess
import urllib.request
from http.client import HTTPException
from typing import Any

import orjson

from etl.serve.alerts.definitions import Alert

TIMEOUT_S = 30
SIGNATURE = "X-Minerflow-Signature"


class NotReceived(Exception):
    """The receiver did not take an event; says why, without a secret."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Another address is not one of the file's."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


def deliver(alert: Alert, event: dict[str, Any]) -> None:
    """Hand an event over. Raises NotReceived."""
    body = orjson.dumps(event)
    if alert.url is not None:
        _post(alert.url, signed(alert.secret, body), body)
    else:
        _run(alert.command, body)


def signed(secret: str, body: bytes) -> dict[str, str]:
    """The headers of a body."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"Content-Type": "application/json", "User-Agent": "minerflow", SIGNATURE: f"sha256={digest}"}


def _post(url: str, headers: dict[str, str], body: bytes) -> None:
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with _OPENER.open(request, timeout=TIMEOUT_S):
            return
    except (OSError, HTTPException, ValueError) as error:
        raise NotReceived(f"{type(error).__name__}: {error}") from error


def _run(command: tuple[str, ...], body: bytes) -> None:
    try:
        done = subprocess.run(command, input=body, capture_output=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise NotReceived(f"{type(error).__name__}: {command[0]}") from error
    if done.returncode:
        raise NotReceived(f"{command[0]} ended with {done.returncode}")
