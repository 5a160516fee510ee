"""What a job is to bring the results to."""

from __future__ import annotations

from dataclasses import dataclass

from etl.chain.heights import HeightRange
from etl.chain.networks import Network
from etl.tracking.inputs import Inputs
from etl.warehouse.loading import Prices


@dataclass(frozen=True)
class Target:
    """A range of a chain, judged by labels and profiles, with prices."""

    network: Network
    span: HeightRange
    last_hash: str
    """of the block that the span ends with, hex in display order"""
    inputs: Inputs
    prices: Prices
