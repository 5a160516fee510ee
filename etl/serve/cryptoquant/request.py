"""What a request for flows asks for, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from etl.serve.asked import Asked
from etl.serve.cryptoquant import DEFAULT_PROFILE
from etl.serve.cryptoquant.endpoints import WINDOWS, Flows, symbols
from etl.serve.parameters import Parameters, without_empty_key
from etl.serve.refusals import BadParameter, nearest
from etl.serve.snapshot import Snapshot
from etl.serve.times import read_instant

DEFAULT_LIMIT, MOST = 100, 100_000
JSON, CSV = "json", "csv"
_HEIGHT = re.compile(r"\d{1,7}")
"""Eight digits are a date, a height that no chain reaches in this century."""


@dataclass(frozen=True)
class Bound:
    """One end of the range asked for, included: a height or an instant (nanoseconds since 1970)."""

    height: int | None = None
    instant: int | None = None


@dataclass(frozen=True)
class FlowsRequest:
    """A checked request."""

    flows: Flows
    snapshot: Snapshot
    profile: str
    rows: dict[str, str]
    """the value of each column that tells rows of one time apart"""
    window: str
    first: Bound
    last: Bound
    limit: int
    form: str


def read_request(asked: Asked, flows: Flows) -> FlowsRequest:
    """The request that a URL makes. Raises BadParameter."""
    parameters = Parameters(without_empty_key(asked.query), flows.parameters)
    profile = asked.profile_of(parameters, DEFAULT_PROFILE)
    windows = [window for window in WINDOWS if window in flows.windows]
    window = parameters.choice("window", windows, "day")
    first, last = _bound(parameters, "from", window), _bound(parameters, "to", window)
    _check_order(parameters, first, last)
    return FlowsRequest(
        flows=flows,
        snapshot=asked.snapshot,
        profile=profile,
        rows={"profile": profile} | _entities(asked.snapshot, parameters, profile, flows),
        window=window,
        first=first,
        last=last,
        limit=parameters.whole("limit", 1, MOST) or DEFAULT_LIMIT,
        form=parameters.choice("format", (JSON, CSV), JSON),
    )


def _entities(snapshot: Snapshot, parameters: Parameters, profile: str, flows: Flows) -> dict[str, str]:
    chosen = {}
    for name, column in flows.entities.items():
        known = symbols(snapshot, profile, name)
        value = parameters.needed(name)
        if value.lower() not in known:
            kind = "exchange" if name.endswith("exchange") else "miner"
            hint = nearest(value, known) or f"/v1/btc/status/entity-list?type={kind} lists them."
            raise BadParameter(name, value, hint)
        chosen[column] = known[value.lower()]
    names = list(flows.entities)
    same = len(names) == 2 and chosen["miner"] == chosen["counterparty"]
    if same:
        raise BadParameter(names[1], parameters.needed(names[1]), f"It must be another than {names[0]}.")
    return chosen


def _bound(parameters: Parameters, name: str, window: str) -> Bound:
    text = parameters.text(name)
    if text is None:
        return Bound()
    if window == "block" and _HEIGHT.fullmatch(text):
        return Bound(height=int(text))
    return Bound(instant=read_instant(name, text))


def _check_order(parameters: Parameters, first: Bound, last: Bound) -> None:
    for start, end in ((first.height, last.height), (first.instant, last.instant)):
        if start is not None and end is not None and end < start:
            raise BadParameter("to", parameters.needed("to"), "It is before from.")
