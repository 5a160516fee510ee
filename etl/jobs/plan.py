"""Which blocks a job is to index."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from etl.chain.heights import HeightRange, parse_range
from etl.disk.datadir import DataDirectory
from etl.errors import UsageError
from etl.lake.fill import missing_ranges
from etl.lake.lake import Lake
from etl.options import JobOptions
from etl.progress import Progress
from etl.sources.opening import open_source
from etl.sources.source import Source
from etl.warehouse import database as warehouse

CONFIRMATIONS = 6
"""Blocks to stay below a node's tip unless told otherwise; block files are read to the tip."""


@dataclass(frozen=True)
class Plan:
    """What a backfill would do."""

    source: str
    data_dir: Path
    wanted: HeightRange
    missing: list[tuple[int, int]] = field(repr=False)

    @property
    def blocks(self) -> int:
        """Blocks to be read."""
        return sum(last - first + 1 for first, last in self.missing)

    def lines(self) -> list[str]:
        """The plan for people."""
        return [
            f"source          {self.source}",
            f"data directory  {self.data_dir}",
            f"range           {self.wanted.first_height} to {self.wanted.last_height}",
            f"to be read      {self.blocks} blocks in {len(self.missing)} chunks",
            "then            track, load, check, publish",
        ]


def plan_backfill(options: JobOptions, wanted: str | None, progress: Progress) -> Plan:
    """What a backfill of a range would do, without doing it."""
    lake = Lake(DataDirectory(options.data_dir).lake)
    source = open_source(options.source, progress)
    span = wanted_range(options, wanted, source, lake)
    return Plan(source.describe(), options.data_dir, span, missing_ranges(lake, span))


def wanted_range(options: JobOptions, wanted: str | None, source: Source, lake: Lake) -> HeightRange:
    """The range that is to be indexed in the end, with what is indexed already. Raises UsageError."""
    tip_height = _reachable_tip(options, source)
    held = lake.span()
    next_height = held.last_height + 1 if held else 0
    span = parse_range(wanted, next_height=next_height, tip_height=tip_height)
    if held is None and wanted is not None:
        return span
    if span.first_height > next_height:
        raise UsageError(
            f"blocks {next_height} to {span.first_height - 1} would be missing between what is "
            f"indexed and the range",
            f"start the range at {next_height} or below, or use another --data-dir",
        )
    starts = [warehouse.indexed_from(DataDirectory(options.data_dir))]
    starts += [held.first_height] if held else []
    starts += [span.first_height] if wanted is not None else []
    first = min((start for start in starts if start is not None and start <= tip_height), default=0)
    held_last = held.last_height if held else 0
    return HeightRange(first, max(span.last_height, min(held_last, source.tip_height)))


def _reachable_tip(options: JobOptions, source: Source) -> int:
    """The highest block that is as deep as wanted."""
    confirmations = options.confirmations
    if confirmations is None:
        confirmations = 0 if source.name == "blockfiles" else CONFIRMATIONS
    tip_height = source.tip_height - confirmations
    if tip_height < 0:
        raise UsageError(
            f"the chain is {source.tip_height + 1} blocks long, all less than {confirmations} deep",
            "wait for more blocks, or give --confirmations 0",
        )
    return tip_height
