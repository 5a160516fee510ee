"""The endpoints with data: miner flows, pairs and indicators."""

from __future__ import annotations

from anyio import to_thread

from etl.serve.answers import JSON, Answer
from etl.serve.asked import Asked
from etl.serve.cryptoquant.endpoints import endpoints
from etl.serve.cryptoquant.request import CSV, FlowsRequest, read_request
from etl.serve.cryptoquant.rows import Table, read_rows
from etl.serve.refusals import Refused, nearest

PREFIX = "/v1/"
CSV_TYPE = "text/csv; charset=utf-8"


async def flows(asked: Asked) -> Answer:
    """Answer a request for flows. Raises BadParameter, and Refused where the path has no data."""
    path = asked.path.partition(PREFIX)[2]
    known = endpoints(asked.snapshot)
    if path not in known:
        hint = nearest(path, known) or "/v1/discovery/endpoints lists the paths."
        raise Refused(404, f"there is nothing at this path. {hint}")
    request = read_request(asked, known[path])
    return await to_thread.run_sync(_answer, request)


def _answer(request: FlowsRequest) -> Answer:
    table = read_rows(request)
    if request.form == CSV:
        return Answer(_csv(table).encode(), CSV_TYPE)
    rows = ",".join(_json_rows(table))
    return Answer(success(f'{{"window":"{request.window}","data":[{rows}]}}'), JSON)


def success(result: str) -> bytes:
    """A result that is JSON already, in the vendor's envelope."""
    return f'{{"status":{{"code":200,"message":"success"}},"result":{result}}}'.encode()


def _json_rows(table: Table) -> list[str]:
    """Each row as an object: heights and values as numbers, dates as texts."""
    rows = []
    for key, values in table.rows:
        told = [f'"{name}":{_json_key(name, text)}' for name, text in zip(table.keys, key, strict=True)]
        told += [f'"{name}":{value or "null"}' for name, value in zip(table.fields, values, strict=True)]
        rows.append(f"{{{','.join(told)}}}")
    return rows


def _json_key(name: str, text: str) -> str:
    return text if name == "blockheight" else f'"{text}"'


def _csv(table: Table) -> str:
    lines = [",".join((*table.keys, *table.fields))]
    lines += [",".join((*key, *(value or "" for value in values))) for key, values in table.rows]
    return "\n".join(lines) + "\n"
