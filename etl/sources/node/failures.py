"""What goes wrong between minerflow and a node, as the errors of etl.errors.

Invariant: no text holds credentials, and what a node says is escaped and cut. Status codes, codes and
messages as in Bitcoin Core's httprpc.cpp, rest.cpp, rpc/protocol.h and rpc/blockchain.cpp (release 31).
"""

from __future__ import annotations

import http.client
import socket

from etl.errors import (
    ChainMoved,
    MinerflowError,
    NodeAnswerError,
    NodeBusy,
    NodeIncapable,
    NodeRefused,
    NodeUnreachable,
    NodeWarmingUp,
)
from etl.foreign_text import escaped, masked
from etl.sources.node.address import NodeAddress

_RPC_WARMING_UP, _RPC_UNKNOWN_METHOD = -28, -32601
_RPC_NO_SUCH_BLOCK = (-5, -8)
_LONGEST_TEXT = 10_000
"""Characters looked at of what a node says."""


def said_by(address: NodeAddress, text: str) -> str:
    """What a node says, fit for people: it may echo the credentials that it was sent."""
    return escaped(masked(text.strip(), address.credentials.secrets()))


def unreachable(error: Exception, address: NodeAddress) -> NodeUnreachable:
    """What a failed exchange of bytes is to the user."""
    if isinstance(error, TimeoutError):
        reason = "does not answer in time"
    elif isinstance(error, ConnectionRefusedError):
        reason = "refuses connections: nothing listens there"
    elif isinstance(error, socket.gaierror):
        reason = f"has a host name that cannot be resolved ({error.strerror})"
    elif isinstance(error, http.client.HTTPException | ConnectionError | ValueError):
        reason = f"hung up or cut its answer off ({type(error).__name__})"
    else:
        reason = f"cannot be reached ({getattr(error, 'strerror', None) or type(error).__name__})"
    return NodeUnreachable(
        f"the node at {address} {reason}",
        "check that the node runs and that --rpc-url or bitcoin.conf names its host and port",
    )


def changed_on_the_way(what: str, address: NodeAddress) -> NodeUnreachable:
    """Two answers to the same question that differ."""
    return NodeUnreachable(
        f"the node at {address} gives {what} twice, and not the same",
        "check the network and whatever lies between this machine and the node",
    )


def cut_off(address: NodeAddress) -> NodeUnreachable:
    """An answer whose end is missing."""
    return unreachable(http.client.IncompleteRead(b""), address)


def refusal(status: int, address: NodeAddress) -> NodeRefused:
    """HTTP 401 (credentials) and 403 (the caller's address or the method is not allowed)."""
    if status == 401:
        return NodeRefused(
            f"the node at {address} rejects the user or password",
            "check rpcuser and rpcpassword, or let minerflow read the cookie file of the node that "
            "runs now: --bitcoin-datadir",
        )
    return NodeRefused(
        f"the node at {address} forbids the call (HTTP 403)",
        "allow this machine (rpcallowip) and this user's calls (rpcwhitelist) in bitcoin.conf",
    )


def unavailable(body: bytes, address: NodeAddress) -> NodeWarmingUp | NodeBusy:
    """HTTP 503: REST says so while the node starts, and either interface when its queue is full."""
    text = said_by(address, body[:_LONGEST_TEXT].decode("utf-8", "replace"))
    starting = text.removeprefix("Service temporarily unavailable: ")
    if starting != text:
        return _warming_up(starting)
    return NodeBusy(
        f"the node at {address} is busy (HTTP 503: {text[:80]})",
        "raise rpcworkqueue in bitcoin.conf, or run fewer programs against the node",
    )


def _warming_up(message: str) -> NodeWarmingUp:
    return NodeWarmingUp(
        f"node is starting: {message}", "wait until it has started, or give a longer --timeout"
    )


def rpc_failure(method: str, code: object, message: object, address: NodeAddress) -> MinerflowError:
    """What a JSON-RPC error object is to the user."""
    number = code if type(code) is int else "without a number"
    text = said_by(address, str(message)[:_LONGEST_TEXT])
    said = f"the node at {address} answers {method} with error {number}: {text}"
    if code == _RPC_WARMING_UP:
        return _warming_up(text)
    if code in _RPC_NO_SUCH_BLOCK and method.startswith("getblock"):
        return chain_moved(said)
    if code == _RPC_UNKNOWN_METHOD:
        return NodeIncapable(said, "use Bitcoin Core 23 or newer")
    if "pruned data" in text:
        return pruned(said)
    if "not fully downloaded" in text or "ndo data not available" in text:
        return not_downloaded(said)
    return NodeAnswerError(said, "check the node's debug.log")


def pruned(what: str) -> NodeIncapable:
    """Blocks, or the outputs that they spend, which the node has deleted."""
    return NodeIncapable(
        what,
        "use an unpruned node (prune=0 and -reindex), or start at a block that it still has",
    )


def check_not_pruned(prune_height: int, first_height: int, address: NodeAddress) -> None:
    """Raise NodeIncapable where the node has deleted the block at `first_height`."""
    if first_height < prune_height:
        raise pruned(
            f"the node at {address} is pruned: it has no blocks before height {prune_height}, "
            f"and the range starts at {first_height}"
        )


def not_downloaded(what: str) -> NodeIncapable:
    """Blocks that the node has not downloaded or not checked yet, as those before a snapshot (assumeutxo)."""
    return NodeIncapable(what, "wait until the node has downloaded and checked all blocks")


def undo_lacking(what: str) -> NodeIncapable:
    """Blocks of which the node has no undo data: deleted, or not made yet."""
    return NodeIncapable(
        what,
        "wait until the node has validated all blocks, if it was started from a snapshot; "
        "else start at a block that it still has, or use an unpruned node",
    )


def chain_moved(what: str) -> ChainMoved:
    """Blocks that are no longer part of the active chain."""
    return ChainMoved(what, "run the same command again: it plans from the chain as it is now")


def bad_answer(what: str, address: NodeAddress) -> NodeAnswerError:
    """An answer that no node should give."""
    return NodeAnswerError(
        f"the node at {address}: {what}",
        "check that the URL is a Bitcoin Core node's, with no other program in between",
    )


def too_long(most_bytes: int, address: NodeAddress) -> NodeAnswerError:
    """An answer that would fill the memory."""
    return bad_answer(f"an answer is longer than {most_bytes:,} bytes", address)
