"""The shapes in which each vendor's clients read errors.

Invariant: every refusal, whoever raises it, leaves in the shape of the family that its path is of.
"""

from __future__ import annotations

import orjson

from etl.serve.answers import Answer
from etl.serve.refusals import BadParameter, Refused, TooManyRequests, WrongCredentials

_COIN_METRICS_TYPES = {
    400: "bad_parameter",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    414: "uri_too_long",
    429: "too_many_requests",
    431: "header_too_large",
    500: "internal_server_error",
    503: "unavailable",
}
_CRYPTO_QUANT_TYPES = _COIN_METRICS_TYPES | {400: "bad_request", 405: "not_allowed", 414: "bad_request"}


def is_crypto_quant(path: str) -> bool:
    """Whether a path, with or without a profile before it, is one of CryptoQuant's."""
    return "v1" in path.split("/", 3)[1:3]


def refusal(path: str, refused: Refused) -> Answer:
    """A refusal in the shape of the path's family."""
    return _crypto_quant(refused) if is_crypto_quant(path) else _coin_metrics(refused)


def _coin_metrics(refused: Refused) -> Answer:
    message = refused.message
    if isinstance(refused, BadParameter):
        message = f"Bad parameter '{refused.name}'. Value '{refused.value}' is not supported. {refused.hint}"
    kind = _COIN_METRICS_TYPES[refused.status]
    if isinstance(refused, WrongCredentials):
        kind = "wrong_credentials"
    headers = {}
    if isinstance(refused, TooManyRequests):
        headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(refused.seconds)}
    body = orjson.dumps({"error": {"type": kind, "message": message.rstrip()}})
    return Answer(body, headers=headers)


def _crypto_quant(refused: Refused) -> Answer:
    kind = _CRYPTO_QUANT_TYPES[refused.status]
    headers = {}
    if isinstance(refused, TooManyRequests):
        headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(refused.at)}
    status = {"code": refused.status, "message": f"{kind}: {refused.message}"}
    return Answer(orjson.dumps({"status": status}), headers=headers)
