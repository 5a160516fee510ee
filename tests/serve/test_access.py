"""Keys and limits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from etl.disk.datadir import DataDirectory
from etl.errors import ConfigError, UsageError
from etl.serve.access import WINDOW_S, read_keys
from etl.serve.listening import ServeOptions, is_loopback, make_server
from tests.support.served import serving

KEY = "0123456789abcdef-a-key"
PATH = "/v4/reference-data/assets"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keys"
    path.write_text(f"# whose\nanalyst {hashlib.sha256(KEY.encode()).hexdigest()}  # since May\n")
    return path


@pytest.fixture(scope="module")
def client(served_data: DataDirectory, keys: Path) -> Iterator[httpx.Client]:
    with (
        serving(served_data, keys=keys, most_requests=5) as address,
        httpx.Client(base_url=f"http://{address}") as client,
    ):
        yield client


def test_keys_and_limit(client: httpx.Client, capfd: pytest.CaptureFixture[str]) -> None:
    assert client.get(PATH).json()["error"]["type"] == "unauthorized"
    wrong = client.get(PATH, params={"api_key": KEY + "x"})
    assert (wrong.status_code, wrong.json()["error"]["type"]) == (401, "wrong_credentials")
    refused = client.get("/v1/discovery/endpoints", headers={"authorization": "Bearer wrong"})
    assert (refused.status_code, refused.json()["status"]["code"]) == (401, 401)
    assert client.get(PATH, headers={"x-api-key": "wrong"}).status_code == 401
    seen = [client.get(PATH, headers={"x-api-key": KEY})]
    for _ in range(12):
        answer = client.get(PATH, params={"api_key": KEY})
        seen.append(answer)
        if answer.status_code == 429:
            break
    assert (seen[0].status_code, seen[-1].status_code) == (200, 429)
    assert 1 <= int(seen[-1].headers["x-ratelimit-reset"]) <= WINDOW_S + 1
    assert seen[-1].json()["error"]["type"] == "too_many_requests"
    assert all(answer.headers.get("x-ratelimit-remaining") != "0" for answer in seen[:-1])
    at = client.get("/v1/discovery/endpoints", headers={"authorization": f"Bearer {KEY}"})
    if at.status_code == 429:  # else the next window began
        assert int(at.headers["x-ratelimit-reset"]) > 1_700_000_000
    assert client.get("/health").status_code == 200
    assert KEY not in capfd.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "name", "name 12ab", "a " + "0" * 64 + "\na " + "1" * 64, "a " + "G" * 64]
)
def test_keys_files_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(ConfigError):
        read_keys(path)


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a directory"):
        make_server(ServeOptions(tmp_path / "none", "127.0.0.1", 0, None, None), lambda _: None)


def test_listening_for_all_without_keys_is_warned_of(tmp_path: Path, keys: Path) -> None:
    said: list[str] = []
    make_server(ServeOptions(tmp_path, "0.0.0.0", 0, None, None), said.append)
    assert "without keys" in said[0]
    make_server(ServeOptions(tmp_path, "0.0.0.0", 0, keys, None), said.append)
    make_server(ServeOptions(tmp_path, "::1", 0, None, None), said.append)
    assert len(said) == 1


def test_loopback() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "::", "example.org")] == [False] * 3


def test_operation(address: str) -> None:
    health = httpx.get(f"http://{address}/health").json()
    assert (health["ready"], health["height"], health["last_final_day"]) == (True, 400, "2021-02-03")
    lines = httpx.get(f"http://{address}/metrics").text.splitlines()
    assert "minerflow_height 400.0" in lines
    assert any(line.startswith('minerflow_requests_total{family="health",status="200"}') for line in lines)
    assert any(line.startswith("minerflow_final_day_age_seconds ") for line in lines)
    assert any(line.startswith("minerflow_request_seconds_bucket") for line in lines)
