"""Asking the node that block files are of whether it has left their chain."""

from __future__ import annotations

from etl.errors import MinerflowError
from etl.options import SourceOptions
from etl.sources.branch import LeftBranch, left_branch
from etl.sources.node.address import find_node
from etl.sources.node.control import NodeControl
from etl.sources.node.retry import Retry
from etl.sources.source import Source


def left_by_node(source: Source, options: SourceOptions) -> LeftBranch | None:
    """The blocks of block files that their node has left; None also where no node is known or answers."""
    is_known = options.rpc_url or options.bitcoin_datadir or options.blocks_dir is None
    if source.name != "blockfiles" or not is_known:
        return None
    try:
        address = find_node(options.rpc_url, options.bitcoin_datadir)
        with NodeControl(address, Retry(0)) as control:
            return left_branch(source, control)
    except MinerflowError:
        return None  # what is optional is asked for once, and another chain's node is none of these files'
