"""What a time-series request asks for, checked against the catalogue.

Invariant: after this, nothing about the request can be wrong but a block hash that the chain does not have.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from etl.serve.asked import Asked
from etl.serve.coinmetrics import ASSET, COMMON, DEFAULT_PROFILE, paging
from etl.serve.parameters import Parameters, without_empty_key
from etl.serve.refusals import BadParameter, nearest
from etl.serve.snapshot import Snapshot
from etl.serve.times import asked_instant, asked_zone

DAILY, PER_BLOCK = "1d", "1b"
JSON, STREAM, CSV = "json", "json_stream", "csv"
PARAMETERS = (
    "assets", "metrics", "frequency", "status", "start_time", "end_time", "start_height", "end_height",
    "start_hash", "end_hash", "start_inclusive", "end_inclusive", "min_confirmations", "timezone",
    "sort", "limit_per_asset", "null_as_zero", "ignore_unsupported_errors", "ignore_forbidden_errors",
    *paging.PARAMETERS, *COMMON,
)  # fmt: skip
_SIDES = ("time", "height", "hash")
MOST_HEIGHT = 999_999_999
_BLOCKS_ONLY = ("start_height", "end_height", "start_hash", "end_hash")
DEFAULT_CONFIRMATIONS = 2


@dataclass(frozen=True)
class Side:
    """One end of the range asked for; at most one of instant, height and hash is given."""

    name: str
    """start or end"""
    instant: int | None
    """nanoseconds since 1970-01-01 UTC"""
    height: int | None
    hash: str | None
    is_inclusive: bool


@dataclass(frozen=True)
class SeriesRequest:
    """A checked request for time series."""

    parameters: Parameters
    snapshot: Snapshot
    profile: str
    metrics: list[str]
    """in the order of their names; none where the asset is not served and that is to be passed over"""
    frequency: str
    start: Side
    end: Side
    min_confirmations: int
    pages: paging.Paging
    limit: int | None
    status: str
    form: str
    is_pretty: bool
    null_as_zero: bool


def read_request(asked: Asked) -> SeriesRequest:
    """The request that a URL makes. Raises BadParameter."""
    parameters = Parameters(without_empty_key(asked.query), PARAMETERS)
    pages = paging.asked_paging(parameters, asked.path, paging.END)
    snapshot = paging.snapshot_of(asked, pages.token)
    frequency = _frequency(parameters)
    _check_sort(parameters, frequency)
    for flag in ("ignore_forbidden_errors", "ignore_unsupported_errors"):
        parameters.flag(flag)
    asked_zone(parameters)
    start, end = _side(parameters, "start", frequency), _side(parameters, "end", frequency)
    _check_order(parameters, start, end)
    confirmations = parameters.whole("min_confirmations", 0, 99)
    return SeriesRequest(
        parameters=parameters,
        snapshot=snapshot,
        profile=asked.profile_of(parameters, DEFAULT_PROFILE),
        metrics=_metrics(parameters, snapshot, frequency),
        frequency=frequency,
        start=start,
        end=end,
        min_confirmations=DEFAULT_CONFIRMATIONS if confirmations is None else confirmations,
        pages=pages,
        limit=parameters.whole("limit_per_asset", 1, MOST_HEIGHT),
        status=parameters.choice("status", ("all", "flash", "reviewed", "revised"), "all"),
        form=parameters.choice("format", (JSON, STREAM, CSV), JSON),
        is_pretty=bool(parameters.flag("pretty")),
        null_as_zero=bool(parameters.flag("null_as_zero")),
    )


def served_assets(parameters: Parameters) -> bool:
    """Whether the one asset is among those asked for. Raises BadParameter for others."""
    assets = parameters.listed("assets")
    if not assets:
        parameters.needed("assets")
    unknown = [asset for asset in assets if asset not in (ASSET, "*")]
    if unknown and (len(unknown) == len(assets) or not parameters.flag("ignore_unsupported_errors")):
        raise BadParameter("assets", unknown[0], f"The only asset is '{ASSET}'.")
    return True


def check_metrics(parameters: Parameters, names: list[str], known: Collection[str], others: str) -> list[str]:
    """Those of the named metrics that are known, in order. Raises BadParameter as the flags say."""
    unknown = [name for name in names if name not in known]
    if unknown and (len(unknown) == len(names) or not parameters.flag("ignore_unsupported_errors")):
        raise BadParameter("metrics", unknown[0], nearest(unknown[0], known) or others)
    return sorted(set(names) - set(unknown))


def _metrics(parameters: Parameters, snapshot: Snapshot, frequency: str) -> list[str]:
    names = parameters.listed("metrics")
    if not names:
        parameters.needed("metrics")
    served_assets(parameters)
    known = snapshot.daily() if frequency == DAILY else snapshot.per_block()
    other = PER_BLOCK if frequency == DAILY else DAILY
    elsewhere = snapshot.per_block() if frequency == DAILY else snapshot.daily()
    hint = "/v4/reference-data/asset-metrics lists the metrics."
    misplaced = next((name for name in names if name not in known and name in elsewhere), None)
    if misplaced is not None and not parameters.flag("ignore_unsupported_errors"):
        raise BadParameter("metrics", misplaced, f"It is not known per {frequency}; give frequency={other}.")
    return check_metrics(parameters, names, known, hint)


def _frequency(parameters: Parameters) -> str:
    return parameters.choice("frequency", (DAILY, PER_BLOCK), DAILY)


def _check_sort(parameters: Parameters, frequency: str) -> None:
    """There is one asset, so that every order is the same."""
    allowed = ("asset", "time", "height") if frequency == PER_BLOCK else ("asset", "time")
    parameters.choice("sort", allowed, "asset")


def _side(parameters: Parameters, name: str, frequency: str) -> Side:
    given = [f"{name}_{kind}" for kind in _SIDES if f"{name}_{kind}" in parameters.given]
    if len(given) > 1:
        value = parameters.needed(given[1])
        raise BadParameter(given[1], value, f"It excludes {given[0]}: give one of them.")
    for each in given:
        if frequency == DAILY and each in _BLOCKS_ONLY:
            raise BadParameter(each, parameters.needed(each), f"It goes with frequency={PER_BLOCK} only.")
    inclusive = parameters.flag(f"{name}_inclusive")
    return Side(
        name=name,
        instant=asked_instant(parameters, f"{name}_time"),
        height=parameters.whole(f"{name}_height", 0, MOST_HEIGHT),
        hash=parameters.text(f"{name}_hash"),
        is_inclusive=inclusive is not False,
    )


def _check_order(parameters: Parameters, start: Side, end: Side) -> None:
    for kind, first, last in (
        ("time", start.instant, end.instant),
        ("height", start.height, end.height),
    ):
        if first is not None and last is not None and last < first:
            value = parameters.needed(f"end_{kind}")
            raise BadParameter(f"end_{kind}", value, f"It is before start_{kind}.")
