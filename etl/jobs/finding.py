"""What a look at something found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from etl.errors import MinerflowError, NodeBusy, NodeWarmingUp

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """Something looked at, and the next action where it is not as it should be."""

    subject: str
    state: State
    what: str
    action: str = ""


def failure(subject: str, error: MinerflowError) -> Finding:
    waits = isinstance(error, NodeWarmingUp | NodeBusy)
    return Finding(subject, "note" if waits else "problem", error.what, error.action)
