"""Checking what is published, and with `deep` also the lake and the source behind it.

Invariant: nothing is written, and every finding says what was compared; what could not be compared is said to
be skipped, never taken for sound.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.chain.networks import COIN_SAT, Network
from etl.chain.scripts import OP_RETURN
from etl.disk.datadir import DataDirectory
from etl.errors import LakeDamaged, MinerflowError
from etl.lake.chunk import Chunk
from etl.lake.columns import TABLES
from etl.lake.extract import ChunkTask, chunk_tables
from etl.lake.lake import Lake, cut_batch
from etl.options import JobOptions
from etl.progress import Progress
from etl.results.published import open_published
from etl.sources.node.address import find_node
from etl.sources.node.control import NodeControl
from etl.sources.node.retry import Retry
from etl.sources.opening import open_source
from etl.sources.source import Source
from etl.warehouse.models import run_checks

SAMPLE_BLOCKS = 50
"""Blocks that a deep verification reads again from the source."""

_LONGEST_SPENDABLE_SCRIPT = 10_000
"""Core: MAX_SCRIPT_SIZE; a longer output can never be spent, as one that starts with OP_RETURN."""

_COUNTING_S = 3600.0
"""How long a node may take to count its unspent outputs."""


@dataclass(frozen=True)
class Verdict:
    """One thing that was checked: sound, not sound, or (None) not to be checked here."""

    subject: str
    is_sound: bool | None
    what: str


@dataclass(frozen=True)
class Unspent:
    """Outputs that Core's set of unspent outputs would hold."""

    outputs: int
    value_sat: int


def verify(options: JobOptions, *, deep: bool, progress: Progress) -> Iterator[Verdict]:
    """Check the published database, then, if `deep`, lake and source."""
    data_dir = DataDirectory(options.data_dir)
    with open_published(data_dir) as con:
        failures = run_checks(con)
        for failure in failures:
            yield Verdict(f"check {failure.name}", False, f"{failure.meaning} ({failure.example})")
        if not failures:
            yield Verdict("checks", True, "every check of the published tables holds")
        network = str(con.execute("SELECT network FROM chain").fetchall()[0][0])
    if deep:
        lake = Lake(data_dir.lake)
        lake_verdict = _verify_lake(lake, progress)
        yield lake_verdict
        if lake_verdict.is_sound:
            yield from _verify_source(options, lake, network, progress)


def _verify_lake(lake: Lake, progress: Progress) -> Verdict:
    """Read every column of every chunk: each read checks the sums of its pages."""
    chunks = lake.chunks()
    progress.station("verify", chunks[-1].last_height - chunks[0].first_height + 1)
    try:
        for chunk in chunks:
            for table, schema in TABLES.items():
                lake.read(chunk, table, schema.names)
            progress.advance(chunk.last_height - chunk.first_height + 1)
    except LakeDamaged as error:
        return Verdict("lake", False, error.what)
    return Verdict("lake", True, f"the checksums of {len(chunks)} chunks hold")


def _verify_source(options: JobOptions, lake: Lake, network: str, progress: Progress) -> Iterator[Verdict]:
    try:
        source = open_source(options.source, progress)
        yield _recount(lake, source)
        yield _compare_unspent(options, lake, source.network, progress)
    except MinerflowError as error:
        yield Verdict(f"source ({network})", None, f"skipped: {error.what}")


def _recount(lake: Lake, source: Source) -> Verdict:
    """Read a random sample of blocks from the source and compare every column with the lake."""
    chunks = [c for c in lake.chunks() if c.last_height <= source.tip_height]
    span = range(chunks[0].first_height, chunks[-1].last_height + 1)
    heights = sorted(random.sample(span, min(SAMPLE_BLOCKS, len(span))))
    for height in heights:
        chunk = next(c for c in chunks if c.first_height <= height <= c.last_height)
        if _from_source(source, chunk, height, lake) != _from_lake(lake, chunk, height):
            return Verdict("sample", False, f"the block at height {height} differs from the source's")
    return Verdict("sample", True, f"{len(heights)} random blocks are as the source has them")


def _from_lake(lake: Lake, chunk: Chunk, height: int) -> dict[str, pa.Table]:
    tables = {table: lake.read(chunk, table, schema.names) for table, schema in TABLES.items()}
    cut = cut_batch(tables, height, height)
    return {name: table.combine_chunks() for name, table in cut.items()}


def _from_source(source: Source, chunk: Chunk, height: int, lake: Lake) -> dict[str, pa.Table]:
    lead_in = min(10, height)
    times = np.sort(source.times(height - lead_in, height))
    task = ChunkTask(
        reader=source.chunk(height, height),
        lake_dir=lake.directory,
        first_height=height,
        last_height=height,
        network=source.network.name,
        block_hash=source.hashes(height, height),
        mediantime=times[[len(times) // 2]],
        with_input_scripts=chunk.has_input_scripts,
    )
    return next(chunk_tables(task))


def unspent_outputs(lake: Lake, network: Network) -> Unspent:
    """What is unspent after the last block of a lake that starts at genesis.

    As Core counts (kernel/coinstats.cpp): without genesis, outputs that can never be spent, and coinbases
    that later ones overwrote.
    """
    outputs, value_sat = 0, 0
    for chunk in lake.chunks():
        created = lake.read(chunk, "outputs", ["value_sat", "kind", "script"])
        spendable = pc.and_(
            pc.not_equal(created.column("kind"), OP_RETURN),
            pc.less_equal(pc.binary_length(created.column("script")), _LONGEST_SPENDABLE_SCRIPT),
        )
        kept = created.filter(spendable).column("value_sat")
        spent = lake.read(chunk, "inputs", ["value_sat"]).column("value_sat")
        outputs += len(kept) - len(spent)
        value_sat += (pc.sum(kept).as_py() or 0) - (pc.sum(spent).as_py() or 0)
    last_height = lake.chunks()[-1].last_height
    lost = 1 + sum(height <= last_height for height in network.overwritten_coinbase_heights)
    return Unspent(outputs - lost, value_sat - lost * 50 * COIN_SAT)


def _compare_unspent(options: JobOptions, lake: Lake, network: Network, progress: Progress) -> Verdict:
    chunks = lake.chunks()
    if chunks[0].first_height != 0:
        return Verdict("unspent", None, "skipped: the indexed range does not start at genesis")
    progress.message("the node counts its unspent outputs, which may take minutes")
    theirs = _node_unspent(options, chunks[-1], progress)
    if theirs is None:
        return Verdict(
            "unspent", None,
            f"skipped: the node counts at its tip only, not at height {chunks[-1].last_height} "
            "(start it with coinstatsindex=1, or update with --confirmations 0 first)",
        )  # fmt: skip
    ours = unspent_outputs(lake, network)
    return Verdict(
        "unspent",
        ours == theirs,
        f"{ours.outputs} outputs of {ours.value_sat} sat here, {theirs.outputs} of "
        f"{theirs.value_sat} sat at the node, after block {chunks[-1].last_height}",
    )


def _node_unspent(options: JobOptions, last: Chunk, progress: Progress) -> Unspent | None:
    """gettxoutsetinfo after the block `last` ends with; None where the node can only count at its tip."""
    source = options.source
    address = find_node(source.rpc_url, source.bitcoin_datadir)
    with NodeControl(address, Retry(source.timeout_s, progress.message)) as control:
        if control.call("getbestblockhash") == last.last_hash:
            return _unspent(control.call("gettxoutsetinfo", "none", request_timeout_s=_COUNTING_S))
        if "coinstatsindex" not in control.call("getindexinfo"):
            return None
        return _unspent(
            control.call("gettxoutsetinfo", "none", last.last_height, request_timeout_s=_COUNTING_S)
        )


def _unspent(answer: Any) -> Unspent:
    return Unspent(int(answer["txouts"]), int(Decimal(answer["total_amount"]) * COIN_SAT))
