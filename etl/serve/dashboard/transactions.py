"""The transactions behind a day's number, with whose they are and why they count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import orjson
from anyio import to_thread

from etl.errors import UsageError
from etl.results.drill import drill_sql
from etl.results.metrics import EVERYONE, Choice
from etl.serve.answers import Answer
from etl.serve.asked import Asked
from etl.serve.dashboard import COMMON
from etl.serve.dashboard.listing import asked_metric
from etl.serve.dashboard.series import Whose, asked_whose, column_of
from etl.serve.parameters import Parameters, without_empty_key
from etl.serve.refusals import BadParameter
from etl.serve.snapshot import Snapshot
from etl.serve.times import DAY, read_instant
from etl.warehouse.catalogue import Metric

PARAMETERS = ("metric", "day", "miner", "counterparty", "limit", *COMMON)
DEFAULT_LIMIT, MOST = 100, 10_000
_GROUPS = """
    SELECT txid, src_hop, src_pool, src_exchange, dst_hop, dst_pool, dst_exchange, is_coinbase, value_sat
    FROM transfers
    WHERE profile = $profile AND day = $day AND txid IN (SELECT unnest($txids))
    ORDER BY value_sat DESC
"""
_HOPS = {0: "paid by a coinbase", 1: "paid by a miner"}


@dataclass(frozen=True)
class _Question:
    snapshot: Snapshot
    metric: Metric
    day: date
    whose: Whose
    limit: int


async def transactions(asked: Asked) -> Answer:
    """`/transactions`: those of a metric's day, largest first. Raises BadParameter."""
    parameters = Parameters(without_empty_key(asked.query), PARAMETERS)
    question = _Question(
        asked.snapshot,
        asked_metric(asked.snapshot, parameters),
        _asked_day(asked.snapshot, parameters),
        asked_whose(asked, parameters),
        parameters.whole("limit", 1, MOST) or DEFAULT_LIMIT,
    )
    return await to_thread.run_sync(_answer, question)


def _asked_day(snapshot: Snapshot, parameters: Parameters) -> date:
    text = parameters.needed("day")
    calendar = snapshot.calendar
    place = read_instant("day", text) // DAY - calendar.first
    if not 0 <= place < calendar.count:
        ends = f"{calendar.day(0)} to {calendar.day(calendar.count - 1)}" if calendar.count else "none yet"
        raise BadParameter("day", text, f"The final days are: {ends}.")
    return calendar.day(place)


def _answer(question: _Question) -> Answer:
    snapshot, metric = question.snapshot, question.metric
    whose = question.whose
    choice = Choice(whose.profile, whose.rows.get("miner", EVERYONE["miner"]), whose.rows.get("counterparty"))
    try:
        sql = drill_sql(snapshot.catalogue, metric, question.day, choice)
    except UsageError as error:
        raise BadParameter("metric", metric.id, f"{error.what[0].upper()}{error.what[1:]}.") from None
    rows = snapshot.ask(sql, []).to_pylist()
    unit = "USD" if metric.unit == "USD" else "BTC"
    value = _value(question)
    total = _total(rows, unit)
    shown = rows[: question.limit]
    groups = _groups(question, [row["txid"] for row in shown])
    told = {
        "metric": metric.id,
        "day": question.day,
        "profile": question.whose.profile,
        "unit": unit,
        "value": value,
        "value_unit": metric.unit,
        "adds_up": value is not None and total is not None and Decimal(value) == total,
        "total": _text(total),
        "count": len(rows),
        "others": _text(_total(rows[question.limit :], unit)),
        "transactions": [
            {"txid": row["txid"], "height": row["height"], "amount": _text(row[unit.lower()]),
             "groups": groups.get(row["txid"], [])}
            for row in shown
        ],
    }  # fmt: skip
    return Answer(orjson.dumps(told))


def _value(question: _Question) -> str | None:
    """The day's number as it stands in the file."""
    column = column_of(question.snapshot, question.metric.id, question.whose)
    place = (question.day - question.snapshot.calendar.day(0)).days
    text: str | None = column[place].as_py()
    return text


def _total(rows: list[dict[str, Any]], unit: str) -> Decimal | None:
    amounts = [row[unit.lower()] for row in rows]
    return None if None in amounts else sum(amounts, Decimal(0))


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def _groups(question: _Question, txids: list[str]) -> dict[str, list[dict[str, str]]]:
    """By transaction, between whom it moved what."""
    values = {"profile": question.whose.profile, "day": question.day, "txids": txids}
    found: dict[str, list[dict[str, str]]] = {}
    for row in question.snapshot.ask(_GROUPS, values).to_pylist():
        source = "newly mined" if row["is_coinbase"] else _owner(row, "src")
        told = {"from": source, "to": _owner(row, "dst"), "btc": _text(Decimal(row["value_sat"]) / 10**8)}
        found.setdefault(row["txid"], []).append(told)  # type: ignore[arg-type]
    return found


def _owner(row: dict[str, Any], side: str) -> str:
    """Who holds one side of a transfer, and why it counts as theirs."""
    hop, pool, exchange = (row[f"{side}_{what}"] for what in ("hop", "pool", "exchange"))
    mined = f"{pool} ({_HOPS[hop]}, hop {hop})" if hop is not None else ""
    labelled = f"{exchange} (labelled exchange)" if exchange else ""
    return " and ".join(filter(None, (mined, labelled))) or "others (no miner, no label)"
