"""What a node is and offers, asked once before anything is planned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from etl.chain.networks import Network, network_by_rpc_chain
from etl.errors import NodeIncapable
from etl.sources.node.address import NodeAddress
from etl.sources.node.connection import NodeConnection, request_timeout
from etl.sources.node.control import NodeControl
from etl.sources.node.failures import bad_answer, unavailable
from etl.sources.node.retry import Retry

FIRST_VERSION_WITH_PREVOUTS = 230_000
"""getblock's verbosity 3 (Bitcoin Core 23)"""
FIRST_VERSION_WITH_SPENTTXOUTS = 300_000
"""/rest/spenttxouts (Bitcoin Core 30)"""


@dataclass(frozen=True)
class NodeFacts:
    """getblockchaininfo and getnetworkinfo, and what REST answers."""

    network: Network
    blocks: int
    """height of the active chain's tip"""
    best_block_hash: str
    headers: int
    """height of the most-work header chain: more than `blocks` while the node still synchronises"""
    version: int
    """31.99.0 is 319900"""
    subversion: str
    pruned: bool
    prune_height: int
    """first height whose block the node still has; 0 where it has all"""
    initial_block_download: bool
    verification_progress: float
    """0 to 1, the node's own estimate"""
    rest: bool
    """whether the node was started with rest=1"""
    rest_spent: bool
    """whether REST gives spent outputs, as the rest source needs"""
    warnings: tuple[str, ...]


def probe_node(address: NodeAddress, retry: Retry) -> NodeFacts:
    """Ask the node what it is. Raises the node errors of etl.errors."""
    with NodeControl(address, retry) as control:
        chain = control.call("getblockchaininfo")
        network = control.call("getnetworkinfo")
    try:
        return _facts(chain, network, *_rest(address, retry, str(chain["bestblockhash"])))
    except (KeyError, TypeError, ValueError) as error:
        raise bad_answer(
            f"getblockchaininfo or getnetworkinfo lacks {error} or has it in another form", address
        ) from error


def _facts(chain: Any, network: Any, rest: bool, rest_spent: bool) -> NodeFacts:
    said = network["warnings"]
    return NodeFacts(
        network=known_network(chain["chain"]),
        blocks=int(chain["blocks"]),
        best_block_hash=chain["bestblockhash"],
        headers=int(chain["headers"]),
        version=int(network["version"]),
        subversion=network["subversion"],
        pruned=bool(chain["pruned"]),
        prune_height=int(chain.get("pruneheight", 0)),
        initial_block_download=bool(chain["initialblockdownload"]),
        verification_progress=float(chain["verificationprogress"]),
        rest=rest,
        rest_spent=rest_spent and int(network["version"]) >= FIRST_VERSION_WITH_SPENTTXOUTS,
        warnings=tuple(said if isinstance(said, list) else [said] if said else []),
    )


def known_network(chain: str) -> Network:
    """The network that a node calls `chain`. Raises NodeIncapable."""
    network = network_by_rpc_chain(chain)
    if network is None:
        raise NodeIncapable(
            f"the node is on the chain {chain!r}, which minerflow does not know",
            "use a node on mainnet, testnet3, testnet4, signet or regtest",
        )
    return network


def _rest(address: NodeAddress, retry: Retry, block_hash: str) -> tuple[bool, bool]:
    """Whether REST answers, and whether it knows spent outputs.

    An endpoint that is lacking is a 404 without a text.
    """

    def offered(path: str) -> bool:
        answer = connection.get(path)
        if answer.status == 503:
            raise unavailable(answer.body, address)
        return answer.status == 200 or (answer.status == 404 and bool(answer.body))

    with NodeConnection(address, request_timeout(retry.timeout_s)) as connection:
        rest = retry(lambda: offered("/rest/chaininfo.json"))
        return rest, rest and retry(lambda: offered(f"/rest/spenttxouts/{block_hash}.bin"))
