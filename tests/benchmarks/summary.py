"""What was wanted beside what was measured, and the projection, as Markdown."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.benchmarks.processes import Figures
from tests.benchmarks.projection import (
    ADDRESSES,
    ASSUMPTIONS,
    BLOCKS,
    CORES,
    FILE_BYTES,
    ROWS,
    TRANSACTIONS,
    project,
)
from tests.benchmarks.tables import growth, megabytes, ratio, table, tx_rate, whole

_GIGA = 1e9


class Goal(NamedTuple):
    """A figure that was set beforehand."""

    what: str
    wanted: str
    measure: Callable[[Figures], float]
    is_met: Callable[[float], bool]
    form: str


def _largest_growth(sections: Figures) -> float:
    """Growth of peak memory over that of the tracker's state."""
    memory, state, _ = growth(sections["pipeline"]["main"], sections["pipeline"]["large"])
    return memory / state


def _cost(sections: Figures) -> float:
    return growth(sections["pipeline"]["main"], sections["pipeline"]["large"])[2]


def _main(sections: Figures, name: str) -> Figures:
    figures: Figures = sections["extraction"]["main"][name]
    return figures


def _per_address(run: Figures) -> float:
    return float(run["state_bytes"] / run["addresses"])


GOALS = (
    Goal(
        "extraction, one process, tx/s", "at least 400,000",
        lambda s: tx_rate(_main(s, "one")), lambda x: x >= 400_000, "{:,.0f}",
    ),
    Goal(
        "extraction, two processes over one", "at least 1.7",
        lambda s: ratio(_main(s, "one"), _main(s, "two")), lambda x: x >= 1.7, "{:.2f}",
    ),
    Goal(
        "tracker, both passes and profiles, input and output rows/s, one core", "at least 5,000,000",
        lambda s: s["tracker"]["track"]["rows"] / s["tracker"]["track"]["tracker_seconds"],
        lambda x: x >= 5e6, "{:,.0f}",
    ),
    Goal(
        "tracker, bytes per address, made chain", "at most 40",
        lambda s: _per_address(s["tracker"]["track"]), lambda x: x <= 40, "{:.1f}",
    ),
    Goal(
        "tracker, bytes per address, 50 M and mainnet's labels", "at most 40",
        lambda s: _per_address(s["tracker"]["register"]), lambda x: x <= 40, "{:.1f}",
    ),
    Goal(
        "50 M addresses, peak GB", "at most 3",
        lambda s: s["tracker"]["register"]["peak_memory_bytes"] / _GIGA, lambda x: x <= 3, "{:.2f}",
    ),
    Goal(
        "block files to published views, two processes, tx/s", "at least 200,000",
        lambda s: tx_rate(s["pipeline"]["main"]), lambda x: x >= 200_000, "{:,.0f}",
    ),
    Goal(
        "the same, peak GB of the largest process", "under 2",
        lambda s: s["pipeline"]["main"]["highest_process_bytes"] / _GIGA, lambda x: x < 2, "{:.2f}",
    ),
    Goal(
        "the same, peak GB of all processes at once", "under 2",
        lambda s: s["pipeline"]["main"]["sampled_sum_bytes"] / _GIGA, lambda x: x < 2, "{:.2f}",
    ),
    Goal(
        "growth of that peak to the large chain, over the tracker's", "at most 1",
        _largest_growth, lambda x: x <= 1, "{:.2f}",
    ),
    Goal(
        "cost per transaction, large chain over main chain", "at most 1.2",
        _cost, lambda x: x <= 1.2, "{:.2f}",
    ),
)  # fmt: skip


def goal_lines(sections: Figures) -> list[str]:
    """Every goal with what was measured."""
    return table("what|>wanted|>measured|met", [_goal_row(goal, sections) for goal in GOALS])


def _goal_row(goal: Goal, sections: Figures) -> list[str]:
    try:
        value = goal.measure(sections)
    except (KeyError, ZeroDivisionError):
        return [goal.what, goal.wanted, "not measured", ""]
    return [goal.what, goal.wanted, goal.form.format(value), "yes" if goal.is_met(value) else "no"]


def reader_lines(sections: Figures) -> list[str]:
    """The whole way on the small chain beside a peer that merely reads it."""
    try:
        run = sections["pipeline"]["small"]
        peers = sections["extraction"]["peers"]
        readers = [peer for peer in peers if peer["peer"] == "blockchain-parser" and not peer["error"]]
        reader = max(readers, key=lambda peer: float(peer["transactions_per_second"]))
        own, memory = whole(tx_rate(run)), megabytes(run["highest_process_bytes"])
    except (KeyError, ValueError):
        return []
    rate, held = whole(reader["transactions_per_second"]), megabytes(reader["peak_memory_bytes"])
    return [
        f"Of the {whole(run['transactions'])} transactions minerflow publishes {own} a second within "
        f"{memory} MB; blockchain-parser merely reads {rate} a second within {held} MB.",
        "",
    ]


def projection_lines(sections: Figures) -> list[str]:
    """Time by station, memory and disk for the whole chain."""
    try:
        found = project(sections["extraction"], sections["pipeline"], sections["tracker"]["register"])
    except KeyError:
        return ["Not all of the figures that this rests on were measured.", ""]
    stations = ["open", "extract", "track", "load", "publish"]
    rows = [[name, *(f"{found.hours[cores][name]:.2f}" for cores in CORES)] for name in stations]
    rows.append(["together", *(f"{sum(found.hours[cores].values()):.2f}" for cores in CORES)])
    speeds = (f"{found.file_bytes_per_s[cores] / 1e6:,.0f}" for cores in CORES)
    rows.append(["MB/s that the disk must give to extract", *speeds])
    header = "station (hours)|" + "|".join(f">{cores} cores" for cores in CORES)
    return [
        f"For {TRANSACTIONS / _GIGA:.1f} G transactions in {whole(BLOCKS)} blocks, {FILE_BYTES / _GIGA:.0f} "
        f"GB of blk and rev files, {ROWS / _GIGA:.1f} G inputs and outputs and {ADDRESSES / _GIGA:.1f} G "
        f"addresses, by the run of {whole(found.rests_on)} transactions:",
        "",
        *table(header, rows),
        f"The tracker's state would be {found.tracker_bytes / _GIGA:.0f} GB and the lake "
        f"{found.lake_bytes / _GIGA:.0f} GB. This assumes:",
        "",
        *(f"- {assumption}" for assumption in ASSUMPTIONS),
        "",
    ]
