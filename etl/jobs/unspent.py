"""What is unspent after the last indexed block: counted here, and by a node."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow.compute as pc

from etl.chain.networks import COIN_SAT, Network
from etl.chain.scripts import OP_RETURN
from etl.lake.chunk import Chunk
from etl.lake.lake import Lake
from etl.options import JobOptions
from etl.progress import Progress
from etl.sources.node.address import find_node
from etl.sources.node.control import NodeControl
from etl.sources.node.retry import Retry

_LONGEST_SPENDABLE_SCRIPT = 10_000
"""Core: MAX_SCRIPT_SIZE; a longer output can never be spent, as one that starts with OP_RETURN."""

_COUNTING_S = 3600.0
"""How long a node may take to count its unspent outputs."""


@dataclass(frozen=True)
class Unspent:
    """Outputs that Core's set of unspent outputs would hold."""

    outputs: int
    value_sat: int


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


def node_unspent(options: JobOptions, last: Chunk, progress: Progress) -> Unspent | None:
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
