"""A node that lies about the outputs that blocks spend."""

from __future__ import annotations

import copy
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from etl.disk.datadir import DataDirectory
from etl.errors import NodeAnswerError
from etl.jobs import pipeline
from etl.jobs.pipeline import run_backfill, run_update
from etl.jobs.verify import verify
from etl.lake import prevouts
from etl.lake.lake import Lake
from etl.lake.prevouts import false_in_all
from etl.progress import Silent
from tests.support.fakenode import FakeNode
from tests.support.golden import ECONOMY, job_options, node
from tests.support.wire import Json, golden_blocks

OTHER = {
    "hex": "a914" + "11" * 20 + "87", "type": "scripthash", "asm": f"OP_HASH160 {'11' * 20} OP_EQUAL",
}  # fmt: skip


@cache
def _blocks() -> list[Json]:
    return golden_blocks("economy")[:260]


def _a_spend(blocks: list[Json], least_age: int = 0) -> tuple[int, Json, Json]:
    """Height, transaction and input of a late spend of an output that old."""
    heights = {tx["txid"]: block["height"] for block in blocks for tx in block["tx"]}
    for block in reversed(blocks):
        for tx in block["tx"][1:]:
            for vin in tx["vin"]:
                if block["height"] - heights[vin["txid"]] >= least_age:
                    return block["height"], tx, vin
    raise LookupError(least_age)


def _dearer(tx: Json, vin: Json) -> None:
    """One bitcoin more, which the fee hides."""
    vin["prevout"]["value"] = str(Decimal(vin["prevout"]["value"]) + 1)
    tx["fee"] = str(Decimal(tx["fee"]) + 1)


def _anothers(tx: Json, vin: Json) -> None:
    vin["prevout"]["scriptPubKey"] = OTHER


def _twice_the_same(tx: Json, vin: Json) -> None:
    """As another output of the same transaction that is spent too."""
    before, vin["prevout"] = vin["prevout"], copy.deepcopy(_sibling(vin))
    tx["fee"] = str(Decimal(tx["fee"]) + Decimal(vin["prevout"]["value"]) - Decimal(before["value"]))


def _sibling(vin: Json) -> Json:
    spent = [other for block in _blocks() for tx in block["tx"][1:] for other in tx["vin"]]
    for other in spent:
        if other["txid"] == vin["txid"] and other["vout"] != vin["vout"]:
            found: Json = other["prevout"]
            return found
    raise LookupError(vin["txid"])


def _with_siblings(blocks: list[Json]) -> tuple[int, Json, Json]:
    for block in reversed(blocks):
        for tx in block["tx"][1:]:
            for vin in tx["vin"]:
                try:
                    if Decimal(_sibling(vin)["value"]) > Decimal(vin["prevout"]["value"]):
                        return block["height"], tx, vin
                except LookupError:
                    continue
    raise LookupError


LIES = [(_dearer, _a_spend), (_anothers, _a_spend), (_twice_the_same, _with_siblings)]
OLD = 150
"""Blocks: more than two of the runs that the next test makes."""
Lie = Callable[[Json, Json], None]
Choice = Callable[[list[Json]], tuple[int, Json, Json]]


@pytest.mark.parametrize("kind", ["rpc", "rest"])
@pytest.mark.parametrize(("lie", "choose"), LIES)
def test_a_lie_is_named_and_not_published(tmp_path: Path, kind: str, lie: Lie, choose: Choice) -> None:
    blocks = copy.deepcopy(_blocks())
    height, tx, vin = choose(blocks)
    lie(tx, vin)
    with FakeNode(blocks) as fake:
        options = job_options(ECONOMY, tmp_path, node(kind, fake))
        with pytest.raises(NodeAnswerError, match=r"the block at height \d+ spends") as caught:
            run_backfill(options, None, Silent())
    if lie is not _twice_the_same:  # one of the two is true, and none says which
        assert f"height {height} spends" in caught.value.what
    assert "another node" in caught.value.action
    assert not DataDirectory(tmp_path).published.exists()
    with FakeNode(_blocks()) as honest:
        report = run_update(job_options(ECONOMY, tmp_path, node(kind, honest)), Silent())
    assert 0 < report.blocks < 260  # the chunks alone that may hold a lie were read again
    assert false_in_all(Lake(DataDirectory(tmp_path).lake)) is None


def test_a_lie_that_a_stopped_run_read_is_found_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = copy.deepcopy(_blocks())
    height, tx, vin = _a_spend(blocks)
    _dearer(tx, vin)
    with FakeNode(blocks) as fake:
        options = job_options(ECONOMY, tmp_path, node("rest", fake))
        with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
            stopped.setattr(pipeline, "false_among", _stop)
            run_backfill(options, None, Silent())
        with pytest.raises(NodeAnswerError, match=f"height {height} "):
            run_update(options, Silent())


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("in_parts", [False, True])
def test_verify_holds_all_inputs_against_all_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_parts: bool
) -> None:
    """Also those that spend what is older than an update looks at, and in several readings."""
    monkeypatch.setattr(prevouts, "LOOK_BACK_OUTPUTS", 1)
    monkeypatch.setattr(prevouts, "MOST_OUTPUTS", 100 if in_parts else 1 << 28)
    blocks = copy.deepcopy(_blocks())
    height, tx, vin = _a_spend(blocks, least_age=OLD)
    _dearer(tx, vin)
    with FakeNode(blocks) as fake:
        options = job_options(ECONOMY, tmp_path, node("rpc", fake))
        for last in (":80", ":160", ":230", None):
            run_backfill(options, last, Silent())
        verdicts = {v.subject: v for v in verify(options, deep=True, progress=Silent())}
    assert verdicts["spent outputs"].is_sound is False
    assert f"height {height} spends" in verdicts["spent outputs"].what
