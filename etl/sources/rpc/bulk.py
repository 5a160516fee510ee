"""JSON-RPC in bulk over raw HTTP: single calls whose answers are large, and batches of small ones.

python-bitcoinrpc is not used here: it decodes and re-encodes every answer in full, and its batches
do not understand the JSON-RPC 2.0 answers of Bitcoin Core 28 and later.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from etl.sources.node.address import NodeAddress
from etl.sources.node.connection import Answer, NodeConnection
from etl.sources.node.failures import bad_answer, cut_off, rpc_failure, unavailable

_decoding = threading.Lock()


@contextmanager
def one_decoded_at_a_time() -> Iterator[None]:
    """Hold back other threads, and the garbage collector, while a large decoded answer lives.

    Decoding holds the interpreter lock anyway, so only memory is saved; the collector finds nothing
    in a tree without cycles, and takes more time over it than the decoding.
    """
    with _decoding:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if was_enabled:
                gc.enable()


def post_call(connection: NodeConnection, most_bytes: int, method: str, *params: Any) -> Answer:
    """The answer, not decoded, to one call. Raises as NodeConnection.post."""
    return connection.post(orjson.dumps({"method": method, "params": params, "id": 0}), most_bytes)


def result_of(answer: Answer, method: str, address: NodeAddress) -> Any:
    """The result in the answer to one call, numbers with a point as float."""
    reply = _decoded(answer, address)
    return _result(reply, method, address)


def call_batch(
    connection: NodeConnection, method: str, params: Sequence[Sequence[Any]], address: NodeAddress
) -> list[Any]:
    """Results of the same method with each of `params`, in order."""
    calls = [
        {"jsonrpc": "2.0", "method": method, "params": list(each), "id": number}
        for number, each in enumerate(params)
    ]
    replies = _decoded(connection.post(orjson.dumps(calls)), address)
    if isinstance(replies, dict):
        _result(replies, method, address)
    if not isinstance(replies, list) or len(replies) != len(calls):
        raise bad_answer(f"the batch of {len(calls)} calls of {method} has not as many answers", address)
    by_id = {
        reply["id"]: reply for reply in replies if isinstance(reply, dict) and type(reply.get("id")) is int
    }
    return [_result(by_id.get(call["id"]), method, address) for call in calls]


def _decoded(answer: Answer, address: NodeAddress) -> Any:
    if answer.status == 503:
        raise unavailable(answer.body, address)
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        # Core ends every JSON-RPC answer with a line feed (httprpc.cpp)
        if not answer.body.endswith(b"\n"):
            raise _cut_off(answer, address) from error
        raise bad_answer(f"HTTP {answer.status} without valid JSON", address) from error


def _cut_off(answer: Answer, address: NodeAddress) -> Exception:
    if answer.body.lstrip()[:1] in (b"{", b"[", b""):
        return cut_off(address)
    return bad_answer(f"HTTP {answer.status} without JSON", address)


def _result(reply: Any, method: str, address: NodeAddress) -> Any:
    if not isinstance(reply, dict):
        raise bad_answer(f"no answer to a call of {method}", address)
    error = reply.get("error")
    if isinstance(error, dict):
        raise rpc_failure(method, error.get("code"), error.get("message"), address)
    if error is not None or "result" not in reply:
        raise bad_answer(f"the answer to {method} has neither result nor error", address)
    return reply["result"]
