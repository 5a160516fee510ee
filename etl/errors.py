"""Every error minerflow raises on purpose, and what a caller may do about each.

    MinerflowError
    ├── TransientError            may pass by itself: retry within the time limit
    │   ├── NodeUnreachable       refused, reset, timed out, cut off in mid-answer
    │   ├── NodeWarmingUp         RPC -28: the node is starting
    │   ├── NodeBusy              HTTP 503: the node's work queue is full
    │   ├── PriceSourceUnavailable  a price provider is out of reach, busy, or limits requests
    │   └── ChainMoved            blocks left the active chain: plan anew, then read again
    └── TerminalError             needs a person: stop at once
        ├── UsageError            a request that makes no sense (range, option)
        ├── ConfigError           a settings file or variable that cannot be used
        ├── LabelFileError        a pools or exchanges file with a bad line
        ├── PriceFileError        a prices file with a bad line, or prices that contradict
        ├── PriceSourceError      an answer that no price provider should give
        ├── BlocksDirectoryError  not a blocks directory, or one with missing files
        ├── BlockDataError        block or undo bytes that are damaged or cut off
        ├── NodeRefused           the node rejects the credentials
        ├── NodeIncapable         pruned, too old, or lacks an interface
        ├── NodeAnswerError       an answer that no node should give
        ├── WrongChain            the source is on another chain than the data directory
        ├── LakeDamaged           a chunk file does not match its manifest
        ├── StoreDamaged          a file of the store of addresses is not what was written
        ├── ResultsDamaged        the published database cannot be read
        ├── SchemaTooNew          the data directory was written by a newer minerflow or DuckDB
        ├── InputFileLost         a label or price file that the results rest on is gone or has changed
        ├── DatabaseToRebuild     the work database is to be built anew from the lake
        │   └── DatabaseDamaged   it is not what was written, as DuckDB says
        ├── DatabaseRefused       DuckDB cannot work with a database that is not shown to be damaged
        ├── CheckFailed           an invariant of the finished tables does not hold
        ├── DataDirectoryLocked   another run works on the data directory
        ├── WorkerEnded           a process that read blocks was ended from outside
        ├── OutOfMemory           what a job needs does not fit into the memory it may use
        ├── DiskRefused           the system refuses to read or write: a failing disk, a right, a limit
        └── DiskFull              no space is left for the lake, the state or the tables

Each carries the facts (`what`, found where) and `action`, the reader's next step;
`str()` gives both. A retry loop needs only the two branches, never the text.
"""

from __future__ import annotations

from pathlib import Path


class MinerflowError(Exception):
    """Base of all: `what` happened and the `action` to take."""

    exit_code = 1

    def __init__(self, what: str, action: str) -> None:
        super().__init__(what)
        self.what = what
        self.action = action

    def __str__(self) -> str:
        return f"{self.what}\n  next: {self.action}"

    def __reduce__(self) -> tuple[type[MinerflowError], tuple[str, str]]:
        return type(self), (self.what, self.action)


class TransientError(MinerflowError):
    """May pass by itself: worth retrying."""

    exit_code = 3


class NodeUnreachable(TransientError):
    """Refused, reset, timed out, or cut off in mid-answer."""


class NodeWarmingUp(TransientError):
    """RPC error -28: the node is starting."""


class NodeBusy(TransientError):
    """HTTP 503: the node's work queue is full."""


class PriceSourceUnavailable(TransientError):
    """A price provider is out of reach, busy, or limits requests."""


class ChainMoved(TransientError):
    """Blocks left the active chain while they were read: plan anew, then read again."""


class TerminalError(MinerflowError):
    """Needs a person: retrying cannot help."""


class UsageError(TerminalError):
    """A request that makes no sense."""

    exit_code = 2


class ConfigError(TerminalError):
    """A settings file or variable that cannot be used."""

    exit_code = 2


class LabelFileError(TerminalError):
    """A pools or exchanges file with a bad line."""


class PriceFileError(TerminalError):
    """A prices file with a bad line, or prices that contradict each other."""


class PriceSourceError(TerminalError):
    """An answer that no price provider should give."""


class BlocksDirectoryError(TerminalError):
    """Not a blocks directory, or one with missing files."""


class BlockDataError(TerminalError):
    """Block or undo bytes that are damaged or cut off."""

    REPAIR = (
        "check the disk, or the network that the bytes came over; copy block files again if they are copies; "
        "what a node's own files have lost it downloads anew with -reindex"
    )
    """The `action` wherever bytes have changed."""


class NodeRefused(TerminalError):
    """The node rejects the credentials."""


class NodeIncapable(TerminalError):
    """The node is pruned, too old, or lacks an interface."""


class NodeAnswerError(TerminalError):
    """An answer that no node should give."""


class WrongChain(TerminalError):
    """The source is on another chain than the data directory."""


class LakeDamaged(TerminalError):
    """A chunk file does not match its manifest."""

    folder: Path | None = None
    """of the chunk"""


class StoreDamaged(TerminalError):
    """A file of the store of addresses is not what was written: what it holds is tracked anew."""

    path: Path
    """of the file"""


class ResultsDamaged(TerminalError):
    """The published database cannot be read."""


class SchemaTooNew(TerminalError):
    """The data directory was written by a newer minerflow or DuckDB."""


class InputFileLost(TerminalError):
    """A label or price file that the results rest on is gone or has changed."""


class DatabaseToRebuild(TerminalError):
    """The work database is to be built anew from the lake."""


class DatabaseDamaged(DatabaseToRebuild):
    """A database is not what was written, as DuckDB says."""


class DatabaseRefused(TerminalError):
    """DuckDB cannot work with a database that is not shown to be damaged."""


class CheckFailed(TerminalError):
    """An invariant of the finished tables does not hold."""


class DataDirectoryLocked(TerminalError):
    """Another run works on the data directory."""

    exit_code = 4


class WorkerEnded(TerminalError):
    """A process that read blocks was ended from outside."""


class OutOfMemory(TerminalError):
    """What a job needs does not fit into the memory that it may use."""


class DiskRefused(TerminalError):
    """The system refuses to read or write: a failing disk, a missing right, a limit."""


class DiskFull(TerminalError):
    """No space is left for the lake, the state or the tables."""
