"""The transactions behind one day's number of a metric.

Invariant: their amounts sum to the day's number, for every metric that is a sum over transactions
or a difference of two; a mean, a count or an index shows those of the sum that it is made from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from etl.errors import UsageError
from etl.results.metrics import Catalogue, Choice, chosen
from etl.warehouse.sqltext import literal

if TYPE_CHECKING:
    import duckdb

    from etl.warehouse.catalogue import Metric

_TOP = {"top10_btc": 10, "top10_usd": 10}
"""How many of the largest transactions a column sums."""


@dataclass(frozen=True)
class _Part:
    """The transactions of one relation and condition, added or taken off."""

    relation: str
    condition: str
    sign: int
    metric: Metric


def drill_sql(catalogue: Catalogue, metric: Metric, day: date, choice: Choice) -> str:
    """SQL for the transactions: height, txid, btc and usd, largest first.

    usd is at the day's price, NULL where there is none. Raises UsageError for a metric that no
    transactions are kept for.
    """
    sums = "\nUNION ALL\n".join(_part_sql(part, day, choice) for part in _parts(catalogue, metric, 1))
    limit = f"\nLIMIT {_TOP[metric.column_name]}" if metric.column_name in _TOP else ""
    return f"""SELECT
    height,
    txid,
    CAST(sum(value_sat) AS DECIMAL(18, 0)) * 0.00000001 AS btc,
    CAST(sum(value_sat) AS DECIMAL(18, 0)) * (
        SELECT CAST(CAST(price_usd AS DECIMAL(20, 10)) * 0.00000001 AS DECIMAL(20, 18))
        FROM prices WHERE date = DATE '{day}'
    ) AS usd
FROM (
{sums}
)
GROUP BY height, tx_index, txid
HAVING sum(value_sat) <> 0
ORDER BY abs(sum(value_sat)) DESC, height, tx_index{limit}"""


def check_day(con: duckdb.DuckDBPyConnection, day: date) -> None:
    """Raise UsageError for a day that has no numbers."""
    first, last = con.execute("SELECT min(day), max(day) FROM calendar").fetchall()[0]
    if first is None or not first <= day <= last:
        span = "no day is final yet" if first is None else f"the final days are {first} to {last}"
        raise UsageError(f"{day} has no numbers: {span}", "name another day")


def _parts(catalogue: Catalogue, metric: Metric, sign: int) -> Iterator[_Part]:
    if metric.drill is None:
        raise UsageError(
            f"{metric.id} is not made of transactions that are kept",
            f"minerflow metrics sql {metric.id} shows what it is made of",
        )
    relation, keyword, condition = metric.drill.partition(" WHERE ")
    if keyword:
        yield _Part(relation, condition, sign, metric)
        return
    for number, name in enumerate(metric.drill.split(" - ")):
        yield from _parts(catalogue, catalogue.find(name), -sign if number else sign)


def _part_sql(part: _Part, day: date, choice: Choice) -> str:
    values = {"profile": choice.profile} | chosen(part.metric, choice)
    matched = " AND ".join(f"{key} = {literal(value)}" for key, value in values.items())
    txid = "txid" if part.relation == "transfers" else "lower(hex(txid)) AS txid"
    value = "value_sat" if part.sign > 0 else "-value_sat AS value_sat"
    return (
        f"SELECT height, tx_index, {txid}, {value}\nFROM {part.relation}\n"
        f"WHERE {part.condition}\n    AND {matched} AND day = DATE '{day}'"
    )
