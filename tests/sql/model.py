"""Cases of sql/metrics/ in YAML: rows given, values expected, both reckoned by hand.

A file is a list of cases. `given` names rows: blocks (heights from 0 in the order written; `days`
stands for one block on each day of a span), transfers, prices by day, supply, and the tables of
migration 002; amounts are BTC, days are numbers from 1 on. `expect` names metrics and their values
by day number, height, or "day hour"; text in place of a value is reckoned. A day that is not named
is not looked at unless `whole` says that these are all rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import yaml

from etl.results.metrics import Catalogue, Choice, values_sql
from etl.warehouse.catalogue import Metric, build_catalogue
from tests.support.small_warehouse import (
    BINANCE,
    BTC,
    NEAR_A,
    NEAR_B_AT_BINANCE,
    NOBODY,
    POOL_A,
    POOL_B,
    built,
    day,
    empty_warehouse,
    insert,
)

Case = dict[str, Any]

CODES = {
    None: None, "nobody": NOBODY, "A": POOL_A, "near A": NEAR_A, "B": POOL_B, "Binance": BINANCE,
    "near B at Binance": NEAR_B_AT_BINANCE,
}  # fmt: skip


def cases() -> list[tuple[str, Case]]:
    """All cases with their names."""
    found: list[tuple[str, Case]] = []
    for path in sorted(Path(__file__).parent.glob("*.yaml")):
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))
        found += [(f"{path.stem}: {case['case']}", case) for case in listed]
    return found


def warehouse(given: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """A warehouse with the rows given, in the profile entity, with its catalogue."""
    con = empty_warehouse()
    blocks = list(_blocks(given["blocks"]))
    insert(con, "blocks", blocks)
    days = [block[5] for block in blocks]
    insert(con, "transfer_facts", list(_transfers(given.get("transfers", []), days)))
    insert(con, "prices", [(day(number), usd) for number, usd in given.get("prices", {}).items()])
    insert(con, "supply", list(_supply(given.get("supply", {"each": [0, 0]}), len(blocks))))
    if "network" in given:
        insert(con, "chain", [(given["network"], "", 210_000, 0, "")])
    stats = given.get("chain_stats", {})
    insert(con, "chain_stats", [(h, n, _sat(v), _sat(m)) for h, (n, v, m) in stats.items()])
    counts = given.get("active_addresses", {})
    insert(con, "active_addresses", [(day(n), count) for n, count in counts.items()])
    for table in ("pool_supply", "exchange_supply"):
        held = given.get(table, [])
        insert(con, table, [("entity", h, name, *map(_sat, sums)) for h, name, *sums in held])
    runs = given.get("exchange_flow_runs", [])
    insert(con, "exchange_flow_runs", [_exchange_flow(row, days) for row in runs])
    build_catalogue(built(con))
    return con


def check(con: duckdb.DuckDBPyConnection, expected: dict[str, Any]) -> list[Metric]:
    """Compare the values of an expectation; the metrics that it names."""
    catalogue = Catalogue(con)
    names = expected["metric"] if isinstance(expected["metric"], list) else [expected["metric"]]
    metrics = [catalogue.find(name, expected.get("interval")) for name in names]
    for metric in metrics:
        choice = Choice(miner=expected.get("miner", "all_miner"), counterparty=expected.get("counterparty"))
        found = dict(con.execute(values_sql([metric], choice)).fetchall())
        wanted = {_key(key, metric.interval): v for key, v in expected["values"].items()}
        if expected.get("whole"):
            assert found.keys() == wanted.keys(), metric.id
        for key, value in wanted.items():
            _compare(f"{metric.id} {key}", found[key], value)
    return metrics


def _compare(where: str, found: Any, wanted: Any) -> None:
    if isinstance(found, float) and wanted is not None:
        number = float(eval(wanted, {}) if isinstance(wanted, str) else wanted)
        assert abs(found - number) <= 1e-12 * abs(number), f"{where}: {found}, not {number}"
        return
    exact = Decimal(str(wanted)) if isinstance(wanted, int | float) else wanted
    assert found == exact, f"{where}: {found}, not {wanted}"


def _key(key: Any, interval: str) -> Any:
    if interval == "day":
        return day(key)
    if interval == "hour":
        number, hour = key.split()
        return datetime.combine(day(int(number)), datetime.min.time()) + timedelta(hours=int(hour))
    return key


def _sat(btc: float | None) -> int | None:
    return None if btc is None else int(Decimal(str(btc)) * BTC)


def _span(row: dict[str, Any]) -> Iterator[int]:
    first, last = row["days"] if "days" in row else (row["day"], row["day"])
    yield from range(first, last + 1)


def _blocks(rows: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    spread = [(number, row) for row in rows for number in _span(row)]
    for height, (number, row) in enumerate(spread):
        midnight = datetime.combine(day(number), datetime.min.time())
        seconds = int((midnight - datetime(1970, 1, 1)).total_seconds()) + 3600 * row.get("hour", 0)
        sums = [_sat(row.get(name, 0)) for name in ("spent", "created", "coinbase")]
        yield (
            row.get("height", height), "", "", seconds, seconds, day(number), row.get("txs", 1),
            row.get("pool", "Unknown"), row.get("bits", 0x1D00FFFF), 0, 0, *sums, 0, 0,
        )  # fmt: skip


def _transfers(rows: list[dict[str, Any]], days: list[Any]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        heights = [row["height"]] if "height" in row else [days.index(day(n)) for n in _span(row)]
        for height in heights:
            source, position = row.get("from"), row.get("tx", 0)
            yield (
                "entity", height, position, bytes([height % 256, position] + [0] * 30), days[height],
                source is None, CODES[source], CODES[row["to"]], _sat(row["btc"]),
            )  # fmt: skip


def _supply(given: Any, count: int) -> Iterator[tuple[Any, ...]]:
    """Listed by height, or as much for each height."""
    for height in range(count):
        held = [height * btc for btc in given["each"]] if "each" in given else given[height]
        yield ("entity", height, *map(_sat, held))


def _exchange_flow(row: dict[str, Any], days: list[Any]) -> tuple[Any, ...]:
    sums = [_sat(row.get(name, 0)) for name in ("in", "out")]
    return ("entity", row["height"], days[row["height"]], row["exchange"], *sums)
