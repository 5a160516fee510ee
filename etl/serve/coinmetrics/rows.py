"""Rows of time series as JSON and CSV texts.

Invariants: metrics stand in the order of their names; a metric asked for is in every row; values, times
and names hold nothing that JSON or CSV would have to escape, but texts such as names of pools, which are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from etl.serve.revisions import Revision


@dataclass(frozen=True)
class Column:
    """One metric's values for the rows of an answer."""

    metric: str
    values: list[str | None]
    revisions: list[Revision] | None = None
    """of each value, where the metric has them"""
    is_text: bool = False
    """whether values are any text, not numbers"""


@dataclass(frozen=True)
class Rows:
    """What an answer holds: `heads` is the fields before the metrics, by name, a list per row."""

    heads: dict[str, list[str]]
    columns: list[Column]


def json_rows(rows: Rows) -> list[str]:
    """Each row as a JSON object on one line."""
    heads = [_fields(name, values) for name, values in rows.heads.items()]
    parts = heads + [_json_column(column) for column in rows.columns]
    return [f"{{{','.join(row)}}}" for row in zip(*parts, strict=True)]


def csv_text(rows: Rows) -> str:
    """A header line and a line for each row."""
    names, parts = list(rows.heads), list[Iterable[str]](rows.heads.values())
    for column in rows.columns:
        names.append(column.metric)
        parts.append(_csv_values(column))
        if column.revisions is not None:
            names += [f"{column.metric}-status", f"{column.metric}-status-time"]
            told = list(zip(column.values, column.revisions, strict=True))
            parts.append([revision.status if value is not None else "" for value, revision in told])
            parts.append([revision.time if value is not None else "" for value, revision in told])
    lines = [",".join(names), *(",".join(row) for row in zip(*parts, strict=True))]
    return "\n".join(lines) + "\n"


def _fields(name: str, values: list[str]) -> list[str]:
    return [f'"{name}":"{value}"' for value in values]


def _json_column(column: Column) -> list[str]:
    name = column.metric
    if column.is_text:
        return [f'"{name}":{json.dumps(value)}' for value in column.values]
    if column.revisions is None:
        return [f'"{name}":null' if value is None else f'"{name}":"{value}"' for value in column.values]
    endings = {revision: _json_ending(name, revision) for revision in set(column.revisions)}
    nothing = f'"{name}":null,"{name}-status":null,"{name}-status-time":null'
    return [
        nothing if value is None else f'"{name}":"{value}"{endings[revision]}'
        for value, revision in zip(column.values, column.revisions, strict=True)
    ]


def _json_ending(name: str, revision: Revision) -> str:
    return f',"{name}-status":"{revision.status}","{name}-status-time":"{revision.time}"'


def _csv_values(column: Column) -> list[str]:
    if column.is_text:
        return ["" if value is None else _csv_field(value) for value in column.values]
    return ["" if value is None else value for value in column.values]


def _csv_field(text: str) -> str:
    if any(letter in text for letter in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
