"""Whether block files and a node agree on the chain.

Block files keep a branch that their node has left by `invalidateblock` (which rewrites nothing), and a source
on them alone takes it for the chain of most work.
Sources: getblockheader, getblockhash and getchaintips of Bitcoin Core's rpc/blockchain.cpp (release 31).
"""

from __future__ import annotations

from dataclasses import dataclass

from etl.errors import ChainMoved, WrongChain
from etl.sources.node.answers import MOST_HEIGHT, Fields, is_block_hash
from etl.sources.node.control import NodeControl
from etl.sources.node.failures import bad_answer
from etl.sources.source import Source

_MOST_TIPS = 10_000


@dataclass(frozen=True)
class LeftBranch:
    """Blocks of a source that are not in the chain of its node."""

    fork_height: int
    """the last block that both have"""
    tip_height: int
    """of the source"""

    def __str__(self) -> str:
        return (
            f"the node has left the blocks {self.fork_height + 1} to {self.tip_height} of the block files "
            "(as after invalidateblock)"
        )


def left_branch(source: Source, control: NodeControl) -> LeftBranch | None:
    """The blocks of `source` that the node has left; None where its tip is in the node's chain or just ahead.

    Raises WrongChain for a node of another chain, and the node errors of etl.errors.
    """
    tip = source.tip_height
    if _theirs(control, tip) == _ours(source, tip):
        return None
    fork = _fork_height(source, control)
    if _theirs(control, fork + 1) is None and not _is_invalid(control, fork):
        return None
    return LeftBranch(fork, tip)


def _fork_height(source: Source, control: NodeControl) -> int:
    """The highest block that both have, by bisection: what follows a fork is never shared."""
    if _theirs(control, 0) != _ours(source, 0):
        raise WrongChain(
            f"the node at {control.address} is on another chain than {source.describe()}",
            "name the node that these block files are of (--rpc-url or --bitcoin-datadir)",
        )
    shared, apart = 0, source.tip_height
    while apart - shared > 1:
        middle = (shared + apart) // 2
        if _theirs(control, middle) == _ours(source, middle):
            shared = middle
        else:
            apart = middle
    return shared


def _ours(source: Source, height: int) -> str:
    return source.hashes(height, height)[0, ::-1].tobytes().hex()


def _theirs(control: NodeControl, height: int) -> str | None:
    """The node's block at a height, None where its chain is shorter."""
    try:
        found = control.call("getblockhash", height)
    except ChainMoved:
        return None
    if not is_block_hash(found):
        raise bad_answer("getblockhash gives no hash of a block", control.address)
    return found


def _is_invalid(control: NodeControl, fork_height: int) -> bool:
    """Whether the node holds a branch above its tip at `fork_height` for invalid.

    Otherwise it has yet to connect blocks that it has stored: they reach its files a moment before.
    """
    answer = {"tips": control.call("getchaintips")}
    tips = Fields(answer, "getchaintips", control.address).parts("tips", _MOST_TIPS)
    return any(
        tip.text("status") == "invalid"
        and tip.height("height") - tip.count("branchlen", MOST_HEIGHT) == fork_height
        for tip in tips
    )
