"""The examples of config/examples, as far as they can be run without the programs that they are for.

Grafana and Google Sheets are not run: what they would ask is asked, and what they would pick out of the
answers must be there.
"""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import httpx
import pytest

from etl.disk.datadir import DataDirectory
from etl.resources import config_dir
from tests.cli.run import minerflow
from tests.support.small_warehouse import day

EXAMPLES = config_dir() / "examples"
pytestmark = pytest.mark.filterwarnings("ignore")


def queries(found: Any) -> list[dict[str, Any]]:
    """Every query of the Infinity data source in a document."""
    if isinstance(found, list):
        return [query for each in found for query in queries(each)]
    if not isinstance(found, dict):
        return []
    own = [found] if found.get("root_selector") else []
    return own + [query for each in found.values() for query in queries(each)]


@pytest.mark.parametrize(("name", "count"), [("grafana-dashboard.json", 3), ("grafana-alert.json", 1)])
def test_grafana(address: str, name: str, count: int) -> None:
    document = json.loads((EXAMPLES / name).read_text())
    asked = queries(document)
    assert len(asked) == count
    for query in asked:
        url = query["url"].replace("${base}", f"http://{address}").replace("127.0.0.1:8080", address)
        url = url.replace("${__from:date:iso}", "2020-02-01T00:00:00.000Z")
        url = url.replace("${__to:date:iso}", "2020-02-10T00:00:00.000Z")
        assert "$" not in url
        answer = httpx.get(url)
        assert answer.status_code == 200, answer.text
        rows = answer.json()[query["root_selector"]]
        if "MPI" in url:  # which needs two years
            assert rows == []
            continue
        assert len(rows) == 10
        for row in rows:
            for column in query["columns"]:
                assert column["type"] == ("timestamp" if column["selector"] == "time" else "number")
                assert column["selector"] in row


def test_the_alert_refers_to_its_own_queries() -> None:
    (group,) = json.loads((EXAMPLES / "grafana-alert.json").read_text())["groups"]
    for rule in group["rules"]:
        names = [each["refId"] for each in rule["data"]]
        assert rule["condition"] in names
        assert all(
            each["model"]["expression"] in names for each in rule["data"] if "expression" in each["model"]
        )


def test_google_sheets(address: str) -> None:
    formulas = re.findall(
        r"^=IMPORTDATA\((.*)\)$", (EXAMPLES / "google-sheets.txt").read_text(), re.MULTILINE
    )
    assert len(formulas) == 4
    for formula in formulas:
        url = "".join(_evaluated(part) for part in re.split(r'&(?=TEXT|ENCODEURL|")', formula))
        answer = httpx.get(url.replace("HOST:8080", address).replace("f2pool", "a"))
        assert answer.status_code == 200, answer.text
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert rows or "metrics=MPI" in url


def _evaluated(part: str) -> str:
    """A text, TEXT(TODAY()-n,…) or ENCODEURL(…), as the sheet would make it."""
    if part.startswith("TEXT"):
        assert re.fullmatch(r'TEXT\(TODAY\(\)-\d+,"yyyy-mm-dd"\)', part)
        return str(day(300))
    encoded = re.fullmatch(r'ENCODEURL\("(.*)"\)', part)
    if encoded:
        return str(httpx.QueryParams({"x": encoded[1]})).partition("=")[2]
    text = re.fullmatch(r'"(.*)"', part)
    assert text is not None, part
    return text[1]


def test_the_notebook(served_data: DataDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINERFLOW_DATA_DIR", str(served_data.path))
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text())
    names: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec(compile(cell["source"], "cell", "exec"), names)
    assert len(names["flows"]) == 400
    # 1.23456789 and 2 BTC of n + 3.23456789 on day n are to exchanges
    share = 30 * 3.23456789 / sum(n + 1.23456789 for n in range(371, 401))
    assert names["share"].iloc[-1] == pytest.approx(share, rel=1e-12)
    assert names["behind"]["btc"].iloc[0] == 400
    assert len(names["revised"]) == 0


def test_the_container_starts_a_command_that_there_is() -> None:
    (line,) = re.findall(r"^ENTRYPOINT (.*)$", (EXAMPLES / "Containerfile").read_text(), re.MULTILINE)
    program, command, *options = json.loads(line)
    assert (program, command) == ("minerflow", "serve")
    text = minerflow("serve", "--help").output
    for option in [*options, "--keys"]:
        assert not option.startswith("--") or option in text
