"""The routes of the server, assembled.

Everything that is served is listed in `routes`; the gate stands before all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import orjson
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route, Router, WebSocketRoute

from etl.serve import glassnode, openapi
from etl.serve.access import Access
from etl.serve.announcements import Announcements
from etl.serve.answers import Answer
from etl.serve.asked import Asked, Endpoint, Make
from etl.serve.coinmetrics import catalogue, timeseries
from etl.serve.coinmetrics.stream import Streams
from etl.serve.cryptoquant import flows, listing
from etl.serve.dashboard import listing as drawable
from etl.serve.dashboard import series, transactions
from etl.serve.dashboard.static_files import PAGES, PREFIX, send_page
from etl.serve.gate import Gate
from etl.serve.monitoring import MEDIA_TYPE, Monitoring, health
from etl.serve.publications import Publications
from etl.serve.refusals import Refused, nearest
from etl.serve.sending import send_answer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

STREAM = "/v4/timeseries-stream/asset-metrics"
EVENTS = "/events"
COIN_METRICS: dict[str, Make] = {
    "/v4/timeseries/asset-metrics": timeseries.asset_metrics,
    "/v4/catalog-v2/asset-metrics": catalogue.catalog_metrics,
    "/v4/catalog-all-v2/asset-metrics": catalogue.catalog_metrics,
    "/v4/reference-data/asset-metrics": catalogue.reference_metrics,
    "/v4/reference-data/assets": catalogue.reference_assets,
}
CRYPTO_QUANT: dict[str, Make] = {
    listing.ENTITY_LIST: listing.entity_list,
    "/v1/discovery/endpoints": listing.discovery,
    "/v1/my/discovery/endpoints": listing.my_discovery,
    "/v1/btc/{category}/{name}": flows.flows,
}


async def _document(asked: Asked) -> Answer:
    return Answer(orjson.dumps(openapi.document(asked.snapshot)))


GLASSNODE: dict[str, Make] = {glassnode.PREFIX + "{category}/{name}": glassnode.metrics}
DASHBOARD: dict[str, Make] = {
    "/catalogue": drawable.catalogue,
    "/definition": drawable.definition,
    "/series": series.series,
    "/stack": series.stack,
    "/transactions": transactions.transactions,
}
OPERATION: dict[str, Make] = {"/openapi.json": _document}


def make_app(
    publications: Publications, access: Access, monitoring: Monitoring, announcements: Announcements
) -> ASGIApp:
    """The server as an ASGI application, which follows the published file while it runs."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        announcements.open()
        publications.listeners.append(announcements.take)
        following = asyncio.create_task(publications.follow())
        yield
        following.cancel()

    router = Router(
        routes(publications, monitoring, Streams(publications, announcements)),
        redirect_slashes=False,
        default=_not_found,
        lifespan=lifespan,
    )
    return Gate(router, publications, access, monitoring)


def routes(publications: Publications, monitoring: Monitoring, streams: Streams) -> list[BaseRoute]:
    """Every path that is answered."""
    made = COIN_METRICS | CRYPTO_QUANT | GLASSNODE | DASHBOARD | OPERATION
    data = [Route(path, Endpoint(publications, make)) for path, make in made.items()]
    open_ended: list[BaseRoute] = [
        WebSocketRoute(STREAM, _Application(streams.websocket)),
        Route(EVENTS, _Application(streams.events)),
    ]
    shown = [Route(path, _Application(send_page)) for path in (*PAGES, f"{PREFIX}{{name}}")]
    return [*data, *open_ended, *shown, *_operation(publications, monitoring)]


def _operation(publications: Publications, monitoring: Monitoring) -> list[BaseRoute]:
    """What watches the server."""

    async def tell_health(scope: Scope, receive: Receive, send: Send) -> None:
        snapshot = publications.current if publications.is_ready else None
        await send_answer(send, scope, Answer(orjson.dumps(health(snapshot))))

    async def tell_ready(scope: Scope, receive: Receive, send: Send) -> None:
        await send_answer(send, scope, Answer(orjson.dumps(health(publications.current))))

    async def tell_metrics(scope: Scope, receive: Receive, send: Send) -> None:
        await send_answer(send, scope, Answer(monitoring.exposition(), MEDIA_TYPE))

    told: dict[str, ASGIApp] = {
        "/health": tell_health,
        "/ready": tell_ready,
        "/metrics": tell_metrics,
    }
    return [Route(path, _Application(app)) for path, app in told.items()]


class _Application:
    """Keeps Starlette from taking an ASGI function for one that takes a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        await send({"type": "websocket.close", "code": 1008})
        return
    hint = nearest(scope["path"], COIN_METRICS | CRYPTO_QUANT | DASHBOARD)
    raise Refused(404, f"there is nothing at this path. {hint}".rstrip())
