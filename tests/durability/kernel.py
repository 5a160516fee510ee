"""Bitcoin Core's block files, written by Core's own code."""

from __future__ import annotations

from pathlib import Path

import pbk

from tests.durability.blocktree import Node, serialised


class Kernel:
    """Bitcoin Core's own block files, written by py-bitcoinkernel."""

    def __init__(self, datadir: Path) -> None:
        self.blocks_dir = datadir / "blocks"
        self._manager = pbk.load_chainman(datadir)
        self._known: set[str] = set()

    def connect(self, tip: Node) -> None:
        """Give Core the blocks up to `tip`, which becomes its own."""
        for each in tip.chain()[1:]:
            if each.document["hash"] not in self._known:
                self._manager.process_block(pbk.Block(serialised(each)))
                self._known.add(each.document["hash"])
        assert str(self._manager.get_active_chain().block_tree_entries[-1].block_hash) == tip.document["hash"]
