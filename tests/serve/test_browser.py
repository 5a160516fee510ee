"""The dashboard in a browser: every control, by mouse and by keyboard, on a desk and on a phone.

A page that writes to the console, or asks anybody but its own server, fails whatever test has it open.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pandas
import pytest

from etl.disk.datadir import DataDirectory
from etl.serve.dashboard.static_files import STATIC
from tests.support.browser import CHROMIUM, axe_source, chromium
from tests.support.served import DAYS
from tests.support.small_warehouse import day

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"),
    pytest.mark.filterwarnings("ignore"),
]
SCREENS = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 320, "height": 640}}
LOADED = "#drawing[aria-busy=false]"
VIEWS = ["Outflow", "Exchanges", "Pool share", "MPI", "One pool", "Profiles", "Choose"]
LAST = str(day(DAYS))
MOST_BYTES = 500_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


class Watched:
    """A page and what must not happen on it."""

    def __init__(self, context: Any, address: str) -> None:
        self.wrong: list[str] = []
        self.page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.base = f"http://{address}"
        self.page.on("console", lambda told: self.wrong.append(f"console: {told.text}"))
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("request", self._look_at)

    def _look_at(self, request: Any) -> None:
        if not request.url.startswith((self.base, "blob:" + self.base, "about:")):
            self.wrong.append(f"request: {request.url}")

    def open(self, path: str = "/") -> Any:
        self.page.goto(self.base + path)
        self.page.wait_for_selector(LOADED)
        return self.page


@pytest.fixture
def watched(browser: Any, address: str) -> Iterator[Watched]:
    context = browser.new_context(viewport=SCREENS["desk"], accept_downloads=True)
    found = Watched(context, address)
    yield found
    context.close()
    assert found.wrong == []


def until(page: Any, so: str) -> None:
    """Wait for what JavaScript says; Playwright's own way of waiting for that breaks the content policy."""
    deadline = time.monotonic() + 20
    while not page.evaluate(so):
        assert time.monotonic() < deadline, so
        page.wait_for_timeout(20)


def legend(page: Any) -> list[str]:
    listed: list[str] = page.locator("#legend button[aria-pressed]").all_inner_texts()
    return listed


def drawn(page: Any) -> int:
    """How many colours the chart has, one for a blank canvas."""
    found: int = page.evaluate("""() => {
        const canvas = document.querySelector("#chart canvas");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return new Set(new Uint32Array(data.buffer)).size;
    }""")
    return found


def go(page: Any, view: str) -> None:
    page.get_by_role("link", name=view, exact=True).click()
    page.wait_for_selector(f"#views a[aria-current]:text-is('{view}')")
    page.wait_for_selector(LOADED)


def table(page: Any) -> list[list[str]]:
    """The rows of the chart's table, the headings first."""
    if not page.locator("#table").get_attribute("open"):
        page.locator("#table").evaluate("element => { element.open = true }")
    page.wait_for_selector("#rows tbody tr")
    rows: list[list[str]] = page.locator("#rows tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))"
    )
    return rows


def test_every_view_draws(watched: Watched) -> None:
    page = watched.open()
    for view in VIEWS:
        go(page, view)
        if view == "Choose":
            assert "Nothing is chosen yet" in page.inner_text("#chart")
        else:
            assert drawn(page) > 5
            assert legend(page)
    page.go_back()
    page.wait_for_selector("#views a[aria-current]:text-is('Profiles')")
    assert legend(page) == ["Miner outflow, coinmetrics", "Miner outflow, entity"]


def test_first_view_is_small(watched: Watched) -> None:
    sizes: list[int] = []
    network = watched.page.context.new_cdp_session(watched.page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
    watched.open()
    assert 50_000 < sum(sizes) < MOST_BYTES


def test_link_and_reload_give_the_same_view(watched: Watched) -> None:
    page = watched.open()
    go(page, "One pool")
    page.select_option("#miner", "A")
    page.select_option("#profile", "coinmetrics")
    page.select_option("#average", "7")
    page.fill("#from", str(day(50)))
    page.fill("#to", str(day(80)))
    page.check("#log")
    page.fill("#formula", "MinerOutflowTotalNtv / MinerInflowTotalNtv")
    page.click("#formula-form button")
    page.wait_for_selector("#legend >> text=MinerOutflowTotalNtv / MinerInflowTotalNtv (A)")
    before = (page.url, legend(page), table(page), page.inner_text("#title"))
    assert len(before[2]) == 1 + 31
    assert before[2][1][0] == str(day(80))
    page.reload()
    page.wait_for_selector(LOADED)
    assert (page.url, legend(page), table(page), page.inner_text("#title")) == before
    values = {name: page.input_value(f"#{name}") for name in ("miner", "profile", "average", "from", "to")}
    assert values == {
        "miner": "A", "profile": "coinmetrics", "average": "7", "from": str(day(50)), "to": str(day(80)),
    }  # fmt: skip
    page.click("#whole")
    until(page, "!location.search.includes('from=')")
    assert table(page)[1][0] == LAST


def test_dragging_zooms_and_a_button_shows_all(watched: Watched) -> None:
    page = watched.open()
    box = page.locator("#chart .u-over").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 50, steps=5)
    page.mouse.up()
    # of 400 days
    assert abs((pandas.Timestamp(page.input_value("#from")) - pandas.Timestamp(day(100))).days) <= 2
    assert abs((pandas.Timestamp(page.input_value("#to")) - pandas.Timestamp(day(200))).days) <= 2
    assert f"from={page.input_value('#from')}" in page.url
    page.click("#whole")
    until(page, "!location.search.includes('from=')")


def test_the_transactions_of_a_clicked_day_add_up(watched: Watched) -> None:
    page = watched.open("/?view=pool&miner=A")
    page.locator("#chart .u-over").click(position={"x": 300, "y": 100})
    page.wait_for_selector("#day-rows tbody tr")
    on = re.search(r"\d{4}-\d\d-\d\d", page.inner_text("#day-title"))
    assert on is not None
    amounts = page.locator("#day-rows tbody td:nth-child(2)").all_inner_texts()
    total = sum(Decimal(each.replace(",", "")) for each in amounts)
    said = page.inner_text("#day-sum")
    assert "That is MinerOutflowTotalNtv of the day" in said
    asked = {
        "expression": "MinerOutflowTotalNtv",
        "miner": "A",
        "start": on[0],
        "end": on[0],
        "format": "csv",
    }
    value = httpx.get(f"{watched.base}/series", params=asked).text.split(",")[-1]
    assert total == Decimal(value)
    page.select_option("#day-metric", label="Inflow")
    until(page, "document.querySelector('#day-sum').innerText.includes('MinerInflowTotalNtv')")
    page.click("#day-dialog button:text-is('Close')")
    assert not page.locator("#day-dialog").is_visible()


def test_catalogue_overlays_and_mistakes(watched: Watched) -> None:
    page = watched.open("/?view=own")
    page.fill("#search", "puell multiple")
    assert "Glassnode" in page.inner_text("#results") or "CryptoQuant" in page.inner_text("#results")
    page.click("[aria-label='SQL of PuellMultiple']")
    page.wait_for_selector("#texts >> text=CREATE VIEW puell_multiple")
    page.keyboard.press("Escape")
    page.click("[aria-label='Add PuellMultiple']")
    page.wait_for_selector("#legend >> text=PuellMultiple")
    for number in range(5):
        page.fill("#formula", f"ma(FlowMinerOut1HopAllNtv, {number + 2})")
        page.press("#formula", "Enter")
        page.wait_for_selector(f"#legend >> text=ma(FlowMinerOut1HopAllNtv, {number + 2})")
    page.fill("#formula", "BlkCnt")
    page.press("#formula", "Enter")
    assert "6 are added already" in page.inner_text("#formula-problem")
    page.click("[aria-label='Remove PuellMultiple']")
    until(page, "document.querySelectorAll('#legend [aria-pressed]').length == 5")
    page.fill("#formula", "z(BlkCnt, 365")
    page.press("#formula", "Enter")
    until(page, "document.querySelector('#formula-problem').innerText.includes('At character 14')")
    watched.wrong = [each for each in watched.wrong if "400" not in each]  # which the browser itself says
    colours = drawn(page)
    for button in page.locator("#legend [aria-pressed]").all():
        button.click()
    assert drawn(page) < colours


def test_exits_are_marked(watched: Watched) -> None:
    """MPI goes above its upper band on days 3 and 6, and stays there on day 4."""
    answers = {"MPI": [0, 1, 3, 3, 0, 3], "upper": [2] * 6, "lower": [-2] * 6, "PriceUSD": [1] * 6}

    def answer(route: Any) -> None:
        expression = httpx.URL(route.request.url).params["expression"]
        name = expression if expression in answers else "upper" if "+" in expression else "lower"
        told = {"unit": "", "first_day": str(day(1)), "values": answers[name]}
        route.fulfill(body=json.dumps(told), content_type="application/json")

    watched.page.route("**/series?**", answer)
    page = watched.open("/?view=mpi")
    marked = [row[0] for row in table(page) if "▾" in row[0]]
    assert [each.split()[0] for each in marked] == [str(day(6)), str(day(3))]


def test_a_pair_and_a_link_with_a_mistake(watched: Watched) -> None:
    page = watched.open("/?view=own&miner=A")
    page.select_option("#counterparty", "Binance")
    page.fill("#formula", "MinerToExchangeTotalNtv")
    page.press("#formula", "Enter")
    page.wait_for_selector("#legend >> text=MinerToExchangeTotalNtv (A, Binance)")
    # 2 BTC to B's address at Binance, and 1.23456789 BTC
    heading, *rows = table(page)
    assert {row[1] for row in rows} == {"3.23456789"}
    assert len(rows) == 60
    page.click("#rows button:text-is('Show all days')")
    assert len(table(page)) == 1 + DAYS
    page.goto(f"{watched.base}/?add=Nonsense~entity~~&add=BlkCnt~entity~~")
    page.wait_for_selector("#legend >> text=BlkCnt")
    assert "Nonsense is left out" in page.inner_text("#formula-problem")
    assert legend(page) == ["Miner outflow", "Flow to exchanges", "Price of 1 BTC", "BlkCnt"]
    watched.wrong = [each for each in watched.wrong if "400" not in each]  # which the browser itself says


def test_the_keyboard_is_enough(watched: Watched) -> None:
    page = watched.open()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#views a[aria-current]:text-is('MPI')")
    page.wait_for_selector(LOADED)
    for _ in range(40):
        if page.evaluate("document.activeElement.id") == "chart":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("End")
    assert page.inner_text("#cursor").startswith(LAST)
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#cursor").startswith(str(day(DAYS - 1)))
    page.keyboard.press("PageUp")
    assert page.inner_text("#cursor").startswith(str(day(DAYS - 31)))
    page.keyboard.press("Enter")
    page.wait_for_selector("#day-rows tbody tr")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "chart"
    while page.evaluate("document.activeElement.tagName") != "SUMMARY":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#rows tbody tr")


def test_what_fails_says_so_and_tries_again(watched: Watched) -> None:
    page = watched.page
    page.route("**/series?**", lambda route: route.abort())
    watched.open()
    assert "The server cannot be reached" in page.inner_text("#problem")
    page.unroute("**/series?**")
    page.click("#again")
    page.wait_for_selector("#problem", state="hidden")
    assert len(legend(page)) == 3
    assert len(watched.wrong) > 0  # the browser says itself that requests failed
    watched.wrong = [each for each in watched.wrong if "ERR_FAILED" not in each]


def test_files_link_and_embedding(watched: Watched, tmp_path: Path) -> None:
    page = watched.open(f"/?from={day(390)}")
    with page.expect_download() as saved:
        page.click("#csv")
    saved.value.save_as(tmp_path / "chart.csv")
    heading, *rows = csv.reader(io.StringIO((tmp_path / "chart.csv").read_text()))
    assert heading == ["day", "Miner outflow", "Flow to exchanges", "Price of 1 BTC"]
    shown = table(page)[1:]
    assert [row[0] for row in rows] == [row[0] for row in reversed(shown)]
    assert [float(row[1]) for row in rows] == [float(row[1].replace(",", "")) for row in reversed(shown)]
    with page.expect_download() as saved:
        page.click("#png")
    saved.value.save_as(tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#link")
    page.wait_for_selector("#done:text-is('Copied.')")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.click("#embed")
    source = re.search(r'src="([^"]+)"', page.inner_text("#texts pre"))
    assert source is not None
    page.keyboard.press("Escape")
    (tmp_path / "favicon.ico").touch()
    (tmp_path / "frame.html").write_text(
        f'<!doctype html><iframe src="{source[1]}" width="800" height="600">'
    )
    with another_site(tmp_path) as site:
        page.goto(f"{site}/frame.html")
        frame = page.frame_locator("iframe")
        frame.locator("#legend >> text=Miner outflow").wait_for()
        assert not frame.locator("#controls").is_visible()
    watched.wrong = [each for each in watched.wrong if site not in each]


@contextmanager
def another_site(folder: Path) -> Iterator[str]:
    """Files served from an origin other than the dashboard's."""
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def code_of(page: Any, name: str) -> str:
    text: str = page.locator("#texts pre").and_(page.get_by_label(name, exact=True)).inner_text()
    return text


def run_curl(command: str) -> bytes:
    """What a command line with curl gives; where there is no curl, what its address does."""
    program, address = shlex.split(command)
    assert program == "curl"
    if shutil.which(program) is None:
        return httpx.get(address).content
    return subprocess.run(command, shell=True, capture_output=True, check=True).stdout


def test_the_calls_run_and_give_what_is_shown(
    watched: Watched,
    served_data: DataDirectory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = watched.open(
        f"/?view=pool&miner=A&from={day(20)}&to={day(22)}&add=MOMR~entity~~&add=ma(MOMR,2)~entity~~"
    )
    heading, *rows = table(page)
    shown = {
        name: [float(row[at].replace(",", "").replace("–", "nan")) for row in reversed(rows)]
        for at, name in enumerate(heading)
        if at
    }
    page.click("#calls")

    def python(name: str) -> str:
        capsys.readouterr()
        exec(compile(code_of(page, name), name, "exec"), {})
        return capsys.readouterr().out

    def close(found: list[float], label: str) -> bool:
        return found == pytest.approx(shown[label], abs=5e-9)

    # the Coin Metrics family
    sent = run_curl(code_of(page, "MOMR: curl"))
    assert close([float(row["MOMR"]) for row in json.loads(sent)["data"]], "MOMR (ratio)")
    assert python("MOMR: Python, Coin Metrics' client").count(str(day(20))) == 1
    sheet = re.search(r'"(.+)"', code_of(page, "MOMR: Spreadsheet"))
    assert sheet is not None
    sheet_rows = list(csv.DictReader(io.StringIO(httpx.get(sheet[1]).text)))
    assert close([float(row["MOMR"]) for row in sheet_rows], "MOMR (ratio)")
    # formulas
    sheet = re.search(r'"(.+)"', code_of(page, "ma(MOMR,2): Spreadsheet"))
    assert sheet is not None
    sheet_rows = list(csv.DictReader(io.StringIO(httpx.get(sheet[1]).text)))
    assert close([float(row["value"]) for row in sheet_rows], "ma(MOMR,2)")
    # one pool's: the CryptoQuant client, and the file
    told = python("Outflow: Python, CryptoQuant's API")
    assert close(
        [float(each) for each in re.findall(r"'outflow_total': ([\d.]+)", told)][::-1], "Outflow (BTC)"
    )
    monkeypatch.setenv("MINERFLOW_DATA_DIR", str(served_data.path))
    frame = python("Outflow: Python, from the file")
    assert close([float(line.split()[-1]) for line in frame.splitlines()[1:]], "Outflow (BTC)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing(browser: Any, address: str, screen: str, scheme: str) -> None:
    source = axe_source()
    if source is None:
        pytest.skip("axe-core is not to be had: npm is not installed, or npm cannot fetch it")
    context = browser.new_context(viewport=SCREENS[screen], color_scheme=scheme, reduced_motion="reduce")
    page = Watched(context, address).open("/?add=MOMR~entity~~")
    page.fill("#search", "puell")
    table(page)
    page.evaluate(source)

    def findings() -> list[str]:
        found: list[str] = page.evaluate(
            "async () => (await axe.run()).violations.map(each => `${each.id}: ${each.nodes[0].html}`)"
        )
        return found

    assert findings() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#rows button").first.click()
    page.wait_for_selector("#day-rows tbody tr")
    assert findings() == []
    page.keyboard.press("Escape")
    page.click("#calls")
    assert findings() == []
    # What axe cannot see: the axes' texts on the canvas, in the colour of the page's ink.
    ink = page.evaluate("getComputedStyle(document.body).color")
    red = int(re.findall(r"\d+", ink)[0])
    assert (red > 200) == (scheme == "dark")
    assert page.evaluate(
        """ink => {
        const canvas = document.querySelector("#chart canvas");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        for (let at = 0; at < data.length; at += 4) {
            const [red, green, blue, alpha] = data.subarray(at, at + 4);
            if (alpha === 255 && `rgb(${red}, ${green}, ${blue})` === ink) return true;
        }
        return false;
    }""",
        ink,
    )
    context.close()


def test_a_key_is_asked_for(browser: Any, served_data: DataDirectory, tmp_path: Path) -> None:
    import hashlib

    from tests.support.served import serving

    keys = tmp_path / "keys"
    keys.write_text(f"one {hashlib.sha256(b'the key').hexdigest()}\n")
    with serving(served_data, keys=keys) as address:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://{address}/")
        page.wait_for_selector("#key", state="visible")
        page.fill("#key", "the key")
        page.press("#key", "Enter")
        page.wait_for_selector("#legend button")
        assert "the key" not in page.url
        context.close()


def test_sources_are_read_as_text_only() -> None:
    """Nothing from the server or the address becomes markup or code."""
    for path in STATIC.glob("*.js"):
        if not path.name.startswith("uPlot"):
            assert not re.search(
                r"innerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", path.read_text()
            )
