"""What a job is to bring the results to."""

from __future__ import annotations

from dataclasses import dataclass

from etl.chain.heights import HeightRange
from etl.chain.networks import Network
from etl.disk.input_files import PRICES, Digests, InputFiles
from etl.prices.price_file import load_prices
from etl.tracking.inputs import Inputs, load_inputs
from etl.warehouse.loading import Prices


@dataclass(frozen=True)
class Terms:
    """What the files in force say, read once: they may change while a job runs."""

    inputs: Inputs
    prices: Prices
    digests: Digests
    """of the label and price files"""


@dataclass(frozen=True)
class Target:
    """A range of a chain, judged by labels and profiles, with prices."""

    network: Network
    span: HeightRange
    last_hash: str
    """of the block that the span ends with, hex in display order"""
    terms: Terms


def read_terms(files: InputFiles, network: Network) -> Terms:
    """Read and check the files in force. Raises their errors and InputFileLost."""
    return Terms(load_inputs(files, network), load_prices(files.path(PRICES)), files.digests())
