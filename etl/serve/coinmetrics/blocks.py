"""Rows per block, asked of the file.

Invariant: a block's time is that of its header; blocks are told apart and paged by height.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from anyio import to_thread

from etl.serve.coinmetrics import ASSET
from etl.serve.coinmetrics.request import MOST_HEIGHT, SeriesRequest, Side
from etl.serve.coinmetrics.rows import Column, Rows, json_rows
from etl.serve.refusals import BadParameter
from etl.serve.snapshot import Snapshot
from etl.serve.times import SECOND, time_text
from etl.warehouse.catalogue import Metric

_STREAMED_ROWS = 10_000


@dataclass(frozen=True)
class BlockRange:
    """Which blocks are asked for; all ends are included, times are Unix seconds."""

    first_height: int = 0
    last_height: int = MOST_HEIGHT
    first_time: int = 0
    last_time: int = 2**40

    def values(self) -> dict[str, int]:
        """As a query takes them."""
        return {
            "first_height": self.first_height,
            "last_height": self.last_height,
            "first_time": self.first_time,
            "last_time": self.last_time,
        }


def block_range(request: SeriesRequest) -> BlockRange:
    """The range of a request, cut to what is confirmed and to the newest blocks asked for.

    Raises BadParameter for a hash that no block has.
    """
    top = request.snapshot.tip.height - request.min_confirmations
    _check_hash_order(request)
    span = _with_end(request, _with_start(request, BlockRange(last_height=top)))
    span = replace(span, last_height=min(span.last_height, top))
    if request.limit is None:
        return span
    oldest = _rows(request, span, "DESC", request.limit, "min(height)")[0]
    return replace(span, first_height=oldest if oldest is not None else top + 1)


def block_page(request: SeriesRequest, span: BlockRange) -> tuple[Rows, int | None]:
    """One page of blocks, and the height where the next begins."""
    pages = request.pages
    if pages.token is not None:
        end = {"last_height": min(span.last_height, pages.token.place)}
        start = {"first_height": max(span.first_height, pages.token.place)}
        span = replace(span, **(end if pages.is_from_end else start))
    heights = _rows(request, span, "DESC" if pages.is_from_end else "ASC", pages.size + 1)
    following = heights[pages.size] if len(heights) > pages.size else None
    page = sorted(heights[: pages.size])
    if not page:
        return _block_rows(request, replace(span, first_height=1, last_height=0)), None
    return _block_rows(request, replace(span, first_height=page[0], last_height=page[-1])), following


async def stream_blocks(request: SeriesRequest, span: BlockRange) -> AsyncIterator[bytes]:
    """All rows of a range, a part of the file at a time."""
    for first in range(span.first_height, span.last_height + 1, _STREAMED_ROWS):
        last = min(first + _STREAMED_ROWS - 1, span.last_height)
        part = replace(span, first_height=first, last_height=last)
        rows = json_rows(await to_thread.run_sync(_block_rows, request, part))
        if rows:
            yield ("\n".join(rows) + "\n").encode()


def hash_height(snapshot: Snapshot, parameter: str, text: str) -> int:
    """The height of a block by its hash. Raises BadParameter."""
    found = snapshot.ask("SELECT height FROM blocks WHERE hash = ?", [text]).column(0).to_pylist()
    if not found:
        raise BadParameter(parameter, text, "No block of the chain has this hash.")
    return int(found[0])


def _check_hash_order(request: SeriesRequest) -> None:
    start, end = request.start, request.end
    if start.hash is None or end.hash is None:
        return
    first, last = _height(request.snapshot, start), _height(request.snapshot, end)
    if first is not None and last is not None and last < first:
        raise BadParameter("end_hash", end.hash, "It is before start_hash.")


def _with_start(request: SeriesRequest, span: BlockRange) -> BlockRange:
    start = request.start
    height = _height(request.snapshot, start)
    if height is not None:
        return replace(span, first_height=height if start.is_inclusive else height + 1)
    if start.instant is None:
        return span
    second = -(-start.instant // SECOND)
    exact = start.instant % SECOND == 0
    return replace(span, first_time=second + 1 if exact and not start.is_inclusive else second)


def _with_end(request: SeriesRequest, span: BlockRange) -> BlockRange:
    end = request.end
    height = _height(request.snapshot, end)
    if height is not None:
        return replace(span, last_height=height if end.is_inclusive else height - 1)
    if end.instant is None:
        return span
    second = end.instant // SECOND
    exact = end.instant % SECOND == 0
    return replace(span, last_time=second - 1 if exact and not end.is_inclusive else second)


def _height(snapshot: Snapshot, side: Side) -> int | None:
    if side.hash is not None:
        return hash_height(snapshot, f"{side.name}_hash", side.hash)
    return side.height


def _from_sql(metrics: list[Metric]) -> str:
    """FROM and WHERE of the blocks in a range that one of the metrics has a value of."""
    joins = " ".join(
        f"LEFT JOIN {metric.view} AS m{number} ON m{number}.height = blocks.height"
        for number, metric in enumerate(metrics)
    )
    held = " OR ".join(f"m{number}.{metric.column_name} IS NOT NULL" for number, metric in enumerate(metrics))
    return (
        f"FROM blocks {joins} WHERE blocks.height BETWEEN $first_height AND $last_height "
        f"AND blocks.time BETWEEN $first_time AND $last_time AND ({held})"
    )


def _rows(
    request: SeriesRequest, span: BlockRange, order: str, most: int, result: str = "height"
) -> list[Any]:
    """The heights that have a row, the first `most` in an order, or a sum over them."""
    inner = f"SELECT blocks.height {_from_sql(_metrics(request))} ORDER BY blocks.height {order} LIMIT $most"
    table = request.snapshot.ask(f"SELECT {result} FROM ({inner})", span.values() | {"most": most})
    return list(table.column(0).to_pylist())


def _block_rows(request: SeriesRequest, span: BlockRange) -> Rows:
    metrics = _metrics(request)
    values = ", ".join(f"CAST(m{n}.{m.column_name} AS VARCHAR) AS v{n}" for n, m in enumerate(metrics))
    table = request.snapshot.ask(
        f"SELECT blocks.height, blocks.hash, blocks.prev_hash, blocks.time, {values} {_from_sql(metrics)} "
        "ORDER BY blocks.height",
        span.values(),
    )
    held = table.to_pydict()
    heads = {
        "block_hash": held["hash"],
        "parent_block_hash": held["prev_hash"],
        "height": [str(height) for height in held["height"]],
        "asset": [ASSET] * table.num_rows,
        "time": [time_text(second) for second in held["time"]],
    }
    columns = [Column(metric.id, held[f"v{n}"], is_text=True) for n, metric in enumerate(metrics)]
    return Rows(heads, columns)


def _metrics(request: SeriesRequest) -> list[Metric]:
    known = request.snapshot.per_block()
    return [known[name] for name in request.metrics]
