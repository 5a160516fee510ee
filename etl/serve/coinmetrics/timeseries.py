"""`/v4/timeseries/asset-metrics`."""

from __future__ import annotations

import numpy as np
from anyio import to_thread

from etl.serve.answers import Answer
from etl.serve.asked import Asked
from etl.serve.coinmetrics import paging
from etl.serve.coinmetrics.blocks import block_page, block_range, stream_blocks
from etl.serve.coinmetrics.days import day_places, day_rows
from etl.serve.coinmetrics.request import CSV, DAILY, STREAM, SeriesRequest, read_request
from etl.serve.coinmetrics.rows import Rows, csv_text, json_rows

CSV_TYPE = "text/csv; charset=utf-8"
NEXT_PAGE_HEADER = "x-next-page-url"


async def asset_metrics(asked: Asked) -> Answer:
    """Answer a request for time series. Raises BadParameter."""
    request = read_request(asked)
    if request.frequency == DAILY:
        return _days(asked, request)
    span = await to_thread.run_sync(block_range, request)
    if request.form == STREAM:
        stream = stream_blocks(request, span)
        return Answer(b"", paging.NDJSON, edition=request.snapshot.edition, stream=stream)
    rows, following = await to_thread.run_sync(block_page, request, span)
    return _page(asked, request, rows, following)


def _days(asked: Asked, request: SeriesRequest) -> Answer:
    places = day_places(request)
    if request.form == STREAM:
        lines = json_rows(day_rows(request, places))
        body = "".join(f"{line}\n" for line in lines).encode()
        return Answer(body, paging.NDJSON, edition=request.snapshot.edition)
    page, following = request.pages.cut(places.tolist())
    return _page(asked, request, day_rows(request, np.asarray(page, int)), following)


def _page(asked: Asked, request: SeriesRequest, rows: Rows, following: int | None) -> Answer:
    after = None
    if following is not None:
        after = paging.next_page(asked, request.snapshot, request.parameters, following)
    edition = request.snapshot.edition
    if request.form != CSV:
        return paging.json_page(",".join(json_rows(rows)), after, request.is_pretty, edition)
    headers = {NEXT_PAGE_HEADER: after[1]} if after is not None else {}
    return Answer(csv_text(_asset_first(rows)).encode(), CSV_TYPE, headers, edition)


def _asset_first(rows: Rows) -> Rows:
    """Asset and time before all others, as the columns of the CSV form begin."""
    first = {name: rows.heads[name] for name in ("asset", "time")}
    return Rows(first | rows.heads, rows.columns)
