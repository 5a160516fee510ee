"""The fake node says what the recorded one said, byte for byte."""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.fakenode import FakeNode
from tests.support.wire import RECORDINGS, recordings


@pytest.fixture(scope="module")
def node() -> Iterator[FakeNode]:
    with FakeNode.golden("economy") as running:
        yield running


def _ask(
    node: FakeNode, method: str, path: str, body: bytes | None, password: str
) -> tuple[int, str | None, bytes]:
    http_client = http.client.HTTPConnection(node.address.parts.netloc, timeout=10)
    pair = b64encode(f"{node.user}:{password}".encode()).decode()
    http_client.request(method, path, body, {"Authorization": f"Basic {pair}"})
    response = http_client.getresponse()
    content = response.read()
    http_client.close()
    return response.status, response.getheader("Content-Type"), content


@pytest.mark.parametrize(
    "recording", recordings("rpc"), ids=lambda r: f"{r['note']} {str(r['request'])[:60]}"
)
def test_rpc_answers_are_the_recorded_ones(node: FakeNode, recording: dict[str, Any]) -> None:
    request = recording["request"]
    body = request if isinstance(request, str) else json.dumps(request)
    password = "wrong" if recording["status"] == 401 else node.password
    answer = _ask(node, "POST", "/", body.encode(), password)
    assert answer == (
        recording["status"], recording["content_type"], recording["body"].encode()
    )  # fmt: skip


@pytest.mark.parametrize("recording", recordings("rest"), ids=lambda r: r["path"][:40])
def test_rest_answers_are_the_recorded_ones(node: FakeNode, recording: dict[str, Any]) -> None:
    status, content_type, content = _ask(node, "GET", recording["path"], None, "")
    assert (status, content_type) == (recording["status"], recording["content_type"])
    if recording.get("file"):
        assert content == (RECORDINGS / recording["file"]).read_bytes()
    elif content_type == "application/octet-stream":
        assert content.hex() == recording["body"]
    else:
        assert content.decode() == recording["body"]
