from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.cli.run import minerflow, process
from tests.support.fakenode import FakeNode

SECRET = "S3cr3tPassw0rd"
PLACES = ("url", "variable", "variable url", "file", "bitcoin.conf", "unencoded url")


def place_password(place: str, node: FakeNode, home: Path, patch: pytest.MonkeyPatch) -> list[str]:
    """Put the password there; the arguments that go with it."""
    bare = node.url.removesuffix("/")
    with_password = bare.replace("//", f"//user:{SECRET}@")
    if place == "url":
        return ["--rpc-url", with_password]
    if place == "unencoded url":
        return ["--rpc-url", bare.replace("//", f"//user:{SECRET}/x@")]
    if place == "variable url":
        patch.setenv("MINERFLOW_RPC_URL", with_password)
        return []
    if place == "variable":
        patch.setenv("MINERFLOW_RPC_PASSWORD", SECRET)
        patch.setenv("MINERFLOW_RPC_USER", "user")
    elif place == "file":
        (home / "mine.toml").write_text(f"rpc_user = 'user'\nrpc_password = '{SECRET}'\n")
        return ["--rpc-url", bare, "--config", str(home / "mine.toml")]
    else:
        (home / ".bitcoin").mkdir()
        (home / ".bitcoin/bitcoin.conf").write_text(f"rpcuser=user\nrpcpassword={SECRET}\n")
    return ["--rpc-url", bare]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("accepted", [True, False])
def test_no_password_in_any_output_or_file(
    place: str,
    accepted: bool,
    nobodys_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    data_dir = nobodys_home / "data"
    with FakeNode.golden("economy", password=SECRET if accepted else "another") as node:
        args = place_password(place, node, nobodys_home, monkeypatch)
        common = [*args, "--source", "rpc", "--timeout", "0", "--data-dir", str(data_dir)]
        job = process("backfill", "-v", ":20", *common)
        works = accepted and place != "unencoded url"
        code = 0 if works else 1
        outputs = [
            minerflow("doctor", "-v", *common, exit_code=code).output,
            minerflow("doctor", "--json", *common, exit_code=code).output,
            job.communicate()[0],
        ]
    assert (job.returncode == 0) == works, outputs
    outputs.append(caplog.text)
    written = [path.read_bytes() for path in data_dir.rglob("*") if path.is_file()]
    assert written or not works
    for text in itertools.chain(outputs, map(repr, written)):
        assert SECRET not in text
