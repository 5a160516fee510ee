"""What there is: entities by their symbols, and endpoints with what their parameters may be."""

from __future__ import annotations

from typing import Any

import orjson

from etl.serve.answers import Answer
from etl.serve.asked import Asked
from etl.serve.cryptoquant import COMMON, DEFAULT_PROFILE
from etl.serve.cryptoquant.endpoints import WINDOWS, Flows, endpoints, symbols
from etl.serve.cryptoquant.flows import PREFIX, success
from etl.serve.cryptoquant.request import CSV, JSON, MOST
from etl.serve.parameters import Parameters, without_empty_key
from etl.serve.snapshot import Snapshot

ENTITY_LIST = "/v1/btc/status/entity-list"
ENTITY_TYPES = ("miner", "exchange", "bank")
ENTITY_PARAMETERS = ("type", "limit", "format", *COMMON)
_UNDEFINED_MARKET = 0
_EVERYTHING = "P0D"
"""How the vendor says that a window is open to the beginning."""
_PLAN = "PREMIUM"


async def entity_list(asked: Asked) -> Answer:
    """The miners or exchanges that flows are known of. Raises BadParameter."""
    parameters = Parameters(without_empty_key(asked.query), ENTITY_PARAMETERS)
    parameters.needed("type")
    kind = parameters.choice("type", ENTITY_TYPES, "miner")
    parameters.choice("format", (JSON,), JSON)
    profile = asked.profile_of(parameters, DEFAULT_PROFILE)
    limit = parameters.whole("limit", 1, MOST)  # which cryptoquant-mcp sends with everything
    known = {} if kind == "bank" else symbols(asked.snapshot, profile, kind)
    data = [
        {"name": name, "symbol": symbol, "is_validated": True, "market_type": _UNDEFINED_MARKET}
        for symbol, name in known.items()
    ]
    return Answer(success(orjson.dumps({"data": data[:limit]}).decode()))


async def discovery(asked: Asked) -> Answer:
    """Every endpoint with the values that its parameters may have. Raises BadParameter."""
    profile = asked.profile_of(_only_common(asked), DEFAULT_PROFILE)
    found = endpoints(asked.snapshot)
    data = [_described(asked.snapshot, profile, found[path]) for path in sorted(found)]
    data.append({
        "path": ENTITY_LIST, "parameters": {"type": list(ENTITY_TYPES)}, "required_parameters": ["type"],
    })  # fmt: skip
    return Answer(success(orjson.dumps({"data": data}).decode()))


async def my_discovery(asked: Asked) -> Answer:
    """What the asking key may read: everything. Raises BadParameter."""
    asked.profile_of(_only_common(asked), DEFAULT_PROFILE)
    tree: dict[str, dict[str, dict[str, Any]]] = {"btc": {}}
    for path, flows in endpoints(asked.snapshot).items():
        _, category, name = path.split("/", 2)
        tree["btc"].setdefault(category, {})[name] = dict.fromkeys(flows.windows, _EVERYTHING)
    told = {
        "status": {"code": 200, "message": "success"},
        "plan": {"name": _PLAN},
        "apiEndpoint": {**tree, "statics": [ENTITY_LIST]},
        "apiRateLimit": None,
    }
    return Answer(orjson.dumps(told))


def _only_common(asked: Asked) -> Parameters:
    return Parameters(without_empty_key(asked.query), COMMON)


def _described(snapshot: Snapshot, profile: str, flows: Flows) -> dict[str, Any]:
    """Only parameters that have a list are named: clients refuse a value that is not on it."""
    entities = {name: list(symbols(snapshot, profile, name)) for name in flows.entities}
    windows = [window for window in WINDOWS if window in flows.windows]
    return {
        "path": PREFIX + flows.path,
        "parameters": {**entities, "window": windows, "format": [JSON, CSV]},
        "required_parameters": list(flows.entities),
    }
