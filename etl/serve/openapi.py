"""`/openapi.json`: every endpoint, its parameters and the shapes of its answers.

Invariant: parameters come from the tuples that the endpoints themselves check names against.
"""

from __future__ import annotations

from typing import Any

from etl.results import formula
from etl.serve import glassnode
from etl.serve.coinmetrics import catalogue, paging, stream
from etl.serve.coinmetrics import request as series
from etl.serve.cryptoquant import COMMON, listing
from etl.serve.cryptoquant import request as flows_request
from etl.serve.cryptoquant.endpoints import WINDOWS, endpoints, symbols
from etl.serve.dashboard import listing as listing_shown
from etl.serve.dashboard import series as shown
from etl.serve.dashboard import transactions
from etl.serve.gate import MOST_URL
from etl.serve.snapshot import Snapshot

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1}
_FLAG: Schema = {"type": "string", "enum": ["true", "false"]}
_HEIGHT: Schema = {"type": "integer", "minimum": 0, "maximum": series.MOST_HEIGHT}
_TIME: Schema = {
    "type": "string",
    "minLength": 1,
    "examples": ["2020-02-29", "2020-02-29T12:30:00.123456789Z"],
}
_LISTED: Schema = {"type": "array", "items": _TEXT, "minItems": 1}

_SCHEMAS: dict[str, Schema] = {
    "assets": _LISTED,
    "metrics": _LISTED,
    "frequency": {"type": "string", "enum": [series.DAILY, series.PER_BLOCK]},
    "status": {"type": "string", "enum": ["all", "flash", "reviewed", "revised"]},
    "start_time": _TIME,
    "end_time": _TIME,
    "start_height": _HEIGHT,
    "end_height": _HEIGHT,
    "min_confirmations": {"type": "integer", "minimum": 0, "maximum": 99},
    "sort": {"type": "string", "enum": ["asset", "time", "height"]},
    "limit_per_asset": {"type": "integer", "minimum": 1, "maximum": series.MOST_HEIGHT},
    "page_size": {"type": "integer", "minimum": 1, "maximum": paging.MOST},
    "paging_from": {"type": "string", "enum": [paging.START, paging.END]},
    "backfill": {"type": "string", "enum": list(stream.BACKFILLS)},
    "window": {"type": "string", "enum": list(WINDOWS)},
    "limit": {"type": "integer", "minimum": 1, "maximum": flows_request.MOST},
    "type": {"type": "string", "enum": list(listing.ENTITY_TYPES)},
} | dict.fromkeys(
    (
        "start_inclusive", "end_inclusive", "pretty", "null_as_zero", "reviewable",
        "ignore_unsupported_errors", "ignore_forbidden_errors",
    ),
    _FLAG,
)  # fmt: skip
"""Of parameters that are more than any text."""
_SHOWN_TRANSACTIONS: Schema = {"type": "integer", "minimum": 1, "maximum": transactions.MOST}
_SECONDS: Schema = {"type": "integer", "minimum": 0, "maximum": 999_999_999_999}
_DAYS: Schema = {"type": "integer", "minimum": 1, "maximum": formula.MOST_DAYS}
_FORMATS = {
    "series": [series.JSON, series.STREAM, series.CSV],
    "lists": [series.JSON, series.STREAM],
    "flows": [flows_request.JSON, flows_request.CSV],
    "entities": [flows_request.JSON],
}
_COIN_METRICS_ERROR = "#/components/schemas/CoinMetricsError"
_CRYPTO_QUANT_ERROR = "#/components/schemas/CryptoQuantError"
_ERRORS = {
    "400": "A parameter is unknown, missing or has a value that is not supported.",
    "401": "An API key is needed, or it is not one of this server's.",
    "404": "There is nothing at this path.",
    "405": "Only GET and HEAD are supported.",
    "414": f"The URL is longer than {MOST_URL} characters.",
    "429": "Too many requests; x-ratelimit-reset says until when.",
    "503": "No published file is loaded yet.",
}
_OBJECT: Schema = {"type": "object"}


def document(snapshot: Snapshot) -> dict[str, Any]:
    """The description of what a server answers with one published file."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "minerflow",
            "version": "1",
            "description": "Bitcoin miner flows, in the words of Coin Metrics API v4 and CryptoQuant API v1. "
            "A profile may stand before each path.",
        },
        "paths": _coin_metrics()
        | _crypto_quant(snapshot)
        | _glassnode(snapshot)
        | _dashboard()
        | _operation(),
        "components": {
            "schemas": _error_schemas(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "api_key": {"type": "apiKey", "in": "query", "name": "api_key"},
            },
        },
        "security": [{}, {"bearer": []}, {"api_key": []}],
    }


def _coin_metrics() -> dict[str, Any]:
    lists = {
        "/v4/catalog-v2/asset-metrics": catalogue.CATALOGUE_PARAMETERS,
        "/v4/catalog-all-v2/asset-metrics": catalogue.CATALOGUE_PARAMETERS,
        "/v4/reference-data/asset-metrics": catalogue.METRICS_PARAMETERS,
        "/v4/reference-data/assets": catalogue.ASSETS_PARAMETERS,
    }
    page: Schema = {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {"type": "array", "items": _OBJECT},
            "next_page_token": {"type": "string"},
            "next_page_url": {"type": "string"},
        },
        "additionalProperties": False,
    }
    content = {"application/json": {"schema": page}, paging.NDJSON: {"schema": {"type": "string"}}}
    paths = {path: _get(names, (), "lists", content, _COIN_METRICS_ERROR) for path, names in lists.items()}
    paths["/v4/timeseries/asset-metrics"] = _get(
        series.PARAMETERS, ("assets", "metrics"), "series",
        content | {"text/csv": {"schema": {"type": "string"}}}, _COIN_METRICS_ERROR,
    )  # fmt: skip
    return paths


def _crypto_quant(snapshot: Snapshot) -> dict[str, Any]:
    rows = _success({"window": {"enum": list(WINDOWS)}, "data": {"type": "array", "items": _OBJECT}})
    content = {"application/json": {"schema": rows}, "text/csv": {"schema": {"type": "string"}}}
    paths = {}
    for path, flows in endpoints(snapshot).items():
        windows = [window for window in WINDOWS if window in flows.windows]
        lists = {name: list(symbols(snapshot, snapshot.profiles[0], name)) for name in flows.entities}
        allowed = {name: {"type": "string", "enum": values} for name, values in lists.items()}
        allowed["window"] = {"type": "string", "enum": windows}
        paths[f"/v1/{path}"] = _get(
            flows.parameters, tuple(flows.entities), "flows", content, _CRYPTO_QUANT_ERROR, allowed
        )
    listed = {"application/json": {"schema": _success({"data": {"type": "array", "items": _OBJECT}})}}
    paths[listing.ENTITY_LIST] = _get(
        listing.ENTITY_PARAMETERS, ("type",), "entities", listed, _CRYPTO_QUANT_ERROR
    )
    for path in ("/v1/discovery/endpoints", "/v1/my/discovery/endpoints"):
        told = listed if "my" not in path else {"application/json": {"schema": _OBJECT}}
        paths[path] = _get(COMMON, (), "entities", told, _CRYPTO_QUANT_ERROR)
    return paths


def _glassnode(snapshot: Snapshot) -> dict[str, Any]:
    allowed: dict[str, Schema] = {
        "a": {"type": "string", "enum": list(glassnode.ASSETS)},
        "i": {"type": "string", "enum": list(glassnode.INTERVALS)},
        "f": {"type": "string", "enum": list(glassnode.FORMATS)},
        "c": {"type": "string", "enum": list(glassnode.CURRENCIES)},
        "timestamp_format": {"type": "string", "enum": list(glassnode.TIME_FORMS)},
        "s": _SECONDS,
        "u": _SECONDS,
    }
    points = {"type": "array", "items": {"type": "object", "required": ["t"]}}
    content = {"application/json": {"schema": points}, "text/csv": {"schema": {"type": "string"}}}
    return {
        glassnode.PREFIX + path: _get(
            glassnode.PARAMETERS, ("a",), "flows", content, _CRYPTO_QUANT_ERROR, allowed
        )
        for path in glassnode.endpoints(snapshot)
    }


def _dashboard() -> dict[str, Any]:
    told = {"application/json": {"schema": _OBJECT}}
    rows = told | {"text/csv": {"schema": {"type": "string"}}}
    wanted = {
        "/catalogue": (("api_key",), (), told),
        "/definition": (listing_shown.DEFINITION_PARAMETERS, ("metric",), told),
        "/series": (shown.SERIES_PARAMETERS, ("expression",), rows),
        "/stack": (shown.STACK_PARAMETERS, ("of",), told),
        "/transactions": (transactions.PARAMETERS, ("metric", "day"), told),
    }
    stacks: Schema = {"type": "string", "enum": list(shown.STACKS)}
    allowed = {"of": stacks, "limit": _SHOWN_TRANSACTIONS, "average": _DAYS}
    return {
        path: _get(names, required, "flows", content, _COIN_METRICS_ERROR, allowed)
        for path, (names, required, content) in wanted.items()
    }


def _operation() -> dict[str, Any]:
    told = {"application/json": {"schema": _OBJECT}}
    texts = {"text/plain": {"schema": {"type": "string"}}}
    paths = {path: _get((), (), "lists", told, _COIN_METRICS_ERROR) for path in ("/health", "/ready")}
    paths["/metrics"] = _get((), (), "lists", texts, _COIN_METRICS_ERROR)
    return paths


def _get(
    names: tuple[str, ...],
    required: tuple[str, ...],
    kind: str,
    content: Schema,
    error: str,
    allowed: dict[str, Schema] | None = None,
) -> dict[str, Any]:
    """One path that is read."""
    known = _SCHEMAS | {"format": {"type": "string", "enum": _FORMATS[kind]}} | (allowed or {})
    parameters = [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": known.get(name, _TEXT),
            "style": "form",
            "explode": False,
        }
        for name in names
        if name != "api_key"
    ]
    responses: dict[str, Any] = {"200": {"description": "The data.", "content": content}}
    refused = {"application/json": {"schema": {"$ref": error}}}
    responses |= {status: {"description": said, "content": refused} for status, said in _ERRORS.items()}
    responses["304"] = {"description": "The client has this answer already."}
    return {"get": {"parameters": parameters, "responses": responses}}


def _success(result: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["status", "result"],
        "properties": {
            "status": {
                "type": "object",
                "properties": {"code": {"const": 200}, "message": {"const": "success"}},
                "required": ["code", "message"],
            },
            "result": {"type": "object", "properties": result, "required": list(result)},
        },
    }


def _error_schemas() -> dict[str, Schema]:
    def strict(properties: Schema) -> Schema:
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    text = {"type": "string"}
    return {
        "CoinMetricsError": strict({"error": strict({"type": text, "message": text})}),
        "CryptoQuantError": strict({"status": strict({"code": {"type": "integer"}, "message": text})}),
    }
