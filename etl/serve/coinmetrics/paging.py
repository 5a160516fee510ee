"""Pages: which part of the places asked for one answer holds, and how it names the next.

Invariant: rows ascend inside a page; only a page that is followed by another has a token, and it is
never empty.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import orjson

from etl.serve.answers import JSON, Answer
from etl.serve.asked import Asked
from etl.serve.coinmetrics import tokens
from etl.serve.parameters import Parameters
from etl.serve.refusals import BadParameter
from etl.serve.snapshot import Snapshot

NDJSON = "application/x-ndjson"
PARAMETERS = ("page_size", "paging_from", tokens.NAME)
DEFAULT_SIZE, MOST = 100, 10_000
START, END = "start", "end"


@dataclass(frozen=True)
class Paging:
    """How a request wants its pages."""

    size: int
    is_from_end: bool
    token: tokens.Token | None

    def cut(self, places: Sequence[int]) -> tuple[Sequence[int], int | None]:
        """The places of this page out of ascending ones, and the place where the next begins."""
        if self.is_from_end:
            if self.token is not None:
                places = places[: _count_up_to(places, self.token.place)]
            rest = len(places) - self.size
            return places[max(rest, 0) :], int(places[rest - 1]) if rest > 0 else None
        if self.token is not None:
            places = places[_count_up_to(places, self.token.place - 1) :]
        following = int(places[self.size]) if len(places) > self.size else None
        return places[: self.size], following


def asked_paging(parameters: Parameters, path: str, default_from: str) -> Paging:
    """The paging of a request. Raises BadParameter."""
    size = parameters.whole("page_size", 1, MOST) or DEFAULT_SIZE
    first = parameters.choice("paging_from", (START, END), default_from)
    return Paging(size, first == END, tokens.asked_token(parameters, path))


def snapshot_of(asked: Asked, token: tokens.Token | None) -> Snapshot:
    """The snapshot that a read is of. Raises BadParameter where it is no longer kept."""
    if token is None:
        return asked.snapshot
    found = asked.publications.of_file(token.file)
    if found is None:
        raise BadParameter(
            tokens.NAME, token.file, "Its published file is no longer kept: begin with the first page."
        )
    asked.publications.keep(found)
    return found


def next_page(asked: Asked, snapshot: Snapshot, parameters: Parameters, place: int) -> tuple[str, str]:
    """The token and the URL of the page that begins at a place."""
    token = tokens.written(tokens.Token(snapshot.file, place), parameters, asked.path)
    asked.publications.keep(snapshot)
    given = parameters.given | {tokens.NAME: token}
    return token, f"{asked.base_url}{asked.path}?{urlencode(given)}"


def json_page(rows: str, following: tuple[str, str] | None, is_pretty: bool, edition: str) -> Answer:
    """Rows with commas between as a JSON answer."""
    more = ""
    if following is not None:
        more = f',"next_page_token":{json.dumps(following[0])},"next_page_url":{json.dumps(following[1])}'
    body = f'{{"data":[{rows}]{more}}}'.encode()
    if is_pretty:
        body = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2)
    return Answer(body, JSON, edition=edition)


def _count_up_to(places: Sequence[int], last: int) -> int:
    """How many of ascending places are not beyond one."""
    return bisect_right(places, last)
