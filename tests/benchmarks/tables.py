"""The figures as Markdown. A figure that is missing, or failed, is shown as such and never left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.benchmarks.processes import Figures

WANTED_RATIO = {
    ("bitcoin-explorer", "blocks with prevouts"): 10,
    ("blockchain-parser", ""): 15,
    ("graphsense-lib", ""): 50,
    ("bitcoin-etl", ""): 50,
}
"""How many times a peer's speed is wanted, by peer and task ("" for any)."""


def table(header: str, rows: Iterable[Iterable[str]]) -> list[str]:
    """Lines of a table; columns whose title starts with > are aligned to the right."""
    titles = header.split("|")
    rule = "|".join("--:" if title.startswith(">") else "---" for title in titles)
    heads = " | ".join(title.removeprefix(">") for title in titles)
    lines = [f"| {heads} |", f"|{rule}|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def told(figures: Figures, text: Callable[[Figures], str]) -> str:
    """The text of figures, or why there are none."""
    if "error" in figures:
        return f"fails: {last_line(figures['error'])}"
    return text(figures)


def last_line(error: str) -> str:
    """What an error says in the end, fit for a cell."""
    return error.strip().splitlines()[-1].replace("|", "/") if error.strip() else "unknown"


def tx_rate(figures: Figures) -> float:
    """Transactions per second."""
    return float(figures["transactions"] / figures["seconds"])


def whole(number: float) -> str:
    """With separators, no decimals."""
    return f"{number:,.0f}"


def megabytes(size: float) -> str:
    """Millions of bytes."""
    return whole(size / 1e6)


def ratio(one: Figures, other: Figures) -> float:
    """How many times as long `one` takes as `other`."""
    return float(one["seconds"] / other["seconds"])


def extraction_lines(figures: Figures) -> list[str]:
    """Speed of extraction, the limits of the machine, the peers."""
    header = "transactions|what|>tx/s|>MB/s|>peak MB of a process"
    rows = [row for size in ("main", "small") for row in _extraction_rows(figures[size])]
    return [*table(header, rows), *_extraction_notes(figures), *peer_lines(figures)]


def _extraction_notes(figures: Figures) -> list[str]:
    loading = told(figures["small"]["one"], lambda run: f"{run['load_seconds']:.1f} s")
    return [
        f"Medians of three runs, with opening the files. Loading compiled code once per process ({loading}) "
        "is left out, as are the peers' imports.",
        "",
    ]


def _extraction_rows(figures: Figures) -> list[list[str]]:
    size, count = figures["cat"]["bytes"], whole(figures["transactions"])
    rows = []
    for name, what in (("one", "extraction, one process"), ("two", "extraction, two processes")):
        if name not in figures:
            continue
        run = figures[name]
        if "error" in run:
            rows.append([count, what, told(run, str), "", ""])
            continue
        speed = whole(run["raw_bytes"] / run["seconds"] / 1e6)
        if name == "two" and "error" not in figures["one"]:
            what += f" ({ratio(figures['one'], run):.2f} times one)"
        rows.append([count, what, whole(tx_rate(run)), speed, megabytes(run["highest_process_bytes"])])
    for name, what in (("cat", "`cat blk* rev* > /dev/null`"), ("xor", "NumPy undoing the XOR")):
        speed = told(figures[name], lambda run: whole(size / run["seconds"] / 1e6))
        rows.append([count, what, "", speed, ""])
    return rows


def peer_lines(figures: Figures) -> list[str]:
    """Each peer beside extraction in one process on the same chain."""
    own = figures["small"]["one"]
    rows = [_peer_row(record, own) for record in figures["peers"]]
    header = "peer|what it does|>transactions|>tx/s|>peak MB|>one process of minerflow is faster by|>wanted"
    return table(header, rows)


def _peer_row(record: Figures, own: Figures) -> list[str]:
    name = record["requirement"].replace("==", " ")
    wanted = WANTED_RATIO.get((record["peer"], record["task"])) or WANTED_RATIO.get((record["peer"], ""))
    asked = f"{wanted}" if wanted else ""
    if record["error"]:
        return [name, record["task"], "", f"fails: {last_line(record['error'])}", "", "", asked]
    rate = record["transactions_per_second"]
    times = "" if "error" in own else f"{tx_rate(own) / rate:.1f}"
    numbers = [whole(record["transactions"]), whole(rate), megabytes(record["peak_memory_bytes"])]
    return [name, record["task"], *numbers, times, asked]


def profile_lines(figures: Figures) -> list[str]:
    """Seconds by part, and which is the largest."""
    parts: dict[str, float] = figures["parts"]
    left = figures["seconds"] - sum(parts.values())
    listed = [*parts.items(), ("start and end: left over", left)]
    rows = [[*key.split(": ", 1), f"{spent:.2f}", _share(spent, figures)] for key, spent in listed]
    stations = [
        f"{name} {_share(sum(v for k, v in parts.items() if k.startswith(name + ':')), figures)}"
        for name in ("extract", "track", "load", "publish")
    ]
    largest = max(parts, key=lambda key: parts[key])
    return [
        f"One process, {whole(figures['transactions'])} transactions, {figures['seconds']:.1f} s: "
        f"{', '.join(stations)}.",
        "",
        *table("station|part|>seconds|>share", rows),
        f"**The next bottleneck: {largest}**, {_share(parts[largest], figures)} of the time.",
        "",
    ]


def _share(spent: float, figures: Figures) -> str:
    return f"{100 * spent / figures['seconds']:.1f} %"


def tracker_lines(figures: Figures) -> list[str]:
    """Rows per second, and bytes per address."""
    track, register = figures["track"], figures["register"]
    return [
        *table("tracking on one core, all profiles|>input and output rows/s", _track_rows(track)),
        *table(
            "memory|>addresses|>bytes of state per address|>growth of resident MB|>peak MB",
            [_memory_row("tracking that lake", track), _memory_row("registering synthetic ones", register)],
        ),
    ]


def _track_rows(track: Figures) -> list[list[str]]:
    passes = (
        ("the tracker, both passes", "tracker_seconds"),
        ("with reading the lake, writing results and the store", "seconds"),
        ("of that the ownership pass", "ownership_seconds"),
        ("of that the track pass", "track_seconds"),
    )
    return [[what, told(track, lambda run, key=key: whole(run["rows"] / run[key]))] for what, key in passes]  # type: ignore[misc]


def _memory_row(what: str, run: Figures) -> list[str]:
    if "error" in run:
        return [what, told(run, str), "", "", ""]
    return [
        what,
        whole(run["addresses"]),
        f"{run['state_bytes'] / run['addresses']:.1f}",
        megabytes(run["growth_bytes"]),
        megabytes(run["peak_memory_bytes"]),
    ]


def pipeline_lines(figures: Figures) -> list[str]:
    """The whole way at each size."""
    header = (
        "transactions|>seconds|>tx/s|>open, extract, track, load, publish (s)"
        "|>peak MB of a process|>of all at once|>of that private|>lake MB"
    )
    rows = [_pipeline_row(size, figures[size]) for size in ("small", "main", "large")]
    notes = [
        "By `minerflow backfill`, loading of compiled code included; medians of three runs but for the "
        "largest chain. Memory that maps files counts in each process; private memory does not map any.",
        "",
    ]
    return [*table(header, rows), *notes, *_growth_lines(figures["main"], figures["large"])]


def _pipeline_row(size: str, run: Figures) -> list[str]:
    if "error" in run:
        return [size, "", told(run, str), "", "", "", "", ""]
    stations: dict[str, float] = run["stations"]
    names = ("source", "extract", "track", "load", "publish")
    sizes = ("highest_process_bytes", "sampled_sum_bytes", "sampled_private_sum_bytes", "lake_bytes")
    return [
        whole(run["transactions"]),
        f"{run['seconds']:.1f}",
        whole(tx_rate(run)),
        " + ".join(f"{stations[name]:.1f}" for name in names),
        *(megabytes(run[key]) for key in sizes),
    ]


def growth(main: Figures, large: Figures) -> tuple[float, float, float]:
    """(growth of peak memory, of the tracker's state, both in bytes; ratio of costs per transaction)"""
    memory = large["highest_process_bytes"] - main["highest_process_bytes"]
    state = large["state_bytes"] - main["state_bytes"]
    return memory, state, tx_rate(main) / tx_rate(large)


def _growth_lines(main: Figures, large: Figures) -> list[str]:
    if "error" in main or "error" in large:
        return []
    memory, state, cost = growth(main, large)
    return [
        f"From {whole(main['transactions'])} to {whole(large['transactions'])} transactions the peak "
        f"grows by {megabytes(memory)} MB; the tracker's state grows by {megabytes(state)} MB, for "
        f"{whole(large['addresses'] - main['addresses'])} more addresses. A transaction costs "
        f"{cost:.2f} times as much.",
        "",
    ]


def node_lines(figures: Figures) -> list[str]:
    """REST and RPC beside python-bitcoinrpc."""
    rows: list[list[str]] = []
    for kind in ("rest", "rpc"):
        extracted: Figures = figures[kind]["extract"]
        count: Any = extracted.get("transactions", 0)
        for key, what in (("read", "read as bytes"), ("extract", "to Parquet, one process")):
            run = figures[kind][key]
            rows.append([f"minerflow, {kind.upper()}", what, _node_rate(run, count)])
    own = figures["bitcoinrpc"]
    rows.append(["python-bitcoinrpc", "getblock 3 to objects", told(own, lambda run: whole(tx_rate(run)))])
    note = "One process reads, the server has the other core; REST sends each block's spent outputs twice."
    return [*table("source|what|>tx/s", rows), note, ""]


def _node_rate(run: Figures, count: int) -> str:
    return told(run, lambda figures: whole(count / figures["seconds"]))
