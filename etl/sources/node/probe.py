"""What a node is and offers, asked once before anything is planned.

Sources: Bitcoin Core's rpc/blockchain.cpp (getblockchaininfo, whose `backgroundvalidation` is of release 31;
getchainstates, of release 26) and rpc/net.cpp (getnetworkinfo).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from etl.chain.networks import Network, network_by_rpc_chain
from etl.errors import NodeIncapable
from etl.foreign_text import escaped
from etl.sources.node.address import NodeAddress
from etl.sources.node.answers import Fields
from etl.sources.node.connection import MOST_BLOCK_BYTES, NodeConnection, request_timeout
from etl.sources.node.control import NodeControl
from etl.sources.node.failures import unavailable
from etl.sources.node.retry import Retry

FIRST_VERSION_WITH_PREVOUTS = 230_000
"""getblock's verbosity 3 (Bitcoin Core 23)"""
FIRST_VERSION_WITH_SPENTTXOUTS = 300_000
"""/rest/spenttxouts (Bitcoin Core 30)"""
_FIRST_VERSION_WITH_CHAINSTATES = 260_000
_MOST_CHAINSTATES = 10


@dataclass(frozen=True)
class Tip:
    """The last block up to which a node has all blocks and what they spend."""

    height: int
    block_hash: str


@dataclass(frozen=True)
class ChainFacts:
    """getblockchaininfo, which REST gives as /rest/chaininfo."""

    network: Network
    active: Tip
    """of the node's active chain"""
    complete: Tip
    """the same, unless the node was started from a snapshot (assumeutxo) whose past it still validates"""
    headers: int
    """height of the most-work header chain: more than the active one while the node still synchronises"""
    pruned: bool
    prune_height: int
    """first height whose block the node still has; 0 where it has all"""
    initial_block_download: bool
    verification_progress: float
    """0 to 1, the node's own estimate"""
    size_on_disk: int
    """bytes of block and undo files"""

    @property
    def snapshot_note(self) -> str:
        """What to say of a snapshot whose past is still validated; empty for other nodes."""
        if self.complete == self.active:
            return ""
        return (
            f"the node, at height {self.active.height}, was started from a snapshot "
            f"and has validated the chain up to {self.complete.height} so far"
        )


@dataclass(frozen=True)
class NodeFacts(ChainFacts):
    """What a node says of its chain and itself, and what REST answers."""

    version: int
    """31.99.0 is 319900"""
    subversion: str
    rest: bool
    """whether the node was started with rest=1"""
    rest_spent: bool
    """whether REST gives spent outputs, as the rest source needs"""


def probe_node(address: NodeAddress, retry: Retry) -> NodeFacts:
    """Ask the node what it is. Raises the node errors of etl.errors."""
    with NodeControl(address, retry) as control:
        chain = chain_facts(Fields(control.call("getblockchaininfo"), "getblockchaininfo", address))
        network = Fields(control.call("getnetworkinfo"), "getnetworkinfo", address)
        version = network.count("version", 1 << 31)
        if chain.complete == chain.active and version >= _FIRST_VERSION_WITH_CHAINSTATES:
            states = Fields(control.call("getchainstates"), "getchainstates", address)
            chain = replace(chain, complete=_oldest_tip(states) or chain.complete)
    rest, rest_spent = _rest(address, retry, chain.active.block_hash)
    return NodeFacts(
        **vars(chain),
        version=version,
        subversion=network.text("subversion"),
        rest=rest,
        rest_spent=rest_spent and version >= FIRST_VERSION_WITH_SPENTTXOUTS,
    )


def chain_facts(info: Fields) -> ChainFacts:
    """What getblockchaininfo says. Raises NodeAnswerError, NodeIncapable for another program's chain."""
    active = _tip(info)
    behind = info.part("backgroundvalidation") if info.has("backgroundvalidation") else None
    return ChainFacts(
        network=known_network(info.text("chain")),
        active=active,
        complete=_tip(behind) if behind is not None else active,
        headers=info.height("headers"),
        pruned=info.flag("pruned"),
        prune_height=info.height("pruneheight") if info.has("pruneheight") else 0,
        initial_block_download=info.flag("initialblockdownload"),
        verification_progress=info.share("verificationprogress"),
        size_on_disk=info.count("size_on_disk"),
    )


def described(facts: ChainFacts) -> str:
    """The network and how far it can be indexed, for people."""
    note = f"; {facts.snapshot_note}" if facts.snapshot_note else ""
    return f"{facts.network.name}, tip {facts.complete.height}{note}"


def _tip(state: Fields) -> Tip:
    return Tip(state.height("blocks"), state.block_hash("bestblockhash"))


def _oldest_tip(states: Fields) -> Tip | None:
    """The tip of the chain that starts at genesis where another starts from a snapshot, else None.

    A state that has no block yet has no members.
    """
    found = [_tip(each) for each in states.parts("chainstates", _MOST_CHAINSTATES) if each.has("blocks")]
    return found[0] if len(found) > 1 else None


def known_network(chain: str) -> Network:
    """The network that a node calls `chain`. Raises NodeIncapable."""
    network = network_by_rpc_chain(chain)
    if network is None:
        raise NodeIncapable(
            f"the node is on the chain {escaped(chain)!r}, which minerflow does not know",
            "use a node on mainnet, testnet3, testnet4, signet or regtest",
        )
    return network


def _rest(address: NodeAddress, retry: Retry, block_hash: str) -> tuple[bool, bool]:
    """Whether REST answers, and whether it knows spent outputs.

    An endpoint that is lacking is a 404 without a text.
    """

    def offered(path: str) -> bool:
        answer = connection.get(path, MOST_BLOCK_BYTES)
        if answer.status == 503:
            raise unavailable(answer.body, address)
        return answer.status == 200 or (answer.status == 404 and bool(answer.body))

    with NodeConnection(address, request_timeout(retry.timeout_s)) as connection:
        rest = retry(lambda: offered("/rest/chaininfo.json"))
        return rest, rest and retry(lambda: offered(f"/rest/spenttxouts/{block_hash}.bin"))
