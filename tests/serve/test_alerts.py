"""Alerts: when they fire, and that what they say arrives."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

from etl.disk.datadir import DataDirectory
from etl.errors import ConfigError
from etl.results.metrics import Catalogue
from etl.serve.alerts.definitions import read_alerts
from etl.serve.alerts.watch import AlertWatch
from etl.serve.columns import Calendar
from etl.serve.publications import Publications
from etl.serve.revisions import Revision
from etl.serve.snapshot import Entities, Snapshot
from tests.cli.run import minerflow
from tests.support.charted import publish_charted
from tests.support.served import publish_served
from tests.support.small_warehouse import day

SECRET = "0123456789abcdef"
FIRST = (day(1) - day(1).replace(1970, 1, 1)).days


class Receiver:
    """A web server that keeps what it is sent; it answers with the statuses given, then with 204."""

    def __init__(self, statuses: list[int]) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                self.send_response(statuses.pop(0) if statuses else 204)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    receiver = Receiver(list(statuses))
    try:
        yield receiver
    finally:
        receiver.close()


@contextmanager
def watching(data_dir: DataDirectory) -> Iterator[AlertWatch]:
    watch = AlertWatch(data_dir, first_wait_s=0.05)
    thread = threading.Thread(target=watch.run)
    thread.start()
    try:
        yield watch
    finally:
        watch.stop()
        thread.join()


def published(values: list[float | None], revised: dict[int, str] | None = None) -> Snapshot:
    """A file whose metric MPI has a value a day, some revised at a time."""
    metric = SimpleNamespace(id="MPI", unit="", keys=["profile", "day"], view="v", interval="day")
    revisions = [Revision("flash", "1")] * len(values)
    for place, at in (revised or {}).items():
        revisions[place] = Revision("revised", at)
    column = pa.array([None if value is None else str(value) for value in values], pa.string())
    return Snapshot(
        file=f"file {values}", edition="", published=cast(Any, None), con=cast(Any, None),
        catalogue=cast(Catalogue, SimpleNamespace(metrics=[metric])), calendar=Calendar(FIRST, len(values)),
        columns={("entity", "MPI"): column}, prices=None, revisions={"entity": revisions},
        profiles=("entity",), entities={"entity": Entities({}, {})},
        blocks=cast(Any, [SimpleNamespace(height=len(values))]),
    )  # fmt: skip


def write(data_dir: DataDirectory, receiver: Receiver, **more: Any) -> None:
    asked = {"formula": "MPI", "url": receiver.url, "secret": SECRET} | more
    data_dir.alerts.write_text("[high]\n" + "".join(f"{key} = {json.dumps(v)}\n" for key, v in asked.items()))


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path)


def settle(receiver: Receiver, count: int) -> list[tuple[str, str]]:
    """Occasion and day of what has come, once so many have and nothing more comes."""
    deadline = time.monotonic() + 20
    while len(receiver.got) < count:
        assert time.monotonic() < deadline, receiver.events
        time.sleep(0.01)
    time.sleep(0.1)
    return [(each["on"], each["day"]) for each in receiver.events]


def test_a_crossing_is_told_once_and_again_when_it_is_revised(data_dir: DataDirectory) -> None:
    with receiving() as receiver:
        write(data_dir, receiver, crosses_above=2, on=["new_day", "revised"])
        with watching(data_dir) as watch:
            old = published([3, 1, 3])  # older than the alert
            watch.take(None, old)
            wait_until_seen(data_dir, str(day(3)))
            watch.take(old, published([3, 1, 3, 1, 2.5]))
            assert settle(receiver, 1) == [("new_day", str(day(5)))]
            watch.take(old, published([3, 1, 3, 1, 2.5, 2.75]))  # above, but it does not cross
            wait_until_seen(data_dir, str(day(6)))
        with watching(data_dir) as watch:  # after a restart the same file says nothing new
            watch.take(None, published([3, 1, 3, 1, 2.5, 2.75]))
            revised = published([3, 1, 3, 1, 4, 2.75], {4: "2", 1: "2"})
            watch.take(None, revised)
            assert settle(receiver, 2)[1:] == [("revised", str(day(5)))]
            watch.take(None, revised)
            assert len(settle(receiver, 2)) == 2
        assert receiver.events[0]["value"] == 2.5
        assert receiver.events[1]["value"] == 4
        assert receiver.events[0]["id"] != receiver.events[1]["id"]


def wait_until_seen(data_dir: DataDirectory, last_day: str) -> None:
    deadline = time.monotonic() + 20
    while json.loads(data_dir.alert_state.read_text()).get("high", {}).get("last_day") != last_day:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("condition", "days"),
    [
        ({"above": 2}, [4, 6]),
        ({"below": 2}, [5, 7]),
        ({"crosses_below": 2}, [5, 7]),
        ({"crosses_above": 2}, [4, 6]),
    ],
)
def test_conditions(data_dir: DataDirectory, condition: dict[str, float], days: list[int]) -> None:
    """Of 1, 1, 1 | 3, 1, 3, 0, not known, 2: a value that is not known fulfils none, 2 is neither side."""
    with receiving() as receiver, watching_first(data_dir, receiver, condition) as watch:
        watch.take(None, published([1, 1, 1, 3, 1, 3, 0, None, 2]))
        assert settle(receiver, len(days)) == [("new_day", str(day(number))) for number in days]


@contextmanager
def watching_first(
    data_dir: DataDirectory, receiver: Receiver, asked: dict[str, Any]
) -> Iterator[AlertWatch]:
    write(data_dir, receiver, **asked)
    with watching(data_dir) as watch:
        watch.take(None, published([1, 1, 1]))
        wait_until_seen(data_dir, str(day(3)))
        yield watch


def test_a_receiver_that_fails_gets_it_afterwards(data_dir: DataDirectory) -> None:
    """Also over a restart; a redirection is a failure, and is not followed."""
    with receiving(500, 307) as receiver:
        with watching_first(data_dir, receiver, {"above": 2}) as watch:
            watch.take(None, published([1, 1, 1, 3]))
            settle(receiver, 3)
        assert len({each["id"] for each in receiver.events}) == 1
        assert json.loads(data_dir.alert_state.read_text())["high"]["pending"] == []
    url = receiver.url
    with watching(data_dir) as watch:  # nobody listens
        watch.take(None, published([1, 1, 1, 3, 4]))
        wait_until_seen(data_dir, str(day(5)))
    assert len(json.loads(data_dir.alert_state.read_text())["high"]["pending"]) == 1
    with receiving() as later:
        data_dir.alerts.write_text(data_dir.alerts.read_text().replace(url, later.url))
        with watching(data_dir) as watch:
            watch.take(None, published([1, 1, 1, 3, 4]))
            assert settle(later, 1) == [("new_day", str(day(5)))]


def test_a_signature_is_what_openssl_says(data_dir: DataDirectory) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    with receiving() as receiver, watching_first(data_dir, receiver, {"above": 2}) as watch:
        watch.take(None, published([1, 1, 1, 3]))
        settle(receiver, 1)
    headers, body = receiver.got[0]
    said = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", SECRET], input=body, capture_output=True, check=True
    )
    assert headers["X-Minerflow-Signature"] == f"sha256={said.stdout.split()[-1].decode()}"


def test_a_command_gets_the_event(data_dir: DataDirectory, tmp_path: Path) -> None:
    out = tmp_path / "told.json"
    data_dir.alerts.write_text(f'[high]\nformula = "MPI"\nabove = 2\ncommand = ["tee", "{out}"]\n')
    with watching(data_dir) as watch:
        watch.take(None, published([1, 1, 1]))
        wait_until_seen(data_dir, str(day(3)))
        watch.take(None, published([1, 1, 1, 3]))
        deadline = time.monotonic() + 20
        while not out.exists() or not out.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert json.loads(out.read_text())["value"] == 3


def test_the_running_day_and_a_formula(tmp_path: Path) -> None:
    """On the running day pool A has paid out 4 BTC of its own and 2 BTC to an address in hop 1."""
    data_dir = publish_served(tmp_path, 3)
    with receiving() as receiver:
        write(data_dir, receiver, above=11.5, on="new_block", formula="2 * FlowMinerOut0HopAllNtv", miner="A")
        publications = Publications(data_dir)
        with watching(data_dir) as watch:
            publications.listeners.append(watch.take)
            publications.refresh()
            wait_until_seen(data_dir, str(day(3)))
            before = publications.current
            publish_served(tmp_path, 4)
            publications.refresh()
            assert settle(receiver, 1) == [("new_block", str(day(5)))]
            assert receiver.events[0]["value"] == 14
            watch.take(before, publications.current)
            assert len(settle(receiver, 1)) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a]\nformula = 'MPI'\nabove = 1\nurl = 'https://x'\n", "secret of at least 16"),
        ("[a]\nformula = 'MPI'\nabove = 1\n", "exactly one receiver"),
        ("[a]\nformula = 'MPI'\nabove = 1\nbelow = 1\ncommand = ['x']\n", "exactly one number"),
        ("[a]\nformula = 'MPI +'\nabove = 1\ncommand = ['x']\n", "at character 6"),
        ("[a]\nformula = 'MPI'\nabove = '1'\ncommand = ['x']\n", "exactly one number"),
        ("[a]\nformula = 'MPI'\nabove = nan\ncommand = ['x']\n", "exactly one number"),
        ("[a]\nformula = 'MPI'\nabove = true\ncommand = ['x']\n", "exactly one number"),
        ("[a]\nformula = 'MPI'\nabove = 1\ncommand = 'x'\n", "no list of texts"),
        ("[a]\nformula = 'MPI'\nabove = 1\nurl = 'file:///etc/passwd'\n", "none of http"),
        ("[a]\nformula = 'MPI'\nabove = 1\non = 'always'\ncommand = ['x']\n", "on = 'always'"),
        ("[a]\nformulae = 'MPI'\n", "there is no key 'formulae'"),
        ("a = 1\n", "not a table"),
        ("[a\n", "is no TOML"),
    ],
)  # fmt: skip
def test_files_that_are_wrong(data_dir: DataDirectory, text: str, said: str) -> None:
    data_dir.alerts.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_alerts(data_dir.alerts)


def test_the_command_that_tries_one(data_dir: DataDirectory) -> None:
    with receiving(204, 500) as receiver:
        write(data_dir, receiver, above=2)
        told = minerflow("alerts", "test", "high", "--data-dir", data_dir.path)
        assert told.stdout == f"received by {receiver.url}\n"
        assert receiver.events[0]["on"] == "test"
        failed = minerflow("alerts", "test", "high", "--data-dir", data_dir.path, exit_code=1).output
        assert "500" in failed
        assert SECRET not in failed
    unknown = minerflow("alerts", "test", "low", "--data-dir", data_dir.path, exit_code=2).output
    assert "has no alert 'low'" in unknown


def test_the_command_says_what_can_never_be_sent(tmp_path: Path) -> None:
    data_dir = publish_charted(tmp_path, 20)
    for name, value, said in (
        ("formula", "BlkCntt * 2", "warning: formula, at character 1: there is no metric 'BlkCntt'"),
        ("miner", "Nobody", "warning: there is no miner 'Nobody'"),
        ("profile", "nobodys", "warning: there is no profile 'nobodys'"),
        ("formula", "BlkCnt", ""),
    ):
        keys = {"formula": "MPI", name: value}
        lines = [f'{key} = "{text}"' for key, text in keys.items()]
        data_dir.alerts.write_text("\n".join(["[it]", "above = 1", 'command = ["cat"]', *lines]))
        told = minerflow("alerts", "test", "it", "--data-dir", data_dir.path)
        assert told.stdout == "received by cat\n"
        assert told.stderr.startswith(said) and bool(told.stderr) == bool(said)
