"""What the dashboard can draw: every daily metric, with what it means and how it is made."""

from __future__ import annotations

import orjson
from anyio import to_thread

from etl.results.formula import OF_DAYS, PLAIN
from etl.results.metrics import definition_sql
from etl.results.published import another
from etl.serve.answers import Answer
from etl.serve.asked import Asked
from etl.serve.parameters import Parameters, without_empty_key
from etl.serve.refusals import BadParameter, nearest
from etl.serve.snapshot import PRICE, Snapshot
from etl.warehouse.catalogue import Metric

DEFINITION_PARAMETERS = ("metric", "api_key")


async def catalogue(asked: Asked) -> Answer:
    """`/catalogue`: the metrics, profiles, miners and exchanges. Raises BadParameter."""
    Parameters(without_empty_key(asked.query), ("api_key",))
    snapshot = asked.snapshot
    calendar = snapshot.calendar
    told = {
        "metrics": [_described(metric) for metric in drawable(snapshot).values()],
        "price": PRICE,
        "functions": [*OF_DAYS, *PLAIN],
        "profiles": snapshot.profiles,
        "miners": {profile: entities.miners for profile, entities in snapshot.entities.items()},
        "exchanges": {profile: entities.exchanges for profile, entities in snapshot.entities.items()},
        "first_day": calendar.day(0) if calendar.count else None,
        "last_day": calendar.day(calendar.count - 1) if calendar.count else None,
        "height": snapshot.tip.height,
    }
    return Answer(orjson.dumps(told))


async def definition(asked: Asked) -> Answer:
    """`/definition`: the SQL of a metric. Raises BadParameter."""
    parameters = Parameters(without_empty_key(asked.query), DEFINITION_PARAMETERS)
    metric = asked_metric(asked.snapshot, parameters)
    sql = await to_thread.run_sync(_definition, asked.snapshot, metric)
    return Answer(orjson.dumps({"metric": metric.id, "sql": sql}))


def _definition(snapshot: Snapshot, metric: Metric) -> str:
    with another(snapshot.con) as con:
        return definition_sql(con, metric)


def drawable(snapshot: Snapshot) -> dict[str, Metric]:
    """The daily metrics that are numbers, by id."""
    return {name: metric for name, metric in snapshot.daily().items() if metric.unit != "name"}


def asked_metric(snapshot: Snapshot, parameters: Parameters) -> Metric:
    """The metric that a request names. Raises BadParameter."""
    name, known = parameters.needed("metric"), drawable(snapshot)
    if name not in known:
        raise BadParameter("metric", name, nearest(name, known) or "/catalogue lists the metrics.")
    return known[name]


def _described(metric: Metric) -> dict[str, object]:
    return {
        "id": metric.id,
        "name": metric.name,
        "description": metric.description,
        "unit": metric.unit,
        "category": metric.category,
        "vendor": metric.vendor,
        "keys": [key for key in metric.keys if key in ("miner", "counterparty")],
        "pairs_with": _pairs_with(metric),
        "has_transactions": metric.drill is not None,
    }


def _pairs_with(metric: Metric) -> str | None:
    """Whose names its counterparties are."""
    if "counterparty" not in metric.keys:
        return None
    return "exchange" if "exchange" in metric.view else "miner"
