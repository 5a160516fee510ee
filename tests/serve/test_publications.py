"""A file published while another is read."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websocket

from etl.disk.datadir import DataDirectory
from etl.serve.publications import KEPT_S, Publications
from etl.serve.refusals import Refused
from tests.support.served import publish_served, serving

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


def wait_for_file(client: httpx.Client, before: str) -> None:
    deadline = time.monotonic() + 60
    while client.get("/health").json()["file"] == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def amounts(data: list[dict[str, str]]) -> list[float]:
    return [float(row[OUT]) for row in data]


def test_reading_while_publishing(client: httpx.Client, data_dir: DataDirectory) -> None:
    """Each file has its own amounts: n + extra BTC on day n. A paged read ends on the file it began on; no
    answer mixes two; whoever listens hears of new blocks."""
    asked: dict[str, str | int] = {"assets": "btc", "metrics": OUT, "page_size": 10, "paging_from": "start"}
    heard: list[dict[str, Any]] = []
    listening = websocket.create_connection(
        f"ws://{client.base_url.netloc.decode()}/v4/timeseries-stream/asset-metrics"
        "?&assets=btc&metrics=MinerEntity&frequency=1b"
    )
    heard.append(json.loads(listening.recv()))
    errors: list[object] = []
    files: set[str] = set()
    stop = threading.Event()

    def read() -> None:
        with httpx.Client(base_url=client.base_url) as mine:
            while not stop.is_set():
                answer = mine.get(PATH, params=asked | {"page_size": 10_000})
                found = amounts(answer.json()["data"])
                files.add(answer.headers["x-minerflow-file"])
                # Pool A pays n BTC, 2 BTC and, in a later file, as many satoshis more as it has extra.
                if answer.status_code != 200 or len({round(v - n, 8) for n, v in enumerate(found)}) != 1:
                    errors.append(answer.text)

    reader = threading.Thread(target=read)
    reader.start()
    first = client.get(PATH, params=asked).json()
    whole = amounts(first["data"])
    file = client.get("/health").json()["file"]
    for extra in (1, 2):
        publish_served(data_dir.path, DAYS + extra, extra_sat=extra * 1_000)
        wait_for_file(client, file)
        file = client.get("/health").json()["file"]
    page = first
    while "next_page_url" in page:
        page = client.get(page["next_page_url"]).json()
        whole += amounts(page["data"])
    stop.set()
    reader.join()
    assert errors == []
    assert len(files) >= 2
    assert whole == [n + 3.0 for n in range(DAYS)]
    heard += [json.loads(listening.recv()) for _ in range(2)]
    listening.close()
    assert [(each["type"], each["height"], each["cm_sequence_id"]) for each in heard] == [
        ("new_block", str(DAYS), "0"), ("new_block", str(DAYS + 1), "1"), ("new_block", str(DAYS + 2), "2"),
    ]  # fmt: skip
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


def test_a_damaged_file_leaves_the_one_before(tmp_path: Path) -> None:
    data_dir = publish_served(tmp_path, 3)
    publications = Publications(data_dir)
    with pytest.raises(Refused) as early:
        _ = publications.current
    assert early.value.status == 503
    assert publications.refresh()
    assert not publications.refresh()
    good = publications.current
    broken = tmp_path / "broken"
    broken.write_bytes(b"not a database" * 1_000)
    broken.replace(data_dir.published)
    with pytest.raises(Exception, match="cannot be opened"):
        publications.refresh()
    assert publications.current is good
    assert not publications.refresh()


def test_snapshots_are_kept_for_ten_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data_dir = publish_served(tmp_path, 3)
    publications = Publications(data_dir)
    publications.refresh()
    first = publications.current
    publish_served(tmp_path, 4)
    publications.refresh()
    assert publications.of_file(first.file) is first
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + KEPT_S + 1)
    assert publications.of_file(first.file) is None
    assert publications.of_file(publications.current.file) is publications.current


def test_revisions_from_the_reports(tmp_path: Path) -> None:
    """A run that made days final, and one that changed a day of one profile."""
    data_dir = publish_served(tmp_path, 3)
    reports = [
        ("2020-02-01T00:00:00+00:00", ["2020-01-01", "2020-01-02"], []),
        ("2020-02-03T04:05:06+00:00", ["2020-01-03"], [{"day": "2020-01-02", "profile": "entity"}]),
    ]
    for number, (started, final, changed) in enumerate(reports):
        report = {"started_at": started, "days_newly_final": final, "days_changed": changed}
        (data_dir.logs / f"{number}.json").write_text(json.dumps(report))
    (data_dir.logs / "9.json").write_text('{"started_at": "never"')
    publications = Publications(data_dir)
    publications.refresh()
    revisions = publications.current.revisions
    early, late = "2020-02-01T00:00:00.000000000Z", "2020-02-03T04:05:06.000000000Z"
    assert [(each.status, each.time) for each in revisions["entity"]] == [
        ("flash", early), ("revised", late), ("flash", late),
    ]  # fmt: skip
    assert [each.status for each in revisions["coinmetrics"]] == ["flash"] * 3
    edition = publications.current.edition
    (data_dir.logs / "10.json").write_text(
        json.dumps({"started_at": "2020-02-04T00:00:00+00:00", "days_newly_final": [],
                    "days_changed": [{"day": "2020-01-01", "profile": "entity"}]})
    )  # fmt: skip
    assert publications.refresh()
    assert publications.current.edition != edition
    assert publications.current.revisions["entity"][0].status == "revised"
