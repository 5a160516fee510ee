"""Times as they are asked for and as they are sent.

Invariant: an instant is whole nanoseconds since 1970-01-01 UTC; no float takes part.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from etl.serve.parameters import Parameters
from etl.serve.refusals import BadParameter, nearest

SECOND = 1_000_000_000
DAY = 86_400 * SECOND

_FORM = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)"
    r"(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:\.(\d{1,9}))?)?(Z|[+ -]\d\d:?\d\d)?)?"
)
_HINT = "Give a date or time such as 2020-02-29, 2020-02-29T12:30:00 or 2020-02-29T12:30:00.123456789Z."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_text(seconds: int) -> str:
    """Unix seconds as every time is sent."""
    moment = _EPOCH + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000000000Z").rjust(30, "0")


def asked_instant(parameters: Parameters, name: str) -> int | None:
    """The instant a parameter names in the zone that `timezone` names. Raises BadParameter."""
    text = parameters.text(name)
    zone = asked_zone(parameters)
    return None if text is None else read_instant(name, text, zone)


def read_instant(name: str, text: str, zone: ZoneInfo | None = None) -> int:
    """The instant that a text says, in a zone if one is named, else in its own or UTC.

    Raises BadParameter with the parameter's name.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise BadParameter(name, text, _HINT)
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        local = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            tzinfo=zone or _offset(offset),
        )  # fmt: skip
        span = local.astimezone(UTC) - _EPOCH
    except (ValueError, OverflowError) as error:
        raise BadParameter(name, text, f"There is no such time ({error}). {_HINT}") from None
    return (span.days * 86_400 + span.seconds) * SECOND + int((fraction or "").ljust(9, "0"))


def asked_zone(parameters: Parameters) -> ZoneInfo | None:
    """The zone that inputs are in, None where none is named. Raises BadParameter."""
    name = parameters.text("timezone")
    if name is None:
        return None
    if name not in _zones():
        raise BadParameter(
            "timezone", name, nearest(name, _zones()) or "Give a name of the TZ database such as UTC."
        )
    return ZoneInfo(name)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _offset(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    # A plus that is not escaped in a URL arrives as a space.
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))
