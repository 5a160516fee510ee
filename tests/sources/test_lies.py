"""Nodes that lie: each field of each answer changed to anything; the right data or an error of ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.chain.blocks import decode_blocks
from etl.chain.spent import decode_spent
from etl.errors import MinerflowError
from etl.sources.node.address import NodeAddress
from etl.sources.node.answers import MOST_HEIGHT
from etl.sources.node.probe import probe_node
from etl.sources.node.retry import Retry
from etl.sources.rest import RestSource
from etl.sources.rpc.source import RpcSource
from etl.sources.source import Source
from tests.sources.check import joined
from tests.support.fakenode import FakeNode
from tests.support.properties import examples
from tests.support.wire import block_bytes, golden_blocks, spent_bytes, wire

BLOCKS = golden_blocks("economy")[:130]
FIRST, LAST = 110, 129
ONCE = Retry(0)

HOSTILE = "\x1b[2J\u202e'; rm -rf /\r\nAuthorization: Basic dXNlcjpwYXNzd29yZA=="
LIES: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 10**12, 10**12 + 7, -(2**70), 2**64, 0.5, -0.0, 1e308,
    float("nan"), float("inf"),
    "", "0", "00" * 32, "ff" * 32, "0" * 63, "G" * 64, HOSTILE, "main", "x" * 100_000,
    [], [[]], {}, {"blocks": 1}, [None] * 1000,
]  # fmt: skip
"""NaN and infinity are no JSON, but Python's decoder takes them."""


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


class _LyingNode(FakeNode):
    """Every answer in JSON or in bytes goes through `lie`, which is told the method or the path."""

    lie: Callable[[str, Any], Any] = staticmethod(lambda _, answer: answer)

    def answer(self, path: str, authorization: str | None, body: bytes | None) -> tuple[int, str, bytes]:
        status, kind, content = super().answer(path, authorization, body)
        if kind == "application/json":
            asked = json.loads(body)[0]["method"] if body and body[:1] == b"[" else path
            asked = json.loads(body)["method"] if body and body[:1] == b"{" else asked
            return status, kind, _dumped(self.lie(asked, json.loads(content))) + b"\n"
        if status == 200:
            content = self.lie(path, content)
        return status, kind, content


@pytest.fixture(scope="module")
def node() -> Iterator[_LyingNode]:
    with _LyingNode(BLOCKS) as running:
        yield running


def _told(source: Source) -> None:
    """Read a few blocks to the end, as a job does, and hold them against the chain."""
    last = min(source.tip_height, LAST)
    hashes = [row[::-1].tobytes().hex() for row in source.hashes(FIRST, last)]
    source.times(FIRST, last)
    batches = list(source.chunk(FIRST, last).batches(1 << 20))
    for raw in batches:
        columns = decode_blocks(raw.block, raw.block_offset, raw.first_height, raw.origin)
        decode_spent(
            raw.spent, raw.spent_offset, raw.spent_format, columns.tx_count, columns.input_count,
            raw.first_height, raw.origin,
        )  # fmt: skip
        offset = raw.first_height - FIRST
        found = [row[::-1].tobytes().hex() for row in columns.block_hash]
        assert found == hashes[offset : offset + len(found)]
    if hashes == [block["hash"] for block in BLOCKS[FIRST : last + 1]]:
        blocks, spent = joined(batches)
        assert blocks == [block_bytes(block) for block in BLOCKS[FIRST : last + 1]]
        assert spent == [spent_bytes(block) for block in BLOCKS[FIRST : last + 1]]


def _outcome(run: Callable[[], object]) -> str:
    """Nothing but an error of ours, which shows no control character and no secret, is let through."""
    try:
        run()
    except MinerflowError as error:
        assert error.what.isprintable(), error.what
        assert len(error.what) < 2000
        assert "dXNlcjpwYXNzd29yZA" not in str(error)
        assert error.action
        return type(error).__name__
    return "read"


def _paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Ways to every member of a JSON document; of a list's members to the first two."""
    if path:
        yield path
    if isinstance(document, dict):
        for key in document:
            yield from _paths(document[key], (*path, key))
    elif isinstance(document, list):
        for at in range(min(2, len(document))):
            yield from _paths(document[at], (*path, at))


def _changed(document: Any, path: tuple[Any, ...], value: Any, remove: bool) -> Any:
    """The document with a member replaced or left out."""
    at = document
    for key in path[:-1]:
        at = at[key]
    if remove:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return document


_SOURCES: dict[str, Callable[[NodeAddress, Retry], Source]] = {"rpc": RpcSource, "rest": RestSource}
_WAYS: dict[str, Callable[[FakeNode], object]] = {
    "rpc": lambda node: _told(RpcSource(node.address, ONCE)),
    "rest": lambda node: _told(RestSource(node.address, ONCE)),
    "probe": lambda node: probe_node(node.address, ONCE),
}
_ANSWERS = [
    ("rpc", "getblockchaininfo"),
    ("rpc", "getnetworkinfo"),
    ("rpc", "getchainstates"),
    ("rpc", "getblockhash"),
    ("rpc", "getblockheader"),
    ("rpc", "getblock"),
    ("rest", "/rest/chaininfo.json"),
    ("probe", "/rest/chaininfo.json"),
]


@pytest.mark.parametrize(("way", "asked"), _ANSWERS)
@examples(60)
@given(st.integers(0, 1 << 30), st.sampled_from(LIES), st.booleans())
def test_a_changed_member(
    node: _LyingNode, way: str, asked: str, number: int, value: Any, remove: bool
) -> None:
    chosen: list[tuple[Any, ...]] = []

    def lie(method: str, document: Any) -> Any:
        if method != asked:
            return document
        if not chosen:
            paths = list(_paths(document))
            chosen.append(paths[number % len(paths)])
        try:
            return _changed(document, chosen[0], value, remove)
        except (LookupError, TypeError):
            return document

    node.lie = lie
    _outcome(lambda: _WAYS[way](node))


@pytest.mark.parametrize(("way", "asked"), _ANSWERS)
@pytest.mark.parametrize("value", LIES, ids=lambda value: repr(value)[:20])
def test_an_answer_that_is_anything(node: _LyingNode, way: str, asked: str, value: Any) -> None:
    """In place of the whole answer, and in place of its result."""
    for in_result in (False, True):

        def lie(method: str, document: Any, in_result: bool = in_result) -> Any:
            if method != asked:
                return document
            return document | {"result": value} if in_result and isinstance(document, dict) else value

        node.lie = lie
        found = _outcome(lambda: _WAYS[way](node))
        if way != "probe" and not in_result:
            assert found == "NodeAnswerError"


_BINARY = ["headers", "blockhashbyheight", "block", "spenttxouts"]


@pytest.mark.parametrize("asked", _BINARY)
@examples(60)
@given(st.integers(0, 1 << 30), st.sampled_from(["flip", "cut", "twice", "other", "empty", "long"]))
def test_changed_bytes(node: _LyingNode, asked: str, number: int, kind: str) -> None:
    """Flipped, cut off, doubled, of another block, or nothing."""

    def lie(path: str, content: Any) -> Any:
        if path.split("/")[2] != asked or not isinstance(content, bytes) or not content:
            return content
        at = number % len(content)
        return {
            "flip": content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :],
            "cut": content[:at],
            "twice": content * 2,
            "other": block_bytes(BLOCKS[5]),
            "empty": b"",
            "long": content + bytes(100_000),
        }[kind]

    node.lie = lie
    _outcome(lambda: _WAYS["rest"](node))


@pytest.mark.parametrize("value", [10**12, MOST_HEIGHT + 1, -1, 1.5, "129", True, None])
@pytest.mark.parametrize("way", ["rpc", "rest"])
def test_a_height_that_is_none(node: _LyingNode, way: str, value: Any) -> None:
    def lie(method: str, document: Any) -> Any:
        if method == "getblockchaininfo":
            document["result"]["blocks"] = value
        if method == "/rest/chaininfo.json":
            document["blocks"] = value
        return document

    node.lie = lie
    assert _outcome(lambda: _WAYS[way](node)) == "NodeAnswerError"


@pytest.mark.parametrize("way", ["rpc", "rest"])
def test_a_node_that_says_it_is_on_another_network(way: str) -> None:
    with FakeNode(BLOCKS, chain="main") as lying:
        assert _outcome(lambda: _told(_SOURCES[way](lying.address, ONCE))) == "WrongChain"


def test_text_of_a_node_is_escaped_and_credentials_are_masked(node: _LyingNode) -> None:
    """In errors, in its own name, and where it echoes what it was sent."""
    secret = "dXNlcjpwYXNzd29yZA=="  # user:password
    said: list[str] = []
    for code in (-1, -28, -5, 7):

        def lie(method: str, document: Any, code: int = code) -> Any:
            return {"result": None, "error": {"code": code, "message": HOSTILE}, "id": document["id"]}

        node.lie = lie
        with pytest.raises(MinerflowError) as raised:
            probe_node(node.address, ONCE)
        said.append(raised.value.what)
    node.lie = lambda method, document: (
        document | {"result": document["result"] | {"subversion": "/\x1b[31m/"}}
        if method == "getnetworkinfo"
        else document
    )
    said.append(probe_node(node.address, ONCE).subversion)
    assert all(text.isprintable() and secret not in text for text in said)
    assert all("********" in text for text in said[:-1])
    assert said[-1] == r"/\x1b[31m/"


def test_what_core_prints_is_what_the_lies_start_from() -> None:
    """So that a test that finds nothing wrong has looked at something."""
    document = orjson.loads(orjson.dumps(wire(BLOCKS[126])))
    assert len(set(_paths(document))) > 60
