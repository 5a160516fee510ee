"""A file published while another is read."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
import websocket

from etl.disk.datadir import DataDirectory
from etl.errors import TerminalError
from etl.serve import snapshot
from etl.serve.publications import KEPT_S, MOST_WAIT_S, Publications
from etl.serve.refusals import Refused
from tests.serve.client_checks import client_of
from tests.support.served import publish_served, serving, touch

PATH = "/v4/timeseries/asset-metrics"
OUT = "FlowMinerOut0HopAllNtv"
DAYS = 30


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> DataDirectory:
    return publish_served(tmp_path_factory.mktemp("published"), DAYS)


@pytest.fixture(scope="module")
def client(data_dir: DataDirectory) -> Iterator[httpx.Client]:
    with serving(data_dir) as address, httpx.Client(base_url=f"http://{address}") as client:
        yield client


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def amounts(data: list[dict[str, str]]) -> list[float]:
    return [float(row[OUT]) for row in data]


PUBLISHER = """
import sys
from pathlib import Path
from tests.support.served import publish_served
for extra in (1, 2):
    publish_served(Path(sys.argv[1]), int(sys.argv[2]) + extra, extra_sat=extra * 1_000)
"""


@contextmanager
def streaming(address: str) -> Iterator[list[dict[str, Any]]]:
    """What the official client's stream hears meanwhile."""
    heard: list[dict[str, Any]] = []
    stream = client_of(address).get_stream_asset_metrics(
        assets="btc", metrics="MinerEntity", frequency="1b", backfill="latest"
    )
    stream._events_handlers_set = True  # it would handle signals, which only a main thread may

    def hear(_: object, text: str) -> None:
        heard.append(json.loads(text))

    listener = threading.Thread(target=stream.run, kwargs={"on_message": hear, "reconnect": False})
    listener.start()
    try:
        wait_until(lambda: bool(heard))
        yield heard
        wait_until(lambda: heard[-1]["height"] == str(DAYS + 2))
    finally:
        stream.ws.close()
        listener.join()


@contextmanager
def reading(client: httpx.Client, asked: dict[str, str | int]) -> Iterator[set[str]]:
    """The files that whole answers came from meanwhile; every one must be of one file."""
    files: set[str] = set()
    errors: list[object] = []
    stop = threading.Event()

    def read() -> None:
        with httpx.Client(base_url=client.base_url) as mine:
            while not stop.is_set():
                answer = mine.get(PATH, params=asked | {"page_size": 10_000})
                files.add(answer.headers.get("x-minerflow-file", "none"))
                # Pool A pays n BTC, 2 BTC and, in a later file, as many satoshis more as it has extra.
                found = amounts(answer.json().get("data", []))
                if answer.status_code != 200 or len({round(v - n, 8) for n, v in enumerate(found)}) != 1:
                    errors.append(answer.text)
                time.sleep(0.02)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield files
    finally:
        stop.set()
        reader.join()
    assert errors == []


def test_reading_while_another_process_publishes(client: httpx.Client, data_dir: DataDirectory) -> None:
    """Each file has its own amounts: n + extra BTC on day n. A paged read ends on the file it began on; no
    answer mixes two; whoever listens hears of new blocks."""
    asked: dict[str, str | int] = {"assets": "btc", "metrics": OUT, "page_size": 10, "paging_from": "start"}
    with streaming(client.base_url.netloc.decode()) as heard, reading(client, asked) as files:
        page = client.get(PATH, params=asked).json()
        whole = amounts(page["data"])
        subprocess.run([sys.executable, "-c", PUBLISHER, data_dir.path, str(DAYS)], check=True)
        wait_until(lambda: client.get("/health").json()["height"] == DAYS + 2)
        while "next_page_url" in page:
            page = client.get(page["next_page_url"]).json()
            whole += amounts(page["data"])
    assert len(files) >= 2
    assert whole == [n + 3.0 for n in range(DAYS)]
    assert [(each["type"], each["height"], each["cm_sequence_id"]) for each in heard] == [
        ("new_block", str(DAYS + n), str(n)) for n in range(3)
    ]
    assert heard[1]["MinerEntity"] == "A"
    assert heard[1]["parent_hash"] == heard[0]["hash"]


def test_events_for_browsers(client: httpx.Client) -> None:
    with client.stream("GET", "/events") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        lines = answer.iter_lines()
        event = next(line for line in lines if line.startswith("event:"))
        told = json.loads(next(lines).removeprefix("data: "))
    assert event == "event: new_block"
    assert told["height"] == str(client.get("/health").json()["height"])


def test_streams_refuse_in_the_familys_shape(client: httpx.Client) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(
            f"ws://{client.base_url.netloc.decode()}/v4/timeseries-stream/asset-metrics?assets=btc&metrics=X"
        )
    assert refused.value.status_code == 400
    assert b'"type":"bad_parameter"' in refused.value.resp_body
    assert client.get("/events?metrics=BlkCnt").status_code == 400


@pytest.fixture(scope="module")
def three_days(tmp_path_factory: pytest.TempPathFactory) -> DataDirectory:
    return publish_served(tmp_path_factory.mktemp("small"), 3)


@pytest.fixture
def small(three_days: DataDirectory, tmp_path: Path) -> DataDirectory:
    """A file of three days that a test may change."""
    data_dir = DataDirectory(tmp_path)
    data_dir.create()
    shutil.copyfile(three_days.published, data_dir.published)
    return data_dir


def test_a_damaged_file_leaves_the_one_before(
    small: DataDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publications = Publications(small)
    with pytest.raises(Refused) as early:
        _ = publications.current
    assert early.value.status == 503
    assert publications.refresh()
    assert not publications.refresh()
    good = publications.current
    broken = tmp_path / "broken"
    broken.write_bytes(b"not a database" * 1_000)
    broken.replace(small.published)
    with pytest.raises(TerminalError, match="cannot be opened"):
        publications.refresh()
    assert publications.current is good
    assert not publications.refresh()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + MOST_WAIT_S)
    with pytest.raises(TerminalError, match="cannot be opened"):
        publications.refresh()


def test_snapshots_are_kept_for_ten_minutes(small: DataDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    publications = Publications(small)
    publications.refresh()
    first = publications.current
    touch(small, 1)
    publications.refresh()
    assert publications.current.file != first.file
    assert publications.of_file(first.file) is first
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + KEPT_S + 1)
    assert publications.of_file(first.file) is None
    assert publications.of_file(publications.current.file) is publications.current


def test_queries_reach_nothing_but_the_file_and_end(
    small: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    publications = Publications(small)
    publications.refresh()
    ask = publications.current.ask
    assert ask("SELECT count(*) AS n FROM blocks", []).to_pylist() == [{"n": 4}]
    with pytest.raises(duckdb.PermissionException):
        ask(f"SELECT * FROM read_text('{__file__}')", [])
    with pytest.raises(duckdb.InvalidInputException, match="locked"):
        ask("SET enable_external_access = true", [])
    monkeypatch.setattr(snapshot, "QUERY_S", 0.1)
    with pytest.raises(Refused, match="longer than 0.1 s") as late:
        ask("SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7", [])
    assert late.value.status == 503


def test_revisions_from_the_reports(small: DataDirectory) -> None:
    """A run that made days final, and one that changed a day of one profile."""
    reports = [
        ("2020-02-01T00:00:00+00:00", ["2020-01-01", "2020-01-02"], []),
        ("2020-02-03T04:05:06+00:00", ["2020-01-03"], [{"day": "2020-01-02", "profile": "entity"}]),
    ]
    for number, (started, final, changed) in enumerate(reports):
        report = {"started_at": started, "days_newly_final": final, "days_changed": changed}
        (small.logs / f"{number}.json").write_text(json.dumps(report))
    (small.logs / "9.json").write_text('{"started_at": "never"')
    publications = Publications(small)
    publications.refresh()
    revisions = publications.current.revisions
    early, late = "2020-02-01T00:00:00.000000000Z", "2020-02-03T04:05:06.000000000Z"
    assert [(each.status, each.time) for each in revisions["entity"]] == [
        ("flash", early), ("revised", late), ("flash", late),
    ]  # fmt: skip
    assert [each.status for each in revisions["coinmetrics"]] == ["flash"] * 3
    edition = publications.current.edition
    (small.logs / "10.json").write_text(
        json.dumps({"started_at": "2020-02-04T00:00:00+00:00", "days_newly_final": [],
                    "days_changed": [{"day": "2020-01-01", "profile": "entity"}]})
    )  # fmt: skip
    assert publications.refresh()
    assert publications.current.edition != edition
    assert publications.current.revisions["entity"][0].status == "revised"
