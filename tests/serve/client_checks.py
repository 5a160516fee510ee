"""What the official client of Coin Metrics must get from a server, run by whatever environment has one.

    python client_checks.py HOST:PORT FILE

FILE is JSON: profile -> metric -> day -> text of the value. It is given as data, so that this module needs
nothing but the client: an older one runs in an environment of its own.
"""

from __future__ import annotations

import json
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

Expected = dict[str, dict[str, dict[str, str]]]
OUT = "FlowMinerOut0HopAllNtv"


def client_of(address: str, profile: str = "", key: str = "") -> Any:
    """The client, told nothing but another address."""
    from coinmetrics.api_client import CoinMetricsClient

    host = f"{address}/{profile}" if profile else address
    return CoinMetricsClient(key, host=host, schema="http", port=None)


def check_all(address: str, expected: Expected) -> None:
    """Every check that does not depend on the client's version."""
    for profile, metrics in expected.items():
        check_values(client_of(address, profile), metrics)
    client = client_of(address)
    days = sorted(expected["coinmetrics"][OUT])
    check_pages(client, days)
    check_ranges(client, days)
    check_frames_and_files(client, days)
    check_parallel(client, days)
    check_catalogues(client, expected["coinmetrics"])
    check_blocks(client)
    check_errors(client)


def check_values(client: Any, metrics: dict[str, dict[str, str]]) -> None:
    """Every daily metric, value for value."""
    rows = client.get_asset_metrics(assets="btc", metrics=sorted(metrics), frequency="1d").to_list()
    for name, values in metrics.items():
        got = {row["time"][:10]: Decimal(row[name]) for row in rows if row[name] is not None}
        assert got.keys() == values.keys(), name
        for day, value in values.items():
            right = Decimal(value)
            assert abs(got[day] - right) <= abs(right) * Decimal("1e-15"), (name, day, got[day], right)


def check_pages(client: Any, days: list[str]) -> None:
    """The json format at page sizes, one of which divides the rows exactly."""
    for size in (7, 100, len(days) // 4, len(days), 1_000, 10_000):
        for where in ("start", "end"):
            rows = client.get_asset_metrics(
                assets="btc", metrics=OUT, format="json", page_size=size, paging_from=where
            ).to_list()
            assert sorted(row["time"][:10] for row in rows) == days, (size, where)
    newest = client.get_asset_metrics(assets="btc", metrics=OUT, limit_per_asset=1).to_list()
    assert [row["time"][:10] for row in newest] == days[-1:]


def check_ranges(client: Any, days: list[str]) -> None:
    """Times as texts and objects, zones, inclusive flags, and a range without days."""
    from datetime import date, datetime

    def got(**asked: Any) -> list[str]:
        rows = client.get_asset_metrics(assets="btc", metrics=OUT, **asked).to_list()
        return [row["time"][:10] for row in rows]

    start, end = days[3], days[6]
    for kind in (str, date.fromisoformat, datetime.fromisoformat):
        asked = {"start_time": kind(start), "end_time": kind(end)}
        assert got(**asked) == days[3:7], asked
        assert got(**asked, start_inclusive=False, end_inclusive=False) == days[4:6]
    assert got(start_time=start, end_time=end, timezone="America/New_York") == days[4:7]
    assert got(start_time="2060-01-01") == []


def check_frames_and_files(client: Any, days: list[str]) -> None:
    """pandas, CSV and JSON; an empty range gives an empty frame."""

    def asked(**more: Any) -> Any:
        return client.get_asset_metrics(assets="btc", metrics=[OUT, "BlkCnt"], **more)

    frame = asked().to_dataframe()
    assert len(frame) == len(days)
    assert str(frame["time"].iloc[0])[:10] == days[0]
    assert asked(start_time="2060-01-01").to_dataframe().empty
    with tempfile.TemporaryDirectory() as folder:
        asked().export_to_csv(f"{folder}/rows.csv")
        asked().export_to_json(f"{folder}/rows.json")
        assert len(Path(f"{folder}/rows.csv").read_text().splitlines()) == len(days) + 1
        assert len(Path(f"{folder}/rows.json").read_text().splitlines()) >= len(days)


def check_parallel(client: Any, days: list[str]) -> None:
    """Over metrics nothing is lost or doubled; over time the client itself leaves out the last end."""
    from dateutil.relativedelta import relativedelta

    def asked(metrics: Any) -> Any:
        return client.get_asset_metrics(
            assets="btc", metrics=metrics, start_time=days[0], end_time=days[-1], page_size=50
        )

    rows = asked([OUT, "BlkCnt"]).parallel("metrics").to_list()
    for name in (OUT, "BlkCnt"):
        assert sorted(row["time"][:10] for row in rows if name in row) == days
    rows = asked(OUT).parallel(time_increment=relativedelta(months=1)).to_list()
    assert sorted(row["time"][:10] for row in rows) == days[:-1]


def check_catalogues(client: Any, metrics: dict[str, dict[str, str]]) -> None:
    """What is available, with ranges equal to the data, and what it means."""
    for catalogue in (client.catalog_asset_metrics_v2, client.catalog_full_asset_metrics_v2):
        (listed,) = catalogue(assets="btc").to_list()
        ranges = {each["metric"]: each["frequencies"] for each in listed["metrics"]}
        assert ranges.keys() == metrics.keys() | {"MinerEntity"}
        for name, values in metrics.items():
            (held,) = ranges[name]
            found = (held["frequency"], held["min_time"][:10], held["max_time"][:10])
            assert found == ("1d", min(values), max(values))
        assert not catalogue(assets="btc").to_dataframe().empty
    described = client.reference_data_asset_metrics()
    names = [each["metric"] for each in described.to_list()]
    assert names == sorted(names)
    assert metrics.keys() <= set(names)
    assert not client.reference_data_asset_metrics().to_dataframe().empty
    assert client.reference_data_assets().to_list() == [{"asset": "btc", "full_name": "Bitcoin"}]


def check_blocks(client: Any) -> None:
    """The pool of each block, in the range that the catalogue states."""
    rows = client.get_asset_metrics(assets="btc", metrics="MinerEntity", frequency="1b").to_list()
    heights = [int(row["height"]) for row in rows]
    assert heights == sorted(set(heights))
    (listed,) = client.catalog_asset_metrics_v2(metrics="MinerEntity").to_list()
    (held,) = listed["metrics"][0]["frequencies"]
    assert (int(held["min_height"]), int(held["max_height"])) == (heights[0], heights[-1])
    assert (held["min_hash"], held["max_hash"]) == (rows[0]["block_hash"], rows[-1]["block_hash"])
    part = client.get_asset_metrics(
        assets="btc", metrics="MinerEntity", frequency="1b", start_height=heights[2], end_height=heights[4]
    ).to_dataframe()
    assert list(part["MinerEntity"]) == [row["MinerEntity"] for row in rows[2:5]]


def check_errors(client: Any) -> None:
    """The client's own exceptions; the message is in them, or logged by an older client."""
    import logging

    from requests import HTTPError

    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        client.get_asset_metrics(assets="btc", metrics="FlowMinerOut0HopAllNtw").to_list()
    except HTTPError as error:
        assert OUT in f"{error} {logged}"
    else:
        raise AssertionError("no error was raised")


def main() -> None:
    """Run every check."""
    address, path = sys.argv[1:]
    check_all(address, json.loads(Path(path).read_text()))


if __name__ == "__main__":
    main()
