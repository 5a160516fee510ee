"""What there is: the catalogues of available data, and the reference data of metrics and assets.

Invariant: a range in the catalogue is that of the rows that a request with default parameters gives.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import orjson
from anyio import to_thread

from etl.serve.answers import Answer
from etl.serve.asked import Asked
from etl.serve.coinmetrics import ASSET, COMMON, DEFAULT_PROFILE, paging
from etl.serve.coinmetrics.days import is_reviewable
from etl.serve.coinmetrics.request import (
    DAILY,
    DEFAULT_CONFIRMATIONS,
    JSON,
    PER_BLOCK,
    STREAM,
    check_metrics,
    served_assets,
)
from etl.serve.parameters import Parameters, without_empty_key
from etl.serve.snapshot import Snapshot, has_value
from etl.serve.times import time_text
from etl.warehouse.catalogue import Metric

_FILTERS = ("assets", "metrics", "reviewable")
CATALOGUE_PARAMETERS = (*_FILTERS, *paging.PARAMETERS, *COMMON)
METRICS_PARAMETERS = ("metrics", "reviewable", *paging.PARAMETERS, *COMMON)
ASSETS_PARAMETERS = ("assets", "include", *paging.PARAMETERS, *COMMON)
_HINT = "/v4/reference-data/asset-metrics lists the metrics."

Item = dict[str, Any]


async def catalog_metrics(asked: Asked) -> Answer:
    """`/v4/catalog-v2/asset-metrics`: what is available, with its ranges. Raises BadParameter."""

    def items(parameters: Parameters, snapshot: Snapshot) -> list[Item]:
        profile = asked.profile_of(parameters, DEFAULT_PROFILE)
        wanted = _wanted(parameters, _available(snapshot))
        metrics = [_available_metric(snapshot, profile, name) for name in wanted]
        return [{"asset": ASSET, "metrics": [metric for metric in metrics if metric["frequencies"]]}]

    return await _listed(asked, CATALOGUE_PARAMETERS, items)


async def reference_metrics(asked: Asked) -> Answer:
    """`/v4/reference-data/asset-metrics`: what each metric means. Raises BadParameter."""

    def items(parameters: Parameters, snapshot: Snapshot) -> list[Item]:
        known = _available(snapshot)
        return [_described(known[name]) for name in _wanted(parameters, known)]

    return await _listed(asked, METRICS_PARAMETERS, items)


async def reference_assets(asked: Asked) -> Answer:
    """`/v4/reference-data/assets`: the one asset. Raises BadParameter."""
    return await _listed(asked, ASSETS_PARAMETERS, lambda _, __: [{"asset": ASSET, "full_name": "Bitcoin"}])


async def _listed(
    asked: Asked, names: tuple[str, ...], make: Callable[[Parameters, Snapshot], list[Item]]
) -> Answer:
    """A page of items, or all of them as a stream."""
    parameters = Parameters(without_empty_key(asked.query), names)
    pages = paging.asked_paging(parameters, asked.path, paging.START)
    snapshot = paging.snapshot_of(asked, pages.token)
    form = parameters.choice("format", (JSON, STREAM), JSON)
    is_pretty = bool(parameters.flag("pretty"))
    if "assets" in parameters.given:
        served_assets(parameters)
    asked.profile_of(parameters, DEFAULT_PROFILE)
    items = await to_thread.run_sync(make, parameters, snapshot)
    if form == STREAM:
        lines = b"".join(orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE) for item in items)
        return Answer(lines, paging.NDJSON, edition=snapshot.edition)
    page, following = pages.cut(range(len(items)))
    after = None if following is None else paging.next_page(asked, snapshot, parameters, following)
    rows = b",".join(orjson.dumps(items[place]) for place in page).decode()
    return paging.json_page(rows, after, is_pretty, snapshot.edition)


def _available(snapshot: Snapshot) -> dict[str, Metric]:
    return snapshot.per_block() | snapshot.daily()


def _wanted(parameters: Parameters, known: Collection[str]) -> list[str]:
    """The metrics that the filters leave, in the order of their names. Raises BadParameter."""
    reviewable = parameters.flag("reviewable")
    named = parameters.listed("metrics")
    names = check_metrics(parameters, named, known, _HINT) if named else sorted(known)
    return [name for name in names if reviewable is None or is_reviewable(name) == reviewable]


def _available_metric(snapshot: Snapshot, profile: str, name: str) -> Item:
    found = [_block_range(snapshot, name), _day_range(snapshot, profile, name)]
    return {"metric": name, "frequencies": [each for each in found if each is not None]}


def _day_range(snapshot: Snapshot, profile: str, name: str) -> Item | None:
    column = snapshot.column(profile, name)
    places = [] if column is None else np.flatnonzero(has_value(column)).tolist()
    if not places:
        return None
    first, last = (time_text((snapshot.calendar.first + place) * 86_400) for place in (places[0], places[-1]))
    return {"frequency": DAILY, "min_time": first, "max_time": last}


def _block_range(snapshot: Snapshot, name: str) -> Item | None:
    metric = snapshot.per_block().get(name)
    if metric is None:
        return None
    held = snapshot.ask(
        f"SELECT blocks.height, blocks.hash, blocks.time FROM blocks JOIN {metric.view} AS metric "
        f"ON metric.height = blocks.height WHERE metric.{metric.column_name} IS NOT NULL "
        "AND blocks.height <= $top QUALIFY row_number() OVER (ORDER BY blocks.height) = 1 "
        "OR row_number() OVER (ORDER BY blocks.height DESC) = 1 ORDER BY blocks.height",
        {"top": snapshot.tip.height - DEFAULT_CONFIRMATIONS},
    ).to_pylist()
    if not held:
        return None
    ends = {"min": held[0], "max": held[-1]}
    times = {f"{end}_time": time_text(block["time"]) for end, block in ends.items()}
    heights = {f"{end}_height": str(block["height"]) for end, block in ends.items()}
    hashes = {f"{end}_hash": block["hash"] for end, block in ends.items()}
    return {"frequency": PER_BLOCK, **times, **heights, **hashes}


def _described(metric: Metric) -> Item:
    return {
        "metric": metric.id,
        "full_name": metric.name,
        "description": metric.description,
        "product": "Network Data",
        "category": metric.category,
        "subcategory": metric.vendor,
        "unit": metric.unit,
        "data_type": "string" if metric.unit == "name" else "decimal",
        "type": "NA",
        "reviewable": is_reviewable(metric.id),
        "display_name": metric.name,
    }
