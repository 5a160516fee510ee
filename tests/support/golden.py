"""The golden chains and their expected results, read as plain Python values."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from etl.chain.networks import MAINNET, REGTEST, Network
from etl.options import JobOptions, SourceOptions
from tests.support.fakenode import FakeNode

ROOT = Path(__file__).parent.parent / "data" / "golden"
POOLS = Path(__file__).parent.parent.parent / "config" / "pools.json"


@dataclass(frozen=True)
class GoldenChain:
    """One folder of tests/data/golden."""

    name: str
    last_height: int
    network: Network = REGTEST

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return ROOT / self.name

    @property
    def blocks_dir(self) -> Path:
        """Core's block files."""
        return self.folder / "blocks"

    def expected(self, table: str) -> list[dict[str, str]]:
        """Rows of an expected result as text."""
        with (self.folder / "expected" / f"{table}.csv").open(newline="") as file:
            return list(csv.DictReader(file))


ECONOMY = GoldenChain("economy", 531)
MAINNET_EARLY = GoldenChain("mainnet_early", 4521, MAINNET)
MESA = GoldenChain("mesa", 400)
FJORD = GoldenChain("fjord", 372)
CHAINS = (ECONOMY, MAINNET_EARLY, MESA, FJORD)


def job_options(chain: GoldenChain, data_dir: Path, source: SourceOptions, *, workers: int = 1) -> JobOptions:
    """Options for a job on a golden chain with its own labels and prices, up to the tip."""
    prices = chain.folder / "prices.csv"
    return JobOptions(
        data_dir=data_dir,
        source=source,
        confirmations=0,
        workers=workers,
        memory_limit="2GB",
        pools=POOLS,
        exchanges=chain.folder / "exchanges.csv",
        prices=prices,
    )


def block_files(blocks_dir: Path) -> SourceOptions:
    """The source `blockfiles` on a directory."""
    return SourceOptions("blockfiles", blocks_dir, None, None, timeout_s=5)


def node(kind: str, fake: FakeNode) -> SourceOptions:
    """The source `rpc` or `rest` at a running node."""
    url = fake.url.replace("//", f"//{fake.user}:{fake.password}@")
    return SourceOptions(kind, None, url, None, timeout_s=20)
