"""The catalogue says what the views hold, and all of it."""

from __future__ import annotations

from itertools import groupby

import duckdb
import pytest

from etl.warehouse.catalogue import build_catalogue, read_catalogue
from etl.warehouse.models import metric_views
from tests.results.test_metrics import CODES
from tests.support.small_warehouse import built, day, empty_warehouse, insert_blocks, insert_supply


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    con = empty_warehouse()
    insert_blocks(con, [day(1), day(2)])
    insert_supply(con, [(None, None), (None, None)])
    build_catalogue(built(con))
    return con


def test_views_hold_exactly_the_metrics_of_their_headers(con: duckdb.DuckDBPyConnection) -> None:
    metrics = sorted(read_catalogue(con), key=lambda metric: metric.view)
    for view, group in groupby(metrics, key=lambda metric: metric.view):
        listed = list(group)
        columns = {row[0] for row in con.execute(f"DESCRIBE {view}").fetchall()}
        assert {"day", *(key for metric in listed for key in metric.keys)} <= columns, view
        if listed[0].column_name == "value":
            rows = con.execute(f"SELECT DISTINCT metric FROM {view}").fetchall()
            assert {row[0] for row in rows} == {metric.id for metric in listed}, view
        else:
            assert {metric.column_name for metric in listed} <= columns, view


def test_every_metric_is_described_and_told_apart(con: duckdb.DuckDBPyConnection) -> None:
    metrics = read_catalogue(con)
    assert len({(metric.id, metric.interval) for metric in metrics}) == len(metrics)
    for metric in metrics:
        texts = (metric.name, metric.description, metric.unit, metric.category, metric.vendor, metric.source)
        assert all(texts) and metric.since == "0.1", metric.id
        assert "{" not in "".join([metric.id, *texts, metric.drill or ""]), metric.id
        assert metric.unit not in ("Ntv", "btc"), metric.id


def test_headers_give_each_key_once_or_once_per_metric() -> None:
    for model in metric_views().values():
        count = len(model.values.get("metric", []))
        assert {len(given) for given in model.values.values()} <= {1, count}, model.name


def test_letters_stand_for_their_choices(con: duckdb.DuckDBPyConnection) -> None:
    ids = {metric.id for metric in read_catalogue(con)}
    assert {f"SplyMiner{n}HopAll{u}" for n in (0, 1) for u in ("Ntv", "USD")} <= ids
    assert {f"FlowIn{x}{u}" for x in CODES for u in ("Ntv", "USD")} <= ids
    assert {"HashRibbon30d", "HashRibbon60d", "PoolTop1Share", "PoolTop3Share", "PoolTop5Share"} <= ids
    metric = next(m for m in read_catalogue(con) if m.id == "FlowMinerOut1HopAllKRKUSD")
    assert (metric.name, metric.unit) == ("Flow, miners out to Kraken, 1 hop (USD)", "USD")
    assert metric.drill == "transfers WHERE NOT is_coinbase AND src_hop <= 1 AND dst_exchange = 'Kraken'"


def test_a_miner_flow_is_known_per_day_hour_and_block(con: duckdb.DuckDBPyConnection) -> None:
    found = [(m.interval, m.view) for m in read_catalogue(con) if m.id == "MinerOutflowTop10Ntv"]
    views = [("day", "miner_outflow"), ("hour", "miner_outflow_hours"), ("block", "miner_outflow_blocks")]
    assert found == views
