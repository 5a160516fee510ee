"""How what is published stands to a node's chain.

Invariant: one try, without waiting; what cannot be told is None, and `what` says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from etl.errors import ChainMoved, MinerflowError
from etl.options import SourceOptions
from etl.results.status import Status
from etl.sources.node.address import find_node
from etl.sources.node.answers import Fields
from etl.sources.node.control import NodeControl
from etl.sources.node.probe import ChainFacts, chain_facts
from etl.sources.node.retry import Retry


@dataclass(frozen=True)
class Standing:
    """A node seen from the published results."""

    node: str
    """its address"""
    height: int | None
    """of its tip"""
    has_our_tip: bool | None
    """whether the last published block is in its chain"""
    what: str
    """the same in words"""


def standing(options: SourceOptions, status: Status) -> Standing | None:
    """What the node says, None where no node is named and none keeps its data where it would by default."""
    try:
        address = find_node(options.rpc_url, options.bitcoin_datadir)
    except MinerflowError as error:
        is_named = options.rpc_url is not None or options.bitcoin_datadir is not None
        return Standing("", None, None, error.what) if is_named else None
    try:
        with NodeControl(address, Retry(0)) as control:
            info = control.call("getblockchaininfo")
            facts = chain_facts(Fields(info, "getblockchaininfo", address))
            theirs = _hash_at(control, status.last_height)
    except MinerflowError as error:
        return Standing(str(address), None, None, error.what)
    return _compared(str(address), facts, status, theirs)


def _hash_at(control: NodeControl, height: int) -> str | None:
    try:
        return str(control.call("getblockhash", height))
    except ChainMoved:
        return None


def _compared(node: str, facts: ChainFacts, status: Status, theirs: str | None) -> Standing:
    height = facts.active.height
    if facts.network.name != status.network:
        return Standing(node, height, False, f"is on {facts.network.name}, another network")
    if theirs is None:
        what = f"height {height:,}, {status.last_height - height:,} blocks below what is indexed"
        return Standing(node, height, None, what)
    if theirs != status.tip_hash:
        what = f"height {height:,}; our last block has left its chain: minerflow update follows it"
        return Standing(node, height, False, what)
    behind = height - status.last_height
    return Standing(node, height, True, f"height {height:,}, {behind:,} blocks ahead of what is indexed")
