"""What lies where in a data directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DataDirectory:
    """Paths below one data directory; nothing here touches the disk but `create`."""

    path: Path

    @property
    def lake(self) -> Path:
        """The Parquet lake."""
        return self.path / "lake"

    @property
    def state(self) -> Path:
        """The store of addresses, and the label and price files in force."""
        return self.path / "state"

    @property
    def work(self) -> Path:
        """The database that jobs write."""
        return self.path / "work.duckdb"

    @property
    def published(self) -> Path:
        """The database that readers open."""
        return self.path / "minerflow.duckdb"

    @property
    def logs(self) -> Path:
        """A report per run."""
        return self.path / "logs"

    @property
    def alerts(self) -> Path:
        """What the server is to tell of, and to whom."""
        return self.path / "alerts.toml"

    @property
    def alert_state(self) -> Path:
        """Which alerts have looked how far, and what nobody has received yet; the server writes it."""
        return self.path / "alerts" / "state.json"

    @property
    def temporary(self) -> Path:
        """Where DuckDB and the tracker spill; emptied by every job."""
        return self.state / "tmp"

    @property
    def store(self) -> Path:
        """What the tracker knows of addresses and clusters."""
        return self.state / "store"

    @property
    def earlier_store(self) -> Path:
        """The same as versions before 0.2 left it."""
        return self.state / "checkpoints"

    @property
    def block_index(self) -> Path:
        """Where blocks lie in the node's files, remembered between runs."""
        return self.state / "blockindex.npz"

    @property
    def inputs(self) -> Path:
        """Label and price files that replace the shipped ones here."""
        return self.state / "inputs"

    def create(self) -> None:
        """Make the folders."""
        for folder in (self.lake, self.state, self.logs, self.inputs):
            folder.mkdir(parents=True, exist_ok=True)
